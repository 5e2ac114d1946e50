"""What a report needs: plain tables, so that it depends on no fit and no sampler."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from lymphokin.io import Cohort
from lymphokin.model import Residual
from lymphokin.model.roles import Contrast
from lymphokin.pages import wording
from lymphokin.predict import Forecast
from lymphokin.predict.survival import Survival
from lymphokin.quantities import DRUGS, OBSERVABLES, Drug, Observable
from lymphokin.report.curves import quantile_bands

_QUANTILES = ("q05", "q25", "q50", "q75", "q95")
_PATIENTS = (
    *("id", "arm", "endpoint_day", "p_grade2_measured", "p_grade2_true", "p_grade3_measured"),
    *("p_grade4_measured", "p_grade2_q05", "p_grade2_q95"),
    *(f"alc_{q}" for q in _QUANTILES),
    *("n_counts_used", "baseline_grade", "extrapolation"),
    *("observed_alc", "observed_grade2", "pareto_k"),
)
_PARAMETERS = (
    *("name", "symbol", "unit", "meaning", "prior_q05", "prior_q50", "prior_q95", *_QUANTILES),
    *("contraction", "rhat", "ess_bulk", "ess_tail", "certainty", "source", "learnt"),
)
_NEEDED = {
    "patients": _PATIENTS,
    "parameters": _PARAMETERS,
    "contrast": ("link", "arm", "n", "rate_q05", "rate_q50", "rate_q95"),
    "levels": ("quantity", "id", "day", "observed", *_QUANTILES, "censored", "lower", "upper"),
}


@dataclass(frozen=True, eq=False)
class ReportContents:
    """Everything that one report shows. All intervals are equal-tailed: q25-q75 holds 50 % of
    the probability, q05-q95 holds 90 %. Days count from each patient's first fraction.

    `title`; `synthetic`: the data are simulated; `created`: date and time as text.
    `cohort`: measurements, fractions and doses, for the marks in the figures.
    `counts_until`: last day whose counts a patient's own forecast used; None = every count
        before the endpoint visit.
    `patients`: one row per patient. id, arm, endpoint_day; p_grade{2,3,4}_measured (probability
        that the reported count is of that grade or worse), p_grade2_true (same for the true
        count); p_grade2_q05 and p_grade2_q95 (90 % interval of p_grade2_measured over the
        population parameters); alc_q05..alc_q95 (forecast of the measured count, 1e9/L);
        n_counts_used; baseline_grade (CTCAE grade before treatment); extrapolation (why the
        patient is outside what the model has seen, empty if inside); observed_alc (measured at
        the endpoint visit, NaN if not); observed_grade2 (True, False or None); pareto_k
        (reliability of the reweighting behind this forecast, NaN if none was used).
    `curves`: dims patient, day; alc_q05..alc_q95 (true count, 1e9/L) and the same of what else
        the model shows by days, of every lesion as diameter_1_q05.., fitted to all data. Patients
        may be absent.
    `levels`: one row per sample of what the model follows by hours, such as the level of a drug:
        quantity, id, day, observed (the limit itself where `censored`; the level then lies between
        `lower` and `upper`), q05..q95 of the fitted true level. None when nobody was sampled.
    `parameters`: one row per population quantity, the run's summary.csv; `learnt` is "well",
        "partly", "prior only", "not measured" or, of a single point or a fit that is not to be
        believed, "unknown".
    `parameter_draws`: name to (prior draws, posterior draws), natural units.
    `contrast`: predicted share of patients with grade >= 2 at the endpoint visit (measured) with
        the model's disputed link "fitted" and "zero"; arm "difference" is the arm with the link's
        drug minus the other.
    `convergence`: verdict (a sentence), level ("good", "caution" or "bad"), rhat_max,
        ess_bulk_min, divergences, divergence_share, draws (per chain), chains, worst
        (name, rhat, ess_bulk).
    `approximation`: of a fit without Markov chains, how far it can be believed: method, how (in
        words), verdict, pareto_k_population, pareto_k_joint, pareto_k_patients_max,
        patients_unreliable, effective_draws; the convergence then has only level, verdict and
        draws.
    `provenance`: label to value, nested one level at most.
    `warnings`: shown at the top.
    `observables`: what the model can be compared with, by its word in the event table.
    `drugs`: what the model takes, by name.
    `levels_of`: of each observable that is followed by hours, the drugs of its block.
    `disputed`: the model's disputed link, or None.
    `residuals`: how measurements of these scatter, with SDs at their posterior medians.
    `survivals`: survival curves of events in time.
    `own_shares`: as `contrast`, of each arm's own patients with a count at the endpoint visit,
        under their own treatment.
    `asked`: forecasts of another endpoint, which the report shows besides.
    `composites`: what the model declares that a trial can teach, from
        :func:`lymphokin.predict.composites_table`; None or empty where it declares nothing.
    `left_out_parameters`: a sentence on quantities that `parameters` leaves out, or empty.

    Raises ValueError when a table lacks a column or a patient is not in the cohort.
    """

    title: str
    synthetic: bool
    created: str
    cohort: Cohort
    counts_until: float | None
    patients: pd.DataFrame
    curves: xr.Dataset
    levels: pd.DataFrame | None
    parameters: pd.DataFrame
    parameter_draws: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]]
    contrast: pd.DataFrame
    convergence: Mapping[str, Any]
    provenance: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    approximation: Mapping[str, Any] | None = None
    observables: Mapping[str, Observable] = field(default_factory=lambda: OBSERVABLES)
    drugs: Mapping[str, Drug] = field(default_factory=lambda: DRUGS)
    levels_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    disputed: Contrast | None = None
    residuals: Mapping[str, Residual] = field(default_factory=dict)
    left_out_parameters: str = ""
    survivals: tuple[Survival, ...] = ()
    asked: Forecast | None = None
    own_shares: pd.DataFrame | None = None
    composites: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for name, columns in _NEEDED.items():
            table = getattr(self, name)
            absent = [c for c in columns if table is not None and c not in table.columns]
            if absent:
                raise ValueError(f"`{name}` lacks the column(s) {', '.join(absent)}")
        strangers = set(self.patients["id"]) - set(self.cohort.patients.index)
        if strangers:
            raise ValueError(f"not in the cohort: {', '.join(sorted(map(str, strangers)))}")
        if not self.patients["id"].is_unique:
            raise ValueError("each patient stands once in `patients`")
        if not len(self.patients):
            raise ValueError("a report needs at least one patient")

    @property
    def several_arms(self) -> bool:
        """Whether there are arms to tell apart."""
        return len({wording.arm(arm) for arm in self.patients["arm"]}) > 1

    @property
    def given(self) -> dict[str, Drug]:
        """The drugs of the model that somebody got, by name."""
        return {n: d for n, d in self.drugs.items() if len(self.cohort.doses_of(n))}

    @property
    def by_days(self) -> dict[str, Observable]:
        """What is followed by days beside lymphocytes."""
        kept = self.observables.items()
        return {n: o for n, o in kept if n != "alc" and n not in self.levels_of}

    def bands(self, quantity: str) -> dict[str, pd.DataFrame]:
        """Fitted curve of `quantity` by patient: index day, columns q05..q95.

        Patients without a fitted curve are absent.
        """
        return quantile_bands(self.curves, quantity)

    def lesion_bands(self, quantity: str) -> dict[str, dict[int, pd.DataFrame]]:
        """Fitted curves of what every lesion has for itself, by patient and lesion."""
        prefix, found = f"{quantity}_", {}
        names = {str(n).rpartition("_")[0] for n in self.curves.data_vars}
        for name in sorted(n for n in names if n.startswith(prefix)):
            if (number := name.removeprefix(prefix)).isdigit():
                for patient, own in self.bands(name).items():
                    found.setdefault(patient, {})[int(number)] = own
        return found

    def observed(self, quantity: str) -> dict[str, pd.DataFrame]:
        """Measurements of `quantity` by patient: day, value, censored, lower, upper, tube."""
        return {str(i): rows for i, rows in self.results(quantity).groupby("id", sort=False)}

    def results(self, quantity: str) -> pd.DataFrame:
        """All measurements of `quantity`."""
        table = self.cohort.observations
        return table[(table["quantity"] == quantity) & table["value"].notna()]
