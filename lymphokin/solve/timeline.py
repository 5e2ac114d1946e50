"""Treatments of many patients as arrays of one shape, ready for the solver.

Every patient gets nodes of its own, exactly on its fractions, doses and days of interest; shorter
ones are padded with steps of length zero and array sizes are rounded up, so that another schedule
or another patient seldom means another compilation. Nodes come first, patients (or lanes) second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import jax
import numpy as np

from lymphokin.solve.handed import HandDownArrays, hand_down_arrays, rounded
from lymphokin.solve.lesions import lesion_volumes, present_lesions
from lymphokin.solve.steps import StepRule, Window, days_nodes, drug_windows, hours_nodes
from lymphokin.solve.treatment import SAME_DAY, Treatment


class DaysArrays(NamedTuple):
    """The days clock: [node, patient] nodes, [step, patient] steps, the fractions on the nodes."""

    step: jax.Array | np.ndarray
    node_day: jax.Array | np.ndarray
    immune_dose: jax.Array | np.ndarray
    share: jax.Array | np.ndarray
    amount: Mapping[str, jax.Array | np.ndarray]
    """per drug that blocks of this clock take, [node, patient] in the drug's unit"""
    rate: Mapping[str, jax.Array | np.ndarray]
    """per such drug that may be infused, [step, patient] in its unit per day"""
    lesion_gy: jax.Array | np.ndarray | None = None
    """[node, lesion, patient] Gy to each lesion; None where lesions are not distinguished"""
    present: jax.Array | np.ndarray | None = None
    """[lesion, patient] 1.0 where the patient has such a lesion, else 0.0"""
    lesion_cm3: jax.Array | np.ndarray | None = None
    """[lesion, patient] volume of each lesion, 1.0 where not stated"""
    reset: jax.Array | np.ndarray | None = None
    """[node, patient] 1.0 where the patient is set back to the untreated state before anything else
    happens, else 0.0; None where nobody ever is"""
    varying: Mapping[str, jax.Array | np.ndarray] = {}
    """per covariate that changes within a patient, [step, patient]"""
    at_risk: jax.Array | np.ndarray | None = None
    """[patient] node from which events can happen; None where that is the first one of all"""

    @property
    def at_risk_day(self) -> np.ndarray:
        """[patient] day from which events can happen."""
        node_day = np.asarray(self.node_day)
        first = np.zeros(node_day.shape[1], int) if self.at_risk is None else self.at_risk
        return node_day[np.asarray(first), np.arange(node_day.shape[1])]


class HoursArrays(NamedTuple):
    """The hours clock: one lane per patient and drug window, in time since dose plus lag."""

    step: jax.Array | np.ndarray
    """[step, lane] days"""
    offset: jax.Array | np.ndarray
    """[node, lane] days since the window's first dose"""
    amount: Mapping[str, jax.Array | np.ndarray]
    """per drug, [node, lane] in the drug's unit"""
    rate: Mapping[str, jax.Array | np.ndarray]
    """per drug that may be infused, [step, lane] in its unit per day"""
    patient: jax.Array | np.ndarray
    """[lane] patient of the lane"""
    treated: jax.Array | np.ndarray
    """[lane] position of the patient among the treated ones"""
    start: jax.Array | np.ndarray
    """[lane] day of the window's first dose"""
    earlier: jax.Array | np.ndarray
    """[rank, lane] lanes of the patient's windows before this one, latest first"""
    has_earlier: jax.Array | np.ndarray
    """[rank, lane] 1.0 where there is such a window, else 0.0"""
    exposure: jax.Array | np.ndarray
    """[lane] place of the window's drugs among :attr:`lymphokin.model.Model.exposures`"""


class Timeline(NamedTuple):
    """Everything about the treatments that the solver needs, as arrays."""

    days: DaysArrays
    hours: HoursArrays | None
    hand_down: tuple[HandDownArrays, ...]
    """per exposure; empty where nobody gets a drug of the hours clock"""


