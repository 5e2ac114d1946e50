"""Each patient's risk at the endpoint visit, given that patient's records up to a chosen day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.endpoint import GRADE_BELOW
from lymphokin.endpoints import DEFAULT, Endpoint, shipped_endpoints
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.weights import UNRELIABLE_PARETO_K, weighted_quantile
from lymphokin.io import Cohort
from lymphokin.pages.notebook import notebook_html
from lymphokin.pages.risk_table import (
    USUAL,
    RiskTable,
    curve_table,
    event_table,
    risk_table,
)
from lymphokin.pages.wording import some
from lymphokin.predict.endpoint_draws import (
    POPULATION_DRAWS,
    EndpointDraws,
    endpoint_draws,
    over_populations,
    records_used,
    visits_of,
)
from lymphokin.predict.event_forecast import event_forecast
from lymphokin.predict.path_forecast import path_forecast
from lymphokin.predict.range import outside
from lymphokin.predict.windows import windows_of
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
    endpoint: Endpoint
    synthetic: bool
    """whether the patients, or those whom the population was fitted to, are made up"""

    def _repr_html_(self) -> str:
        """The risks as a notebook shows them: of many patients the highest."""
        table = self.shown("All are in .patients.")
        notes = [*self.warnings, *table.notes, RESEARCH_USE]
        return notebook_html(table.title, table.columns, table.rows, notes)

    def shown(self, rest: str) -> RiskTable:
        """The table that terminals and notebooks show; ``rest`` says how to see all patients."""
        asked, found = self.endpoint, self.patients
        if "pareto_k" in found:
            found = found.assign(unreliable=found["pareto_k"] > UNRELIABLE_PARETO_K)
        if asked.on_a_day:
            usual = asked == shipped_endpoints()[DEFAULT]
            what = USUAL if usual else f"grade >= 2. {asked.meaning}"
            return risk_table(found, self.counts_until, rest, self.synthetic, what)
        about = (found, asked.name, asked.meaning, self.counts_until, rest, self.synthetic)
        if asked.of_event:
            return event_table(*about)
        return curve_table(*about, of_fold=asked.of_fold)


def forecast(
    density: CohortDensity,
    population_z: np.ndarray,
    *,
    in_fit: bool,
    seen: Mapping[str, Any],
    synthetic: bool,
    seen_sites: Collection[str] | None = None,
    endpoint: Endpoint | None = None,
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
        seen_sites: site classes of the fitted cohort; None where they are not known.
        synthetic: whether the patients, or those whom the population was fitted to, are made up.
        endpoint: what is asked; None: the default one. The nodes of ``density`` hold its days
            (:func:`days_of_interest`).
        counts_until: use records up to this day only; None for all before the endpoint visit.
        seed: of the random numbers.
        populations: draws of the population that are used.

    Raises:
        NoForecastError: when the model has no number for a patient.
    """
    asked = endpoint or shipped_endpoints()[DEFAULT]
    cohort = density.packed.cohort
    visits = visits_of(cohort, asked if asked.on_a_day else None)
    common = {"in_fit": in_fit, "seed": seed, "populations": populations}
    if asked.on_a_day:
        draws = endpoint_draws(density, population_z, [counts_until], endpoint=asked, **common)
        draws = draws[counts_until]
        table = _summary(draws, seed)
        table.index = cohort.patients.index
        first, before = CONTRACT, visits["endpoint_day"]
    else:
        windows = windows_of(cohort, asked)
        used = {patient: w.used_before for patient, w in windows.items()}
        before = pd.Series(used) if counts_until is None else None
        of_window = event_forecast if asked.of_event else path_forecast
        table, draws = of_window(
            density, population_z, asked, windows, before, counts_until=counts_until, **common
        )
        visits = visits.drop(columns=["endpoint_day", "observed_alc", "observed_grade2"])
        first = ["arm", *table.columns, *CONTRACT[-3:]]
    table = table.assign(pareto_k=draws.pareto_k)
    counts = cohort.observations.query("quantity == @asked.quantity").dropna(subset=["value"])
    counts = counts[records_used(counts, before, counts_until)]
    table["n_counts_used"] = counts["id"].value_counts().reindex(table.index).fillna(0).astype(int)
    table = table.join(visits.drop(columns="planned_day"))
    table.insert(0, "arm", cohort.patients["arm"])
    table["extrapolation"] = outside(cohort, visits_of(cohort), seen, seen_sites)
    unreliable = table.index[table["pareto_k"] > UNRELIABLE_PARETO_K]
    warnings = []
    if len(unreliable):
        warnings.append(
            f"importance weights are unreliable (Pareto k above {UNRELIABLE_PARETO_K}) for "
            f"{len(unreliable)} patient(s): {some(unreliable)}; read their risks with care"
        )
    if asked.of_fold and (bare := [p for p, w in windows.items() if not w.outputs(asked.quantity)]):
        whose = "irradiated" if asked.lesions == "irradiated" else "outside the field"
        warnings.append(
            f"{len(bare)} patient(s) have no lesion {whose}, which {asked.name} is about: "
            f"{some(bare)}; their numbers are left blank"
        )
    extra = [c for c in table.columns if c not in first]
    return Forecast(table[[*first, *extra]], counts_until, tuple(warnings), asked, synthetic)


def days_of_interest(cohort: Cohort, endpoint: Endpoint) -> dict[str, list[float]]:
    """Days on which the solution is wanted for an endpoint, by patient."""
    if endpoint.on_a_day:
        visits = visits_of(cohort, endpoint)[["endpoint_day", "planned_day"]]
        return {str(i): [float(a), float(b)] for i, a, b in visits.itertuples()}
    return {patient: window.days for patient, window in windows_of(cohort, endpoint).items()}


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
    table["p_grade2_q05"], table["p_grade2_q95"] = over_populations(weights, reported[2])
    return pd.DataFrame(table)
