"""The first screen: what was fitted, the key numbers, and forecasts against what happened."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.io import Cohort
from lymphokin.pages import wording
from lymphokin.predict.contrast import DIFFERENCE
from lymphokin.quantities import Observable
from lymphokin.report.contents import ReportContents


@dataclass(frozen=True)
class ArmSummary:
    """Holds the forecasts of one arm beside what happened to patients with an endpoint count.

    Attributes:
        name: of the arm.
        n: patients.
        with_count: patients with a forecast and a count at the endpoint visit.
        expected: sum of their risks.
        happened: how many of them had grade >= 2.
    """

    name: str
    n: int
    with_count: int
    expected: float
    happened: int

    @property
    def share(self) -> float:
        """Observed share with grade >= 2; NaN when nobody was measured."""
        return self.happened / self.with_count if self.with_count else float("nan")


def arm_names(contents: ReportContents) -> list[str]:
    """Arms to show, those without a drug first."""
    doses = contents.cohort.doses
    treated = set(doses.loc[doses["drug"].isin(list(contents.drugs)), "id"])
    arms: dict[str, bool] = {}
    for patient in contents.patients.to_dict("records"):
        name = wording.arm(patient["arm"])
        arms[name] = arms.get(name, False) or patient["id"] in treated
    return sorted(arms, key=lambda name: (arms[name], name))


def of_arm(patients: pd.DataFrame, name: str) -> pd.DataFrame:
    """Select the rows of `patients` in the arm called `name`."""
    return patients[[wording.arm(a) == name for a in patients["arm"]]]


def arm_summaries(contents: ReportContents) -> list[ArmSummary]:
    """Summarise every arm, those without a drug first."""
    summaries = []
    for name in arm_names(contents):
        rows = of_arm(contents.patients, name)
        known = _judged(rows)
        summaries.append(
            ArmSummary(
                name,
                len(rows),
                len(known),
                float(known["p_grade2_measured"].sum()),
                int(known["observed_grade2"].astype(bool).sum()),
            )
        )
    return summaries


def brier(patients: pd.DataFrame) -> tuple[float, float] | None:
    """Brier score of the risks, and of giving everyone the observed share; None without counts."""
    known = _judged(patients)
    if not len(known):
        return None
    happened = known["observed_grade2"].astype(bool).to_numpy(float)
    score = np.mean((known["p_grade2_measured"].to_numpy(float) - happened) ** 2)
    return float(score), float(happened.mean() * (1 - happened.mean()))


def _judged(patients: pd.DataFrame) -> pd.DataFrame:
    """Select the patients with both a forecast and a count at the endpoint visit."""
    return patients[patients["observed_grade2"].notna() & patients["p_grade2_measured"].notna()]


def what_was_fitted(contents: ReportContents) -> tuple[str, str]:
    """Two sentences: the fit, and the forecast."""
    seen = contents.cohort.observations
    seen = seen[seen["value"].notna()]
    counts = [(int((seen["quantity"] == o.name).sum()), o) for o in contents.observables.values()]
    data = wording.joined(f"{n} {observable.records}" for n, observable in counts if n)
    arms = wording.joined(f"{s.n} in {s.name}" for s in arm_summaries(contents))
    arms = f" ({arms})" if contents.several_arms else ""
    model = contents.provenance.get("model", "the model")
    fitted = (
        f"The model {model} was fitted to {data or 'no measurements'} of "
        f"{wording.patients(len(contents.cohort))}{arms} with {_how(contents)}."
    )
    ends = contents.patients["endpoint_day"].dropna()
    when = f"day {wording.day(ends.median())} in the median patient" if len(ends) else "not planned"
    forecast = (
        f"For each patient it then forecast the reported lymphocyte count at the endpoint visit "
        f"({when}) from {counts_used(contents)}."
    )
    return fitted, forecast


def measured(cohort: Cohort, observables: Mapping[str, Observable]) -> str:
    """Name what was measured in a cohort, such as "lymphocytes and CD8 cells"."""
    seen = cohort.observations
    seen = set(seen.loc[seen["value"].notna(), "quantity"])
    return wording.joined(o.label for name, o in observables.items() if name in seen)


def _how(contents: ReportContents) -> str:
    """How the posterior was found, in words that follow "with"."""
    convergence, approximation = contents.convergence, contents.approximation
    if approximation is None:
        return f"{convergence['chains']} chains of {convergence['draws']} draws each"
    return f"method {approximation['method']}: {approximation['how']}"


def banner(contents: ReportContents) -> str:
    """Say of an approximation what must be read before anything else; empty for Markov chains."""
    approximation = contents.approximation
    if approximation is None:
        return ""
    k = approximation["pareto_k_population"]
    if k is None:
        return "A SINGLE POINT (method map): no uncertainty of the population. Not for reporting."
    words = {
        "good": "The posterior follows it",
        "caution": "Believe it with caution",
        "bad": "Its population is not to be believed",
    }[approximation["level"]]
    return (
        f"A QUICK LOOK (method {approximation['method']}), not Markov chains. {words} "
        f"(Pareto k {k:.2f}). Not for reporting."
    )


def counts_used(contents: ReportContents) -> str:
    """Say which of the patient’s own counts the forecast used."""
    until = contents.counts_until
    if until is None:
        return "all of that patient’s own counts before that visit"
    if until <= 0:
        return "that patient’s own counts up to the first fraction"
    return f"that patient’s own counts up to day {wording.day(until)}"


def symbol_of_link(contents: ReportContents) -> str:
    """The symbol of the disputed link's strength, such as "γ"; empty where there is none."""
    if contents.disputed is None:
        return ""
    name = contents.disputed.parameter
    rows = contents.parameters[contents.parameters["name"] == name]
    return wording.symbol(rows.iloc[0]["symbol"] if len(rows) else name)


def links(contents: ReportContents) -> dict[str, str]:
    """How the contrast is called with the link as fitted and without it."""
    symbol = symbol_of_link(contents)
    return {"fitted": f"{symbol} as fitted", "zero": f"{symbol} = 0"}


def difference(contents: ReportContents, link: str) -> str | None:
    """Difference between the arms in percentage points with its 90 % interval."""
    rows = contents.contrast
    rows = rows[(rows["link"] == link) & (rows["arm"] == DIFFERENCE)]
    if not len(rows):
        return None
    row = rows.iloc[0]
    interval = wording.points_range(row["rate_q05"], row["rate_q95"])
    return f"{wording.in_points(row['rate_q50'])} ({interval})"


def cautions(contents: ReportContents) -> list[str]:
    """Warnings given with the contents, and those that the tables themselves call for."""
    patients = contents.patients
    cautions = list(contents.warnings)
    unreliable = patients["pareto_k"].to_numpy(float) > UNRELIABLE_PARETO_K
    if unreliable.any():
        ids = wording.some(patients.loc[unreliable, "id"].astype(str))
        one = unreliable.sum() == 1
        subject, verb = ("forecast", "is") if one else ("forecasts", "are")
        cautions.append(
            f"The {subject} of {ids} {verb} unreliable: {'this patient’s' if one else 'their'} "
            "counts disagree too much with the fit for reweighting (Pareto k above "
            f"{UNRELIABLE_PARETO_K})."
        )
    outside = patients["extrapolation"].fillna("").astype(str).str.len() > 0
    if outside.any():
        cautions.append(
            f"{wording.patients(int(outside.sum()))} outside what the model has seen, marked * "
            "below; the reason stands in the table of all patients."
        )
    return cautions