@dataclass(frozen=True)
class Layout:
    """Where things are in a :class:`Timeline`."""

    treatments: tuple[Treatment, ...]
    treated: np.ndarray
    """patients with at least one drug dose, by position"""
    lane_windows: tuple[tuple[int, float, float], ...]
    """patient, start and end of each lane's window"""
    lane_exposures: tuple[int, ...]
    """exposure of each lane"""

    def node(self, timeline: Timeline, patient: int, day: float) -> int:
        """Index of the node on ``day``; days before the first event are the first node.

        Raises:
            KeyError: when the day is not among the patient's days of interest or events.
        """
        return int(self.nodes(timeline, patient, np.array([day]))[0])

    def nodes(self, timeline: Timeline, patient: int, days: np.ndarray) -> np.ndarray:
        """Indices of the nodes on ``days`` [day]; see :meth:`node`."""
        nodes = np.asarray(timeline.days.node_day)[:, patient]
        index = np.searchsorted(nodes, days - SAME_DAY)
        found = nodes[np.minimum(index, len(nodes) - 1)]
        before = days < nodes[0]
        lost = ~before & ((index >= len(nodes)) | (np.abs(found - days) > 2 * SAME_DAY))
        if lost.any():
            raise KeyError(f"day {days[lost][0]} is not a node of patient {patient}")
        return np.where(before, 0, index)

    def lane(self, patient: int, day: float, exposure: int = 0) -> int | None:
        """Lane whose drug window of an exposure covers ``day``, or None."""
        for lane, start, end in self._windows_of.get(patient, ()):
            if start <= day < end and self.lane_exposures[lane] == exposure:
                return lane
        return None

    @cached_property
    def _windows_of(self) -> dict[int, list[tuple[int, float, float]]]:
        """Per treated patient, lane, start and end of each window."""
        found: dict[int, list[tuple[int, float, float]]] = {}
        for lane, (patient, start, end) in enumerate(self.lane_windows):
            found.setdefault(patient, []).append((lane, start, end))
        return found


def _padded(rows: Sequence[np.ndarray], length: int, fill: float | None = 0.0) -> np.ndarray:
    """[length, row] array; a fill of None repeats the last value of each row."""
    out = np.zeros((length, len(rows)))
    for column, row in enumerate(rows):
        out[: len(row), column] = row
        out[len(row) :, column] = row[-1] if fill is None else fill
    return out


def unique_days(days: np.ndarray) -> np.ndarray:
    """Days in order, each instant once."""
    ordered = np.sort(days)
    keep = np.concatenate([[True], np.diff(ordered) > SAME_DAY])
    return ordered[keep]


