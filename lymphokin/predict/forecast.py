"""Each patient's risk at the endpoint visit, given that patient's records up to a chosen day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoint import GRADE_BELOW
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.weights import UNRELIABLE_PARETO_K, weighted_quantile
from lymphokin.io.visits import endpoint_visits
from lymphokin.pages.notebook import notebook_html
from lymphokin.pages.risk_table import COLUMNS, risk_table
from lymphokin.pages.wording import some
from lymphokin.predict.endpoint_draws import (
    POPULATION_DRAWS,
    EndpointDraws,
    endpoint_draws,
    records_used,
)
from lymphokin.predict.range import outside
from lymphokin.research_use import RESEARCH_USE

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
    synthetic: bool
    """whether the patients, or those whom the population was fitted to, are made up"""

    def _repr_html_(self) -> str:
        """The risks as a notebook shows them: of many patients the highest."""
        table = risk_table(
            self.patients, self.counts_until, "All are in .patients.", self.synthetic
        )
        notes = [*self.warnings, *table.notes, RESEARCH_USE]
        return notebook_html(table.title, COLUMNS, table.rows, notes)


def forecast(
    density: CohortDensity,
    population_z: np.ndarray,
    *,
    in_fit: bool,
    seen: Mapping[str, Any],
    synthetic: bool,
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
        synthetic: whether the patients, or those whom the population was fitted to, are made up.
        counts_until: use records up to this day only; None for all before the endpoint visit.
        seed: of the random numbers.
        populations: draws of the population that are used.

    Raises:
        NoForecastError: when the model has no number for a patient.
    """
    cohort = density.packed.cohort
    visits = endpoint_visits(cohort)
    draws = endpoint_draws(
        density,
        population_z,
        [counts_until],
        in_fit=in_fit,
        seed=seed,
        populations=populations,
    )[counts_until]
    table = _summary(draws, seed).assign(pareto_k=draws.pareto_k)
    table.index = cohort.patients.index
    counts = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    counts = counts[records_used(counts, visits, counts_until)]
    table["n_counts_used"] = counts["id"].value_counts().reindex(table.index).fillna(0).astype(int)
    table = table.join(visits.drop(columns="planned_day"))
    table.insert(0, "arm", cohort.patients["arm"])
    table["extrapolation"] = outside(cohort, visits, seen)
    unreliable = table.index[table["pareto_k"] > UNRELIABLE_PARETO_K]
    warnings = []
    if len(unreliable):
        warnings.append(
            f"importance weights are unreliable (Pareto k above {UNRELIABLE_PARETO_K}) for "
            f"{len(unreliable)} patient(s): {some(unreliable)}; read their risks with care"
        )
    extra = [c for c in table.columns if c not in CONTRACT]
    return Forecast(table[CONTRACT + extra], counts_until, tuple(warnings), synthetic)


def _summary(draws: EndpointDraws, seed: int) -> pd.DataFrame:
    """Probabilities, quantiles and intervals of the contract, one row per patient."""
    reported = {grade: draws.reported_as(grade) for grade in GRADE_BELOW}
    measured, count, weights = draws.measured(seed), np.exp(draws.log_count), draws.weights
    table = {f"p_grade{grade}_measured": draws.mean(p) for grade, p in reported.items()}
    table["p_grade2_true"] = draws.mean(count < GRADE_BELOW[2])
    patients = range(weights.shape[2])
    for q in (0.05, 0.25, 0.50, 0.75, 0.95):
        table[f"alc_q{round(100 * q):02d}"] = np.array(
            [
                weighted_quantile(measured[:, :, i].ravel(), weights[:, :, i].ravel(), q)
                for i in patients
            ]
        )
    # The risk under each draw of the population, over which its interval is taken.
    by_population = weights.sum(axis=1)
    risk = (weights * reported[2]).sum(axis=1) / np.maximum(by_population, 1e-300)
    for name, q in (("p_grade2_q05", 0.05), ("p_grade2_q95", 0.95)):
        table[name] = np.array(
            [weighted_quantile(risk[:, i], by_population[:, i], q) for i in patients]
        )
    return pd.DataFrame(table)
