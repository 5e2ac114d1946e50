"""One treatment for many draws of a patient: arrays of a fixed shape, repeated lane after lane.

A timeline of :mod:`lymphokin.solve.timeline` has as many nodes as its treatments need. Here it is
padded to one of a few shapes, so that another schedule does not mean another compilation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.solve.steps import StepRule
from lymphokin.solve.timeline import (
    DaysArrays,
    HandDownArrays,
    HoursArrays,
    Timeline,
    build_timeline,
)
from lymphokin.solve.treatment import SAME_DAY, Treatment


@dataclass(frozen=True)
class Shape:
    """Sizes of the arrays of a treatment."""

    nodes: int
    """of the days clock"""
    windows: int
    """of the drug; 0 where there is none"""
    hours: int
    """nodes of the hours clock per window"""
    queries: int
    """nodes of the days clock within one window"""

    def holds(self, needed: Shape) -> bool:
        """Whether arrays of the needed sizes fit; with and without the drug are never the same."""
        sizes = zip(vars(needed).values(), vars(self).values(), strict=True)
        return bool(self.windows) == bool(needed.windows) and all(n <= have for n, have in sizes)


class TreatmentArrays(NamedTuple):
    """One treatment; [node], or with the drug's windows last."""

    step: np.ndarray
    """[step] days"""
    node_day: np.ndarray
    immune_dose: np.ndarray
    share: np.ndarray
    days_amount: Mapping[str, np.ndarray]
    """per drug of the days clock, [node] in the drug's unit"""
    days_rate: Mapping[str, np.ndarray]
    """per such drug that may be infused, [step] per day"""
    hours_step: np.ndarray
    """[step, window]"""
    offset: np.ndarray
    """[hours node, window]"""
    amount: Mapping[str, np.ndarray]
    """per drug, [hours node, window] in the drug's unit"""
    rate: Mapping[str, np.ndarray]
    """per drug that may be infused, [hours step, window] per day"""
    start: np.ndarray
    """[window] day of its first dose"""
    real: np.ndarray
    """[window] 1.0, or 0.0 for padding"""
    exposure: np.ndarray
    """[window] place of its drugs among the model's exposures"""
    ordinal: np.ndarray
    """[window] place among the windows of its exposure"""
    query_day: np.ndarray
    """[exposure, query, window]"""
    query: np.ndarray
    """[exposure, node] query that the node reads"""
    window: np.ndarray
    """[exposure, node] window of that query"""
    inside: np.ndarray
    """[exposure, node]"""
    ended: np.ndarray
    """[exposure, node] last window that has ended"""
    has_ended: np.ndarray
    """[exposure, node]"""
    lesion_gy: np.ndarray = np.zeros((0, 0))
    """[node, lesion] Gy to each lesion; of no lesion where they are not distinguished"""
    present: np.ndarray = np.zeros(0)
    """[lesion] 1.0, or 0.0 for padding"""
    varying: Mapping[str, np.ndarray] = {}
    """per covariate that changes in others, [step]"""

    @property
    def shape(self) -> Shape:
        """Sizes of the arrays."""
        hours, windows = self.offset.shape
        queries = self.query_day.shape[1] if windows else 0
        return Shape(len(self.node_day), windows, hours, queries)


LESIONS = (3, 6, 12)
"""Numbers of lesions that arrays are padded to."""


def treatment_arrays(
    treatment: Treatment, shapes: Sequence[Shape], rule: StepRule
) -> TreatmentArrays | None:
    """Arrays of a treatment in the first shape that holds them; None where none does."""
    order = np.argsort(treatment.fraction_days, kind="stable")
    ordered = replace(
        treatment,
        fraction_days=treatment.fraction_days[order],
        immune_dose=treatment.immune_dose[order],
        share=treatment.share[order],
        lesion_gy=None if treatment.lesion_gy is None else treatment.lesion_gy[order],
    )
    timeline, layout = build_timeline([ordered], rule)
    windows = len(layout.lane_windows)
    needed = Shape(
        timeline.days.node_day.shape[0],
        windows,
        0 if timeline.hours is None else timeline.hours.offset.shape[0],
        max((down.query_day.shape[0] for down in timeline.hand_down), default=0),
    )
    shape = next((shape for shape in shapes if shape.holds(needed)), None)
    return None if shape is None else _padded(timeline, windows, shape)


def _filled(array: Any, rows: int) -> np.ndarray:
    """More rows at the end, each like the last."""
    array = np.asarray(array)
    return np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1), mode="edge")


def _zeros(array: Any, rows: int) -> np.ndarray:
    """More rows at the end, of zeros."""
    array = np.asarray(array)
    return np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1))


