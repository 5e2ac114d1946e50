"""Forecasts of an event that happens once: whether by a day, given what is known of a patient.

A patient in whom the event was last looked for and not found has passed that day without it. Of
one in whom it was seen between two visits only when it happened is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.endpoints import Endpoint
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.evaluated import Evaluated
from lymphokin.population import PackedCohort
from lymphokin.predict.endpoint_draws import (
    WeightedDraws,
    arrays_used,
    chosen_draws_of,
    over_populations,
    records_used,
    weighted_draws,
)
from lymphokin.predict.windows import Window


class Known(NamedTuple):
    """What a patient's records up to a day say of an event."""

    last: float
    """day of the last visit without it; minus infinity where nobody looked"""
    seen: float
    """day of the visit at which it was seen; infinite where it was not"""


def known_of(rows: pd.DataFrame) -> Known:
    """What some records of an event in one patient say."""
    happened = rows["value"] == 1
    last = rows.loc[~happened, "day"].max() if (~happened).any() else -np.inf
    seen = rows.loc[happened, "day"].min() if happened.any() else np.inf
    return Known(float(last), float(seen))


def event_forecast(
    density: CohortDensity,
    population_z: np.ndarray,
    endpoint: Endpoint,
    windows: dict[str, Window],
    before: pd.Series | None,
    *,
    in_fit: bool,
    counts_until: float | None,
    seed: int,
    populations: int,
) -> tuple[pd.DataFrame, WeightedDraws]:
    """Forecast for every patient whether an event happens by the end of the endpoint's window.

    Args:
        density: the patients under the fitted model; its nodes hold the days of ``windows``.
        population_z: [draw, quantity] population latents of the fit.
        endpoint: which event, and by when.
        windows: of :func:`lymphokin.predict.windows.windows_of`.
        before: as of :func:`lymphokin.predict.path_forecast.path_forecast`.
        in_fit: the same.
        counts_until: the same.
        seed: of the random numbers.
        populations: draws of the population that are used.

    Returns:
        one row per patient: the probability, its 90 % interval over the population, and whether the
        event was seen by then (1, 0, NaN where not known); and the weighted draws behind it.
    """
    model, name = density.likelihood.model, endpoint.name
    model.require_hazard(endpoint.quantity, name)
    packed, exact = density.packed, model.hazards[endpoint.quantity].exact
    rows = packed.events[endpoint.quantity]
    used = rows[records_used(rows, before, counts_until)]
    known = [known_of(used[used["id"] == patient]) for patient in windows]
    z = chosen_draws_of(population_z, populations, seed)
    drawn = weighted_draws(
        density,
        z,
        {None: arrays_used(packed, before, counts_until)},
        hazards_on(packed, endpoint.quantity, days_of(known, windows)),
        in_fit=in_fit,
        seed=seed,
    )[None]
    p = chances(drawn.read, known, windows, exact)
    risk = np.minimum((drawn.weights * p).sum(axis=(0, 1)), 1.0)
    low, high = over_populations(drawn.weights, p)
    every = [known_of(rows[rows["id"] == patient]) for patient in windows]
    observed = [
        1.0 if k.seen <= w.end else 0.0 if max(k.last, k.seen * exact) >= w.end else np.nan
        for k, w in zip(every, windows.values(), strict=True)
    ]
    columns = {f"p_{name}": risk, f"p_{name}_q05": low, f"p_{name}_q95": high}
    table = pd.DataFrame({**columns, f"observed_{name}": observed}, packed.cohort.patients.index)
    return table, drawn


def days_of(known: Sequence[Known], windows: Mapping[str, Window]) -> np.ndarray:
    """[patient, 3] days on which the hazard decides: of the last visit without the event, of that
    which saw it (else the window's end), and the window's end.
    """
    ends = [window.end for window in windows.values()]
    seen = [k.seen if np.isfinite(k.seen) else end for k, end in zip(known, ends, strict=True)]
    return np.column_stack([[k.last for k in known], seen, ends])


def chances(
    hazard: np.ndarray, known: Sequence[Known], windows: Mapping[str, Window], exact: bool
) -> np.ndarray:
    """[..., patient] probability that the event happens by the window's end.

    Args:
        hazard: [..., patient, 3] cumulative, on :func:`days_of`.
        known: what is known of each patient.
        windows: theirs.
        exact: whether the time of an event that was seen is known.
    """
    last, seen, end = np.moveaxis(hazard, -1, 0)
    by_end = np.array([k.seen <= w.end for k, w in zip(known, windows.values(), strict=True)])
    ahead = -np.expm1(-np.maximum(end - last, 0.0))
    within = -np.expm1(-np.maximum(seen - last, 0.0))
    share = ahead / np.maximum(within, np.finfo(float).tiny)
    between = np.where(by_end, 1.0, 0.0 if exact else np.clip(share, 0.0, 1.0))
    return np.where(np.isfinite([k.seen for k in known]), between, ahead)


def hazards_on(
    packed: PackedCohort, event: str, days: np.ndarray
) -> Callable[[Evaluated], np.ndarray]:
    """What reads the cumulative hazard on days of each patient, [draw, patient, day].

    Args:
        packed: the cohort, whose nodes hold the days; a day before the first node is the first.
        event: the event.
        days: [patient, day].
    """
    nodes = np.array(
        [
            packed.layout.nodes(packed.arrays.timeline, patient, own)
            for patient, own in enumerate(days)
        ]
    )
    patients = np.arange(len(nodes))[:, None]
    return lambda part: part.hazards[event][:, nodes, patients]
