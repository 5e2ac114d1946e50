"""Forecasts of what a patient's curve does over a window of days: its lowest value, days below,
or how much of the value before treatment is there on a day.

The same draws give two numbers: that of the true curve over days, and that of what a trial sees,
which is measured values on visits joined by lines that are straight in logarithms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoints import Endpoint, require_quantity
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.evaluated import Evaluated
from lymphokin.infer.weights import weighted_quantile
from lymphokin.model import Residual
from lymphokin.population import PackedCohort, draw_measured
from lymphokin.predict.endpoint_draws import (
    WeightedDraws,
    arrays_used,
    chosen_draws_of,
    log_of,
    weighted_draws,
)
from lymphokin.predict.windows import Window, of_values

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
MEASURED_DRAWS = 4
"""Random measurements for each draw of a curve."""


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
        windows: of :func:`lymphokin.predict.windows.windows_of`.
        before: day of each patient before which records are used, index id; None: no such day.
        in_fit: whether these patients' records were part of the fit.
        counts_until: use records up to this day only; None: no such day.
        seed: of the random numbers.
        populations: draws of the population that are used.

    Returns:
        one row per patient: quantiles of the true and of the measured number, their probabilities
        where the endpoint is an event, and the number of the measured values themselves, blank of a
        patient who has nothing to judge; and the weighted draws behind it.

    Raises:
        ModelError: when the model does not show what the endpoint is about.
    """
    model, quantity = density.likelihood.model, endpoint.quantity
    require_quantity(model, endpoint)
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
    table = pd.DataFrame(rows, packed.cohort.patients.index, _columns(endpoint), dtype=float)
    return table, drawn


def _columns(endpoint: Endpoint) -> list[str]:
    """Columns of a forecast."""
    columns = []
    for kind in ("true", "measured"):
        columns += [f"{endpoint.name}_{kind}_q{round(100 * q):02d}" for q in QUANTILES]
        columns += [f"p_{endpoint.name}_{kind}"] if endpoint.has_event else []
    return [*columns, f"observed_{endpoint.name}"]


def curve_reader(
    packed: PackedCohort, endpoint: Endpoint, windows: Sequence[Window]
) -> Callable[[Evaluated], np.ndarray]:
    """What reads of every curve its number, whether it is an event, and the values on visits.

    What patients have less than others, visits or anything to judge, is 0.
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
        visits.append(list(zip(window.measured_outputs(endpoint.quantity), at, strict=True)))

    def read(part: Evaluated) -> np.ndarray:
        result = np.zeros((part.own_log_density.shape[0], len(windows), 2 + most))
        for patient, (window, (nodes, days)) in enumerate(zip(windows, places, strict=True)):
            judged = [part.outputs[name] for name in window.outputs(endpoint.quantity)]
            if not judged:
                continue
            curve = np.sum([values[:, nodes, patient] for values in judged], axis=0)
            solved = np.isfinite(curve).all(axis=1)
            number, event = endpoint.summarise(log_of(curve), days)
            result[:, patient, 0] = np.where(solved, number, np.nan)
            result[:, patient, 1] = 0.0 if event is None else event
            for visit, (name, node) in enumerate(visits[patient], start=2):
                result[:, patient, visit] = part.outputs[name][:, node, patient]
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
    if not window.outputs(endpoint.quantity):
        return row  # blank
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
    measured = np.log(np.maximum(np.round(measured, decimals), 0.1**decimals))
    until = window.begin if counts_until is None else counts_until
    seen = (window.visits <= until) & ~np.isnan(window.values)
    measured[:, seen] = np.log(window.values[seen])
    known = (window.visits <= until) & ~seen
    measured[:, known] = np.clip(measured[:, known], *log_of(window.limits[known]).T)
    number, event = of_values(endpoint, measured, window)
    return number, event, np.repeat(weights, MEASURED_DRAWS) / MEASURED_DRAWS