def _padded(timeline: Timeline, windows: int, shape: Shape) -> TreatmentArrays:
    """The timeline of one patient in a shape."""
    days = jax.tree.map(lambda array: np.asarray(array)[..., 0], timeline.days)
    node_day = _filled(days.node_day, shape.nodes)
    arrays = TreatmentArrays(
        step=np.diff(node_day),
        node_day=node_day,
        immune_dose=_zeros(days.immune_dose, shape.nodes),
        share=_zeros(days.share, shape.nodes),
        days_amount={n: _zeros(v, shape.nodes) for n, v in days.amount.items()},
        days_rate={n: _zeros(v, shape.nodes - 1) for n, v in days.rate.items()},
        hours_step=np.zeros((0, 0)),
        offset=np.zeros((0, 0)),
        amount={},
        rate={},
        start=np.zeros(0),
        real=np.zeros(0),
        exposure=np.zeros(0, int),
        ordinal=np.zeros(0, int),
        query_day=np.zeros((0, 0, 0)),
        query=np.zeros((0, 0), int),
        window=np.zeros((0, 0), int),
        inside=np.zeros((0, 0)),
        ended=np.zeros((0, 0), int),
        has_ended=np.zeros((0, 0)),
    )
    arrays = arrays._replace(
        varying={n: _filled(v, shape.nodes - 1) for n, v in days.varying.items()}
    )
    if days.present is not None:
        more = next(n for n in LESIONS if n >= len(days.present)) - len(days.present)
        gy = np.pad(_zeros(days.lesion_gy, shape.nodes), ((0, 0), (0, more)))
        arrays = arrays._replace(lesion_gy=gy, present=np.pad(days.present, (0, more)))
    hours = timeline.hours
    if hours is None:
        return arrays
    spare = ((0, 0), (0, shape.windows - windows))
    offset = np.pad(_filled(hours.offset, shape.hours), spare, mode="edge")
    exposure = np.pad(np.asarray(hours.exposure), spare[1], mode="edge")

    def of_exposures(array: str) -> np.ndarray:
        rows = (np.asarray(getattr(down, array))[:, 0] for down in timeline.hand_down)
        return np.stack([_filled(row, shape.nodes) for row in rows])

    queries = [_filled(down.query_day, shape.queries) for down in timeline.hand_down]
    source = of_exposures("source")
    return arrays._replace(
        hours_step=np.diff(offset, axis=0),
        offset=offset,
        amount={n: np.pad(_zeros(v, shape.hours), spare) for n, v in hours.amount.items()},
        rate={n: np.pad(_zeros(v, shape.hours - 1), spare) for n, v in hours.rate.items()},
        start=np.pad(np.asarray(hours.start), spare[1], mode="edge"),
        real=(np.arange(shape.windows) < windows).astype(float),
        exposure=exposure,
        ordinal=np.arange(shape.windows) - np.searchsorted(exposure, exposure),
        query_day=np.stack([np.pad(query, spare, mode="edge") for query in queries]),
        query=source // windows,
        window=source % windows,
        inside=of_exposures("inside"),
        ended=of_exposures("ended"),
        has_ended=of_exposures("has_ended"),
    )


def timeline_of_lanes(arrays: TreatmentArrays, lanes: int, with_drug: Sequence[bool]) -> Timeline:
    """The treatment of every lane in every version, with its drugs or without them.

    Args:
        arrays: of the treatment.
        lanes: draws of the patient; each has windows of its own, which all versions share.
        with_drug: per version, whether drugs are given.
    """
    patients = lanes * len(with_drug)

    def wide(values: Any) -> jax.Array:
        values = jnp.asarray(values)
        return jnp.broadcast_to(values[:, None], (values.shape[0], patients))

    drug = jnp.repeat(jnp.asarray(with_drug, float), lanes)
    days = DaysArrays(
        step=wide(arrays.step),
        node_day=wide(arrays.node_day),
        immune_dose=wide(arrays.immune_dose),
        share=wide(arrays.share),
        amount={n: wide(v) * drug for n, v in arrays.days_amount.items()},
        rate={n: wide(v) * drug for n, v in arrays.days_rate.items()},
        varying={n: wide(v) for n, v in arrays.varying.items()},
    )
    if arrays.present.shape[0]:
        gy, present = jnp.asarray(arrays.lesion_gy), jnp.asarray(arrays.present)
        days = days._replace(
            lesion_gy=jnp.broadcast_to(gy[..., None], (*gy.shape, patients)),
            present=jnp.broadcast_to(present[:, None], (len(present), patients)),
        )
    if arrays.start.shape[0] == 0:
        return Timeline(days, None, ())
    lane = jnp.tile(jnp.arange(lanes), len(with_drug))
    width = lanes * arrays.start.shape[0]
    down = tuple(
        HandDownArrays(
            query_day=jnp.repeat(arrays.query_day[i], lanes, axis=1),
            source=wide(arrays.query[i]) * width + wide(arrays.window[i]) * lanes + lane,
            inside=wide(arrays.inside[i]) * drug,
            ended=wide(arrays.ended[i]) * lanes + lane,
            has_ended=wide(arrays.has_ended[i]) * drug,
        )
        for i in range(arrays.query_day.shape[0])
    )
    return Timeline(days, _hours(arrays, lanes), down)


