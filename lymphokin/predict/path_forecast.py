"""Forecasts of what a patient's curve does over a window of days: its lowest value, days below.

The same draws give two numbers: that of the true curve over days, and that of what a trial sees,
which is measured values on visits joined by lines that are straight in logarithms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoints import Endpoint
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.evaluated import Evaluated
from lymphokin.infer.weights import weighted_quantile
from lymphokin.io import Cohort
from lymphokin.io.known import settles
from lymphokin.model import ModelError, Residual
from lymphokin.population import PackedCohort, draw_measured
from lymphokin.predict.endpoint_draws import (
    WeightedDraws,
    arrays_used,
    chosen_draws_of,
    log_of,
    weighted_draws,
)

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
MEASURED_DRAWS = 4
"""Random measurements for each draw of a curve."""


@dataclass(frozen=True)
class Window:
    """When one patient's curve is judged, in days from the first fraction."""

    begin: float
    end: float
    visits: np.ndarray
    """[visit] days: the patient's own inside the window, then the planned ones that are to come"""
    values: np.ndarray
    """[visit] what was measured there; NaN on days to come, and where only limits are known that
    leave open on which side of the endpoint's level it lies"""
    limits: np.ndarray
    """[visit, 2] between which the measurement lies: 0 and infinity on days to come"""

    @property
    def days(self) -> list[float]:
        """Days at which the solution is wanted."""
        return [self.begin, *map(float, self.visits), self.end]

    @property
    def observed(self) -> np.ndarray | None:
        """[1, visit] the measured values, when they reach the window's end."""
        reached = len(self.values) > 0 and not np.isnan(self.values).any()
        return self.values[None] if reached else None


def windows_of(cohort: Cohort, endpoint: Endpoint) -> dict[str, Window]:
    """The window of every patient. A planned visit counts as to come when it lies more than the
    endpoint's ``window`` after the last record of the quantity.
    """
    assert endpoint.until is not None
    begin, end, planned = endpoint.begin, endpoint.until, np.array(endpoint.visits)
    rows = cohort.observations
    rows = rows[(rows["quantity"] == endpoint.quantity) & rows["value"].notna()]
    result = {}
    for patient, start in endpoint.reference_day(cohort).items():
        of_patient = rows[rows["id"] == patient].drop_duplicates("day", keep="last")
        inside = of_patient[of_patient["day"].between(start + begin, start + end)]
        last = float(of_patient["day"].max()) if len(of_patient) else -np.inf
        coming = start + planned[start + planned > last + endpoint.window]
        values, limits = _measured(inside, endpoint.below)
        result[str(patient)] = Window(
            float(start + begin),
            float(start + end),
            np.concatenate([inside["day"].to_numpy(float), coming]),
            np.concatenate([values, np.full(len(coming), np.nan)]),
            np.concatenate([limits, np.tile([0.0, np.inf], (len(coming), 1))]),
        )
    return result


def _measured(rows: pd.DataFrame, level: float | None) -> tuple[np.ndarray, np.ndarray]:
    """``values`` and ``limits`` of a window, of the rows inside it."""
    value, censored = rows["value"].to_numpy(float), rows["censored"].to_numpy(bool)
    limits = np.where(censored[:, None], rows[["lower", "upper"]].to_numpy(float), value[:, None])
    # Of a value below the level itself its limit does not lie below it.
    value = np.where(censored & (limits[:, 1] == level), value * (1 - 1e-9), value)
    return np.where(settles(rows, level), value, np.nan), limits


