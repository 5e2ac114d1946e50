"""What the page shows of the patients: the endpoint again, and differences between them."""

from __future__ import annotations

from lymphokin.criticism.patients.patient_checks import PatientChecks
from lymphokin.criticism.patients.patient_figures import (
    covariate_figure,
    endpoint_figure,
    shrinkage_figure,
)
from lymphokin.criticism.sections import Drawing, Section, of_checks


def patient_sections(patients: PatientChecks) -> list[Section]:
    """The sections about the patients, in order."""
    return [_endpoint(patients), _differences(patients)]


def _endpoint(patients: PatientChecks) -> Section:
    checks = patients.endpoint
    drawings: list[Drawing] = []
    if checks:
        caption = (
            "Bars: simulated trials with new patients; blue steps: with the same patients; red "
            "upright line: what happened. A good one: the red line in the middle of the bars, and "
            "near the peak of the steps."
        )
        meaning = "Replicated numbers of patients with grade 2 or worse"
        figure = endpoint_figure(checks)
        drawings.append(Drawing.of("Replicated endpoint", figure, "e", meaning, caption))
    several = patients.patients["arm"].nunique(dropna=False) > 1
    text = (
        f"How many patients{' of each arm' if several else ''} would have had a reported count "
        "below 0.80 × 10⁹/L at their endpoint visit, among those with a count there."
    )
    verdicts = of_checks(patients.verdicts, "endpoint")
    return Section("endpoint", "The endpoint again", text, verdicts, tuple(drawings))


def _differences(patients: PatientChecks) -> Section:
    drawings = []
    if patients.effects.names:
        caption = (
            "How far the patients’ posterior means are drawn together, compared with the SD "
            "between patients. Open: above 30 %. A good one: filled for whatever is concluded "
            "about single patients; many open ones are no fault of the model, but nothing to show "
            "patient by patient."
        )
        drawings.append(
            Drawing.of("Shrinkage", shrinkage_figure(patients.effects), "s", "Shrinkage", caption)
        )
    if len(patients.covariates):
        caption = (
            "The closest pairs: posterior mean and 50 % interval of each patient’s random effect "
            "in SDs, over the covariate; p counts all pairs (Holm). A good one: no slope, and "
            "categories that overlap. A slope is a covariate that the model should have."
        )
        figure = covariate_figure(patients.effects, patients.patients, patients.covariates)
        name = "Random effects against covariates"
        drawings.append(Drawing.of(name, figure, "r", name, caption))
    text = (
        "What the model leaves to chance between patients. Covariates are judged on draws of the "
        "random effects, not on their shrunken means"
        + (
            "; where patients were randomised, a difference between arms is an effect of treatment "
            "that the model misses."
            if patients.patients["arm"].nunique() > 1
            else "."
        )
    )
    verdicts = of_checks(patients.verdicts, "shrinkage", "random effects")
    return Section("patients", "Differences between patients", text, verdicts, tuple(drawings))