def _at_nodes(nodes: np.ndarray, days: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values summed onto the nodes on which they fall."""
    out = np.zeros(len(nodes))
    np.add.at(out, np.searchsorted(nodes, days - SAME_DAY), values)
    return out


def build_timeline(
    treatments: Sequence[Treatment], rule: StepRule | None = None
) -> tuple[Timeline, Layout]:
    """Nodes, steps and events of all treatments.

    Args:
        treatments: one per patient.
        rule: step sizes; the default holds counts to about 1e-4, see :class:`StepRule`.
    """
    rule = rule or StepRule()
    known = {*rule.on_days, *(drug for window in rule.windows for drug in window.drugs)}
    given = [treatment.of_doses(treatment.is_of(known)) for treatment in treatments]
    node_rows = []
    for treatment in given:
        fractions = np.sort(treatment.fraction_days)
        doses = np.sort(treatment.dose_days)
        if not treatment.at_once.all():
            doses = np.sort(np.concatenate([doses, treatment.dose_ends]))
        if len(treatment.change_days):  # steps after a change are as short as after a dose
            doses = np.sort(np.concatenate([doses, treatment.change_days]))
        if len(treatment.resets):
            doses = np.sort(np.concatenate([doses, treatment.resets]))
        events = np.sort(np.concatenate([fractions, doses]))
        begins = rule.from_first_record or not len(events)
        first = min([*treatment.days, *events[:1]]) if begins else events[0]
        at_risk = first if treatment.at_risk_from is None else treatment.at_risk_from
        first = min(first, at_risk)
        if rule.from_first_record:
            doses = np.sort(np.append(doses, first))
        last = max(treatment.days.max(initial=at_risk), events.max(initial=at_risk))
        anchors = np.concatenate([events, treatment.days, [first, at_risk]])
        anchors = unique_days(anchors[(anchors >= first) & (anchors <= last)])
        node_rows.append(days_nodes(anchors.tolist(), doses.tolist(), fractions.tolist(), rule))
    nodes = rounded(max(1, *(len(row) - 1 for row in node_rows))) + 1
    node_day = _padded(node_rows, nodes, None)
    days = DaysArrays(
        step=np.diff(node_day, axis=0),
        node_day=node_day,
        immune_dose=_padded(
            [
                _at_nodes(row, t.fraction_days, t.immune_dose)
                for row, t in zip(node_rows, treatments, strict=True)
            ],
            nodes,
        ),
        share=_padded(
            [
                _at_nodes(row, t.fraction_days, t.share)
                for row, t in zip(node_rows, treatments, strict=True)
            ],
            nodes,
        ),
        amount=_amounts(rule.on_days, given, node_rows, nodes),
        rate=_rates(set(rule.on_days) & set(rule.infused), given, node_rows, nodes - 1),
        lesion_gy=_lesion_gy(treatments, node_rows, nodes),
        present=present_lesions(treatments),
        lesion_cm3=lesion_volumes(treatments),
        reset=_resets(treatments, node_rows, nodes),
        varying=_varying(treatments, node_day),
        at_risk=_at_risk(treatments, node_day),
    )
    by_exposure = [
        [
            (i, a, b)
            for i, treatment in enumerate(given)
            for a, b in _windows(treatment, window, rule)
        ]
        for window in rule.windows
    ]
    lanes = tuple(lane for own in by_exposure for lane in own)
    exposures = tuple(i for i, own in enumerate(by_exposure) for _ in own)
    treated = np.unique(np.asarray([patient for patient, _, _ in lanes], dtype=int))
    layout = Layout(tuple(treatments), treated, lanes, exposures)
    if not lanes:
        return Timeline(days, None, ()), layout
    hours = _hours(given, lanes, exposures, treated, rule)
    resets = [treatment.resets for treatment in given]
    down = tuple(
        hand_down_arrays(node_day, lanes, np.asarray(exposures) == i, resets)
        for i in range(len(rule.windows))
    )
    if days.reset is not None:
        down = tuple(each._replace(kept=1.0 - np.asarray(days.reset)) for each in down)
    return Timeline(days, hours, down), layout


def _varying(treatments: Sequence[Treatment], node_day: np.ndarray) -> dict[str, np.ndarray]:
    """Per covariate that changes, [step, patient] its value, constant from node to node."""
    return {
        name: np.stack(
            [t.varying[name].at(node_day[:-1, i]) for i, t in enumerate(treatments)], axis=1
        )
        for name in (treatments[0].varying if treatments else ())
    }


def _at_risk(treatments: Sequence[Treatment], node_day: np.ndarray) -> np.ndarray | None:
    """[patient] node from which events can happen; None where that is the first one of all."""
    nodes = [
        0 if t.at_risk_from is None else np.searchsorted(node_day[:, i], t.at_risk_from - SAME_DAY)
        for i, t in enumerate(treatments)
    ]
    return np.array(nodes) if any(nodes) else None


def _resets(
    treatments: Sequence[Treatment], nodes: Sequence[np.ndarray], length: int
) -> np.ndarray | None:
    """[node, patient] 1.0 on the nodes of resets; None where there are none."""
    if not any(len(t.resets) for t in treatments):
        return None
    on = [
        _at_nodes(r, t.resets, np.ones(len(t.resets)))
        for t, r in zip(treatments, nodes, strict=True)
    ]
    return np.minimum(_padded(on, length), 1.0)


def _lesion_gy(
    treatments: Sequence[Treatment], nodes: Sequence[np.ndarray], length: int
) -> np.ndarray | None:
    """[node, lesion, patient] Gy to each lesion; as of :func:`present_lesions`."""
    present = present_lesions(treatments)
    if present is None:
        return None
    gy = np.zeros((length, *present.shape))
    for patient, (treatment, row) in enumerate(zip(treatments, nodes, strict=True)):
        for lesion in range(int(present[:, patient].sum())):
            assert treatment.lesion_gy is not None
            own = treatment.lesion_gy[:, lesion]
            gy[: len(row), lesion, patient] = _at_nodes(row, treatment.fraction_days, own)
    return gy


def _windows(treatment: Treatment, window: Window, rule: StepRule) -> list[tuple[float, float]]:
    """Start and end of the windows of some drugs in one patient."""
    own = treatment.of_doses(treatment.is_of(window.drugs))
    order = np.argsort(own.dose_days, kind="stable")
    days, ends = own.dose_days[order], own.dose_ends[order]
    return drug_windows(
        days.tolist(), rule.within(window), ends.tolist(), treatment.resets.tolist()
    )


def _amounts(
    drugs: Iterable[str], given: Sequence[Treatment], nodes: Sequence[np.ndarray], length: int
) -> dict[str, np.ndarray]:
    """Per drug, [node, row] what is given at once on the nodes of each row.

    Args:
        given: per row, doses on the row's clock.
        nodes: per row, its nodes.
        length: of the arrays.
    """

    def on_nodes(treatment: Treatment, row: np.ndarray, drug: str) -> np.ndarray:
        own = treatment.of_doses(treatment.is_of((drug,)) & treatment.at_once)
        return _at_nodes(row, own.dose_days, own.amount)

    return {
        drug: _padded([on_nodes(t, row, drug) for t, row in zip(given, nodes, strict=True)], length)
        for drug in drugs
    }


def _rates(
    drugs: Iterable[str], given: Sequence[Treatment], nodes: Sequence[np.ndarray], length: int
) -> dict[str, np.ndarray]:
    """Per drug, [step, row] infusions that run in the steps of each row; as of :func:`_amounts`."""

    def in_steps(treatment: Treatment, row: np.ndarray, drug: str) -> np.ndarray:
        own = treatment.of_doses(treatment.is_of((drug,)) & ~treatment.at_once)
        rates = np.zeros(len(row) - 1)
        for start, end, amount in zip(own.dose_days, own.dose_ends, own.amount, strict=True):
            within = (row[:-1] >= start - SAME_DAY) & (row[1:] <= end + SAME_DAY)
            rates[within] += amount / (end - start)
        return rates

    return {
        drug: _padded([in_steps(t, row, drug) for t, row in zip(given, nodes, strict=True)], length)
        for drug in sorted(drugs)
    }


def _hours(
    treatments: Sequence[Treatment],
    lanes: Sequence[tuple[int, float, float]],
    exposures: Sequence[int],
    treated: np.ndarray,
    rule: StepRule,
) -> HoursArrays:
    offsets, given = [], []
    for (patient, start, end), exposure in zip(lanes, exposures, strict=True):
        treatment, window = treatments[patient], rule.windows[exposure]
        inside = (treatment.dose_days >= start) & (treatment.dose_days < end)
        own = treatment.of_doses(inside & treatment.is_of(window.drugs))
        own = replace(own, dose_days=own.dose_days - start)
        events = np.concatenate([own.dose_days, own.dose_ends])
        offsets.append(hours_nodes(unique_days(events).tolist(), end - start, rule.within(window)))
        given.append(own)
    length = rounded(max(len(row) for row in offsets) - 1) + 1
    offset = _padded(offsets, length, None)
    drugs = [drug for window in rule.windows for drug in window.drugs]
    patients = np.asarray([patient for patient, _, _ in lanes])
    segments = [int((treatments[p].resets < start).sum()) for p, start, _ in lanes]
    runs = list(zip(exposures, patients.tolist(), segments, strict=True))
    first = {run: lane for lane, run in reversed(list(enumerate(runs)))}
    ordinal = np.arange(len(lanes)) - np.asarray([first[run] for run in runs])
    rank = np.arange(1, ordinal.max() + 1)[:, None]
    has_earlier = rank <= ordinal
    return HoursArrays(
        step=np.diff(offset, axis=0),
        offset=offset,
        amount=_amounts(drugs, given, offsets, length),
        rate=_rates(set(drugs) & set(rule.infused), given, offsets, length - 1),
        patient=patients,
        treated=np.searchsorted(treated, patients),
        start=np.asarray([start for _, start, _ in lanes]),
        earlier=np.where(has_earlier, np.arange(len(lanes)) - rank, 0),
        has_earlier=has_earlier.astype(float),
        exposure=np.asarray(exposures),
    )
