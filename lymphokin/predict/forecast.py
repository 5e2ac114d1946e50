"""Each patient's risk at the endpoint visit, given that patient's records up to a chosen day.

The fit gives draws of the population. A new patient weighs them by how likely the patient's records
are; for a patient of the fit, what the later records taught the population is taken out again by
importance weights, so that nothing after the chosen day speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from scipy.special import logsumexp

from lymphokin.infer.posterior import Posterior
from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.population import (
    CohortLikelihood,
    Hierarchy,
    draw_residual,
    pack,
    probability_below,
)
from lymphokin.predict.endpoint import GRADE_BELOW, endpoint_visits, measured_threshold
from lymphokin.predict.individual import IndividualDraws, draw_individuals
from lymphokin.predict.range import outside

POPULATION_DRAWS = 150
DRAWS_PER_POPULATION = 20
UNRELIABLE_PARETO_K = 0.7
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


def known_records(cohort: Cohort, visits: pd.DataFrame, until: float | None) -> Cohort:
    """The cohort with the records up to ``until`` and before each patient's endpoint visit."""
    records = cohort.observations
    before = records["day"] < records["id"].map(visits["endpoint_day"])
    if until is not None:
        before &= records["day"] <= until
    return replace(cohort, observations=records[before])


def forecast(
    model: Model,
    population_z: np.ndarray,
    cohort: Cohort,
    *,
    in_fit: bool,
    seen: Mapping[str, Any],
    counts_until: float | None = None,
    seed: int = 0,
) -> Forecast:
    """Forecast every patient of a cohort.

    Args:
        model: the fitted model.
        population_z: [draw, quantity] population latents of the posterior.
        cohort: the patients.
        in_fit: whether these patients' records were part of the fit.
        seen: ranges of the fitted cohort, from :func:`lymphokin.predict.range.seen_ranges`.
        counts_until: use records up to this day only; None for all before the endpoint visit.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(
        len(population_z), POPULATION_DRAWS, replace=len(population_z) < POPULATION_DRAWS
    )
    z = population_z[chosen]
    visits = endpoint_visits(cohort)
    known = known_records(cohort, visits, counts_until)
    draws = _draws(model, known, visits, z, seed)
    log_weight = draws.log_weight
    if in_fit:
        with_all = _draws(model, cohort, visits, z, seed + 1)
        log_weight = log_weight - _log_mean(with_all.log_weight)[:, None, :]
    weights, pareto_k = _smoothed(log_weight)
    table = _summary(model, draws, weights, seed).assign(pareto_k=pareto_k)
    table.index = cohort.patients.index
    counts = known.observations.query("quantity == 'alc'").dropna(subset=["value"])
    table["n_counts_used"] = counts["id"].value_counts().reindex(table.index).fillna(0).astype(int)
    table = table.join(visits.drop(columns=["planned_day", "baseline_alc"]))
    table.insert(0, "arm", cohort.patients["arm"])
    table["extrapolation"] = outside(cohort, visits, seen)
    unreliable = table.index[table["pareto_k"] > UNRELIABLE_PARETO_K]
    warnings = []
    if len(unreliable):
        warnings.append(
            f"importance weights are unreliable (Pareto k above {UNRELIABLE_PARETO_K}) for "
            f"{len(unreliable)} patient(s): {', '.join(unreliable[:8])}; read their risks with care"
        )
    extra = [c for c in table.columns if c not in CONTRACT]
    return Forecast(table[CONTRACT + extra], counts_until, tuple(warnings))


def _draws(
    model: Model, cohort: Cohort, visits: pd.DataFrame, z: np.ndarray, seed: int
) -> IndividualDraws:
    days = {patient: [day] for patient, day in visits["endpoint_day"].items()}
    packed = pack(model, cohort, days)  # type: ignore[arg-type]
    posterior = Posterior(CohortLikelihood(Hierarchy(model)), packed)
    nodes = packed.nodes({patient: day[0] for patient, day in days.items()})  # type: ignore[misc]
    return draw_individuals(posterior, z, nodes, DRAWS_PER_POPULATION, seed)


def _log_mean(log_weight: np.ndarray) -> np.ndarray:
    """[population draw, patient] log of the mean weight over a population draw's draws."""
    return logsumexp(log_weight, axis=1) - np.log(log_weight.shape[1])


def _smoothed(log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised Pareto-smoothed weights, as given, and the Pareto k of each patient."""
    weights = np.empty_like(log_weight)
    pareto_k = np.empty(log_weight.shape[2])
    for patient in range(log_weight.shape[2]):
        flat = log_weight[:, :, patient].ravel()
        # ArviZ takes log likelihoods and turns their sign.
        smooth, k = array_stats.psislw(flat.max() - flat)
        smooth = np.asarray(smooth)
        weights[:, :, patient] = np.exp(smooth - logsumexp(smooth)).reshape(log_weight.shape[:2])
        pareto_k[patient] = float(k)
    return weights, pareto_k


def weighted_quantile(values: np.ndarray, weights: np.ndarray, q: float) -> float:
    """Quantile of weighted draws, both 1-D."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    place = np.searchsorted(cumulative, q * cumulative[-1])
    return float(values[order][min(place, len(values) - 1)])


def _summary(model: Model, draws: IndividualDraws, weights: np.ndarray, seed: int) -> pd.DataFrame:
    residual = model.table.residuals["alc"]
    sd = jnp.asarray(draws.residual_sd)[:, None, None]
    log_count = jnp.asarray(draws.log_count)
    below = {
        grade: np.asarray(
            probability_below(residual, np.log(measured_threshold(grade)), log_count, sd)
        )
        for grade in GRADE_BELOW
    }
    count = np.exp(draws.log_count)
    noise = draw_residual(residual, jax.random.key(seed), log_count.shape, sd)
    measured = np.exp(np.asarray(log_count + noise))
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
