"""Each patient's risk at the endpoint visit, given that patient's records up to a chosen day.

The fit gives draws of the population. A new patient weighs them by how likely the patient's records
are; for a patient of the fit, what the later records taught the population is taken out again by
importance weights, so that nothing after the chosen day speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoint import GRADE_BELOW, measured_threshold
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.weights import UNRELIABLE_PARETO_K, log_mean, smoothed, weighted_quantile
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Model
from lymphokin.population import (
    CohortArrays,
    PackedCohort,
    draw_measured,
    probability_below,
)
from lymphokin.predict.individual import IndividualDraws, draw_individuals, no_forecast
from lymphokin.predict.range import outside

POPULATION_DRAWS = 150
DRAWS_PER_POPULATION = 20
CONTRACT = [
    "arm",
    "endpoint_day",
    "p_grade2_measured",
    "p_grade2_true",
    "p_grade3_measured",
    "p_grade4_measured",
    "alc_q05",
    "alc_q25",
    "alc_q50",
    "alc_q75",
    "alc_q95",
    "n_counts_used",
    "baseline_grade",
    "extrapolation",
]


@dataclass(frozen=True)
class Forecast:
    """Risks at the endpoint, one row per patient.

    ``patients``: index id; the columns of ``patients.csv``: probabilities of grade >= 2, 3 and 4 of
    the count as measured and of grade >= 2 of the true count, equal-tailed quantiles of the
    measured count (1e9/L), counts used, baseline grade, and why a patient lies outside what the
    fit has seen; then ``p_grade2_q05`` and ``p_grade2_q95`` (90 % equal-tailed interval of the risk
    over the population's uncertainty), ``pareto_k``, and what was observed.
    """

    patients: pd.DataFrame
    counts_until: float | None
    warnings: tuple[str, ...]


def is_known(records: pd.DataFrame, visits: pd.DataFrame, until: float | None) -> pd.Series:
    """Which records lie up to ``until`` and before their patient's endpoint visit."""
    known = records["day"] < records["id"].map(visits["endpoint_day"])
    return known if until is None else known & (records["day"] <= until)


def known_arrays(packed: PackedCohort, visits: pd.DataFrame, until: float | None) -> CohortArrays:
    """Arrays of the cohort in which records that are not known yet weigh nothing."""
    return packed.weighing(lambda rows: is_known(rows, visits, until))


def forecast(
    density: CohortDensity,
    population_z: np.ndarray,
    *,
    in_fit: bool,
    seen: Mapping[str, Any],
    counts_until: float | None = None,
    seed: int = 0,
    populations: int = POPULATION_DRAWS,
) -> Forecast:
    """Forecast every patient of a cohort.

    Args:
        density: the patients under the fitted model, from :func:`density_of`.
        population_z: [draw, quantity] population latents of the fit.
        in_fit: whether these patients' records were part of the fit.
        seen: ranges of the fitted cohort, from :func:`lymphokin.predict.range.seen_ranges`.
        counts_until: use records up to this day only; None for all before the endpoint visit.
        seed: of the random numbers.
        populations: draws of the population that are used.

    Raises:
        NoForecastError: when the model has no number for a patient.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(population_z), populations, replace=len(population_z) < populations)
    z = population_z[chosen]
    packed, cohort = density.packed, density.packed.cohort
    visits = endpoint_visits(cohort)
    nodes = packed.nodes({str(i): float(day) for i, day in visits["endpoint_day"].items()})

    def draw(given: Callable[[PackedCohort], CohortArrays], seed: int) -> IndividualDraws:
        return draw_individuals(density, given, z, nodes, DRAWS_PER_POPULATION, seed)

    draws = draw(lambda packed: known_arrays(packed, visits, counts_until), seed)
    log_weight = draws.log_weight
    if in_fit:
        log_weight = (
            log_weight
            - log_mean(draw(lambda packed: packed.arrays, seed + 1).log_weight)[:, None, :]
        )
    weights, pareto_k = smoothed(log_weight)
    lost = ~np.isfinite(weights).all(axis=(0, 1))
    if lost.any():
        raise no_forecast(density, lost, "for some draws of the population its equations have")
    table = _summary(density.likelihood.model, draws, weights, seed).assign(pareto_k=pareto_k)
    table.index = cohort.patients.index
    counts = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    counts = counts[is_known(counts, visits, counts_until)]
    table["n_counts_used"] = counts["id"].value_counts().reindex(table.index).fillna(0).astype(int)
    table = table.join(visits.drop(columns=["planned_day", "baseline_alc"]))
    table.insert(0, "arm", cohort.patients["arm"])
    table["extrapolation"] = outside(cohort, visits, seen)
    unreliable = table.index[table["pareto_k"] > UNRELIABLE_PARETO_K]
    warnings = []
    if len(unreliable):
        warnings.append(
            f"importance weights are unreliable (Pareto k above {UNRELIABLE_PARETO_K}) for "
            f"{len(unreliable)} patient(s): {', '.join(unreliable)}; read their risks with care"
        )
    extra = [c for c in table.columns if c not in CONTRACT]
    return Forecast(table[CONTRACT + extra], counts_until, tuple(warnings))


def as_measured(
    model: Model, draws: IndividualDraws, seed: int
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """What would be measured at the endpoint, given each draw of each patient's true count.

    Returns:
        the probability of each grade or worse, and one random count (1e9/L), both
        [population draw, draw, patient].
    """
    residual = model.table.residuals["alc"]
    sd, log_count = draws.residual_sd[:, None, None], draws.log_count
    below = {
        grade: probability_below(residual, np.log(measured_threshold(grade)), log_count, sd, np)
        for grade in GRADE_BELOW
    }
    measured = draw_measured(residual, np.random.default_rng(seed), log_count, sd)
    return below, np.exp(measured)


def _summary(model: Model, draws: IndividualDraws, weights: np.ndarray, seed: int) -> pd.DataFrame:
    below, measured = as_measured(model, draws, seed)
    count = np.exp(draws.log_count)
    by_population = weights.sum(axis=1)
    risk = (weights * below[2]).sum(axis=1) / np.maximum(by_population, 1e-300)
    rows = []
    for i in range(weights.shape[2]):
        w = weights[:, :, i]
        row = {f"p_grade{g}_measured": float((w * below[g][:, :, i]).sum()) for g in GRADE_BELOW}
        row["p_grade2_true"] = float((w * (count[:, :, i] < GRADE_BELOW[2])).sum())
        for q in (0.05, 0.25, 0.50, 0.75, 0.95):
            row[f"alc_q{round(100 * q):02d}"] = weighted_quantile(
                measured[:, :, i].ravel(), w.ravel(), q
            )
        row["p_grade2_q05"] = weighted_quantile(risk[:, i], by_population[:, i], 0.05)
        row["p_grade2_q95"] = weighted_quantile(risk[:, i], by_population[:, i], 0.95)
        rows.append(row)
    return pd.DataFrame(rows)