def path_forecast(
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
    """Forecast an endpoint of a curve for every patient.

    Args:
        density: the patients under the fitted model; its nodes hold the days of ``windows``.
        population_z: [draw, quantity] population latents of the fit.
        endpoint: what is asked of the curve.
        windows: of :func:`windows_of`.
        before: day of each patient before which records are used, index id; None: no such day.
        in_fit: whether these patients' records were part of the fit.
        counts_until: use records up to this day only; None: no such day.
        seed: of the random numbers.
        populations: draws of the population that are used.

    Returns:
        one row per patient: quantiles of the true and of the measured number, their probabilities
        where the endpoint is an event, and the number of the measured values themselves; and the
        weighted draws behind it.
    """
    model, quantity = density.likelihood.model, endpoint.quantity
    outputs = {name for block in model.on_clock("days") for name in block.shows}
    outputs -= model.lesion_outputs
    if quantity not in outputs or quantity not in model.table.residuals:
        raise ModelError(
            f"model {model.name} has no observable {quantity!r} of the patient on the days clock, "
            f"which the endpoint {endpoint.name} asks for"
        )
    z = chosen_draws_of(population_z, populations, seed)
    packed = density.packed
    drawn = weighted_draws(
        density,
        z,
        {None: arrays_used(packed, before, counts_until)},
        curve_reader(packed, endpoint, list(windows.values())),
        in_fit=in_fit,
        seed=seed,
    )[None]
    residual, sd = model.table.residuals[quantity], density.residual_sd(z, quantity)
    rng, decimals = np.random.default_rng(seed), model.observables[quantity].decimals
    rows = [
        _row(endpoint, drawn, place, window, residual, sd, counts_until, rng, decimals)
        for place, window in enumerate(windows.values())
    ]
    table = pd.DataFrame(rows, index=packed.cohort.patients.index)
    return table, drawn


def curve_reader(
    packed: PackedCohort, endpoint: Endpoint, windows: Sequence[Window]
) -> Callable[[Evaluated], np.ndarray]:
    """What reads of every curve its number, whether it is an event, and the values on visits.

    Patients with fewer visits than others repeat their last value.
    """
    node_day = np.asarray(packed.arrays.timeline.days.node_day)
    most = max(1, *(len(window.visits) for window in windows))
    places, visits = [], []
    for patient, window in enumerate(windows):
        days, first = np.unique(node_day[:, patient], return_index=True)
        inside = (days >= window.begin - 1e-9) & (days <= window.end + 1e-9)
        places.append((first[inside], days[inside]))
        nodes = np.searchsorted(days, window.visits - 1e-9)
        at = first[np.minimum(nodes, len(first) - 1)]
        visits.append(np.pad(at, (0, most - len(at)), mode="edge") if len(at) else np.full(most, 0))

    def read(part: Evaluated) -> np.ndarray:
        values = part.outputs[endpoint.quantity]
        result = np.full((values.shape[0], len(windows), 2 + most), np.nan)
        for patient, (nodes, days) in enumerate(places):
            curve = values[:, nodes, patient]
            solved = np.isfinite(curve).all(axis=1)
            number, event = endpoint.summarise(log_of(curve), days)
            result[:, patient, 0] = np.where(solved, number, np.nan)
            result[:, patient, 1] = 0.0 if event is None else event
            result[:, patient, 2:] = values[:, visits[patient], patient]
        return result

    return read


def _row(
    endpoint: Endpoint,
    drawn: WeightedDraws,
    place: int,
    window: Window,
    residual: Residual,
    sd: np.ndarray,
    counts_until: float | None,
    rng: np.random.Generator,
    decimals: int,
) -> dict[str, Any]:
    """Numbers of one patient."""
    weights = drawn.weights[:, :, place].ravel()
    read = drawn.read[:, :, place].reshape(len(weights), -1)
    name, row = endpoint.name, {}
    for q in QUANTILES:
        row[f"{name}_true_q{round(100 * q):02d}"] = weighted_quantile(read[:, 0], weights, q)
    if endpoint.has_event:
        row[f"p_{name}_true"] = min(1.0, float(weights @ np.nan_to_num(read[:, 1])))
    if len(window.visits):
        number, event, many = measured_numbers(
            endpoint, drawn, place, window, residual, sd, counts_until, rng, decimals
        )
        for q in QUANTILES:
            row[f"{name}_measured_q{round(100 * q):02d}"] = weighted_quantile(number, many, q)
        if event is not None:
            row[f"p_{name}_measured"] = min(1.0, float(many @ event))
    observed = window.observed
    row[f"observed_{name}"] = np.nan
    if observed is not None:
        # A lowest or highest value is as it was measured, not as logarithms give it back.
        extreme = {"lowest": np.min, "highest": np.max}.get(endpoint.what)
        number = of_values(endpoint, np.log(observed), window)[0][0]
        row[f"observed_{name}"] = float(extreme(observed) if extreme else number)
    return row


def measured_numbers(
    endpoint: Endpoint,
    drawn: WeightedDraws,
    place: int,
    window: Window,
    residual: Residual,
    sd: np.ndarray,
    counts_until: float | None,
    rng: np.random.Generator,
    decimals: int,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """What visits would show of one patient's curve.

    Args:
        endpoint: what is asked of the curve.
        drawn: what :func:`curve_reader` reads, as weighted draws.
        place: of the patient.
        window: the patient's.
        residual: of the quantity, and ``sd`` [population draw, component] its SDs.
        sd: see ``residual``.
        counts_until: values up to this day are as measured; None: up to the window's begin.
        rng: of the random measurements.
        decimals: to which a value is reported.

    Returns:
        [draw] the number, [draw] whether it is an event (None without one), and [draw] weights.
    """
    weights, count = drawn.weights[:, :, place].ravel(), len(window.visits)
    read = drawn.read[:, :, place].reshape(len(weights), -1)
    sds = np.repeat(np.repeat(sd, drawn.read.shape[1], axis=0), MEASURED_DRAWS, axis=0)
    log_true = np.repeat(log_of(read[:, 2 : 2 + count]), MEASURED_DRAWS, axis=0)
    measured = np.exp(draw_measured(residual, rng, log_true, sds[:, None]))
    measured = log_of(np.round(measured, decimals))
    until = window.begin if counts_until is None else counts_until
    seen = (window.visits <= until) & ~np.isnan(window.values)
    measured[:, seen] = np.log(window.values[seen])
    known = (window.visits <= until) & ~seen
    measured[:, known] = np.clip(measured[:, known], *log_of(window.limits[known]).T)
    number, event = of_values(endpoint, measured, window)
    return number, event, np.repeat(weights, MEASURED_DRAWS) / MEASURED_DRAWS


def of_values(endpoint: Endpoint, log_value: np.ndarray, window: Window) -> tuple[Any, Any]:
    """The endpoint of measured values, held before the first visit and after the last one."""
    ends = [log_value[:, :1], log_value, log_value[:, -1:]]
    days = np.concatenate([[window.begin], window.visits, [window.end]])
    kept = np.concatenate([[days[1] > days[0]], np.full(len(window.visits), True),
                           [days[-1] > days[-2]]])  # fmt: skip
    return endpoint.summarise(np.concatenate(ends, axis=1)[:, kept], days[kept])