def _hours(arrays: TreatmentArrays, lanes: int) -> HoursArrays:
    """The drugs' windows of all lanes, window after window."""
    windows = arrays.start.shape[0]
    window = jnp.repeat(jnp.arange(windows), lanes)
    lane = jnp.tile(jnp.arange(lanes), windows)
    rank = jnp.arange(1, max(windows, 2))[:, None]
    real = jnp.asarray(arrays.real)[window] > 0
    return HoursArrays(
        step=jnp.repeat(arrays.hours_step, lanes, axis=1),
        offset=jnp.repeat(arrays.offset, lanes, axis=1),
        amount={n: jnp.repeat(v, lanes, axis=1) for n, v in arrays.amount.items()},
        rate={n: jnp.repeat(v, lanes, axis=1) for n, v in arrays.rate.items()},
        patient=lane,
        treated=lane,
        start=jnp.repeat(arrays.start, lanes),
        earlier=jnp.maximum(window - rank, 0) * lanes + lane,
        has_earlier=((rank <= jnp.asarray(arrays.ordinal)[window]) & real).astype(float),
        exposure=jnp.asarray(arrays.exposure)[window],
    )


class Interpolation(NamedTuple):
    """Days of interest between the nodes of a treatment, by cubics in logarithms."""

    node: np.ndarray
    """[day, 4] nodes that are read"""
    weight: np.ndarray
    """[day, 4] of each; they add up to 1"""
    early: np.ndarray
    """[day] days since the first node, where they are negative, else 0"""


def interpolation(arrays: TreatmentArrays, days: np.ndarray) -> Interpolation:
    """Where days lie among the nodes; before the first and after the last the nearest counts.

    A day on a node gives the value there before any event. What an event changes at once is at no
    node: right after it the line from the value before it is all there is.
    """
    nodes = arrays.node_day
    last = int(np.searchsorted(nodes, nodes[-1]))
    early = np.minimum(days - nodes[0], 0.0)
    days = np.clip(days, nodes[0], nodes[-1])
    after = np.clip(np.searchsorted(nodes[: last + 1], days - SAME_DAY), min(1, last), last)
    before = np.maximum(after - 1, 0)
    jumps = _eventful(arrays)[:last]
    events = np.flatnonzero(jumps | _bends(arrays)[:last])
    # Nodes of the same smooth piece: after the last event before a day, up to the next one. Where
    # an infusion begins or ends nothing jumps, and the piece begins on the node itself.
    place = np.searchsorted(events, before, "right")
    first = np.concatenate([[0], events + jumps[events]])[place]
    end = np.append(events, last)[np.searchsorted(np.append(events, last), after)]
    first, end = np.where(first > before, (before, after), (first, end))
    start = np.clip(before - 1, first, np.maximum(first, end - 3))
    node = start[:, None] + np.arange(4)
    within = node <= end[:, None]
    node = np.where(within, node, start[:, None])
    at = nodes[node]
    own = np.eye(4, dtype=bool) | ~within[:, None, :] | ~within[:, :, None]
    over = np.where(own, 1.0, days[:, None, None] - at[:, None, :])
    under = np.where(own, 1.0, at[:, :, None] - at[:, None, :])
    weight = np.where(within, (over / under).prod(axis=2), 0.0)
    return Interpolation(node, weight, early)


def _eventful(arrays: TreatmentArrays) -> np.ndarray:
    """[node] whether anything is given there."""
    given = (arrays.share > 0) | (arrays.immune_dose > 0)
    for amount in arrays.days_amount.values():
        given = given | (amount > 0)
    dose_days = arrays.start + arrays.offset
    for amount in arrays.amount.values():
        place = np.searchsorted(arrays.node_day, dose_days[amount > 0] - SAME_DAY)
        given[np.minimum(place, len(given) - 1)] = True
    return given


def _bends(arrays: TreatmentArrays) -> np.ndarray:
    """[node] whether an infusion begins or ends there."""
    bent = np.zeros(len(arrays.node_day), bool)
    for rate in arrays.days_rate.values():
        bent |= np.diff(rate, prepend=0.0, append=0.0) != 0
    node_days = arrays.start + arrays.offset
    for rate in arrays.rate.values():
        changed = np.diff(rate, axis=0, prepend=0.0, append=0.0) != 0
        place = np.searchsorted(arrays.node_day, node_days[changed] - SAME_DAY)
        bent[np.minimum(place, len(bent) - 1)] = True
    return bent
