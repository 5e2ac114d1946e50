"""Validate forecasts of an event in time, such as a progression, on patients never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lymphokin.criticism.forecasts.event_cases import EventCases, event_cases, refuse_unjudged
from lymphokin.criticism.forecasts.event_quality import (
    event_quality,
    observed_over_expected,
)
from lymphokin.criticism.forecasts.intervals import mean_of
from lymphokin.criticism.forecasts.looks import forecasts_at_looks
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality
from lymphokin.criticism.result import CheckResult
from lymphokin.criticism.sections import Section
from lymphokin.endpoints import Endpoint
from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.pages.wording import patients as number_of_patients
from lymphokin.pages.wording import some
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict.forecast import days_of_interest
from lymphokin.solve import StepRule
from lymphokin.validation.cases import FEWEST
from lymphokin.validation.event_sections import event_sections
from lymphokin.validation.judgement import read_first, verdicts_of
from lymphokin.validation.measures import EXPECTED, GROUPED_BY, groups_of
from lymphokin.verdict import Verdict


@dataclass(frozen=True, eq=False)
class EventValidation(CheckResult):
    """Forecasts of an event in patients never seen, judged; see :func:`lymphokin.validate`.

    Attributes:
        quality: forecasts and scores, of the event and of every later lymphocyte count.
        cases: who is judged, when the event happened, and why others are not judged.
        groups: observed over expected events and Brier score by centre, site and arm.
        outside: share of the patients outside what the model has seen.
        differences: of the patients from what the model has seen: feature, here, seen.
    """

    quality: PredictionQuality
    cases: EventCases
    groups: pd.DataFrame
    outside: float
    differences: tuple[tuple[str, str, str], ...]
    template = "validation.html.j2"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return verdicts_of(self.quality)

    @property
    def conclusion(self) -> str:
        """Over all looks: holds, update first, or do not use here."""
        return str(self.about["conclusion"])

    @property
    def read_first(self) -> Sequence[str]:
        """That events are few, or the patients unlike those behind the model."""
        happened = self.cases.patients["state"] == 1
        return read_first(min(int(happened.sum()), int((~happened).sum())), self.outside)

    @property
    def details(self) -> dict[str, pd.DataFrame]:
        tables = {
            "scores": self.quality.scores,
            "forecasts": self.quality.forecasts,
            "counts": self.quality.later,
            "groups": self.groups,
        }
        return {name: t for name, t in tables.items() if t is not None and len(t)}

    def sections(self) -> list[Section]:
        return event_sections(
            self.quality,
            self.cases,
            self.verdicts,
            self.groups,
            self.differences,
            event_patients_in_words(self.cases),
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            **super().as_dict(),
            "patients": event_patients_in_words(self.cases),
            "not_judged": self.cases.left_out,
            "outside_what_was_seen": self.outside,
            "scores": self.quality.scores.to_dict("records"),
            "groups": self.groups.to_dict("records"),
        }


def event_forecasts_judged(
    population: PopulationDraws,
    cohort: Cohort,
    endpoint: Endpoint,
    looks: Sequence[float],
    seed: int,
    steps: StepRule | None,
) -> tuple[EventCases, PredictionQuality]:
    """Who is judged, and how good the forecasts from each look are.

    Raises:
        BadInput: when too few are judged or followed, or the event happened to all or none of them.
    """
    model = population.model
    exact = model.hazards[endpoint.quantity].exact
    cases = event_cases(cohort, endpoint, looks, exact)
    refuse_unjudged(cohort, cases, FEWEST)
    density = density_of(model, cohort, steps, days_of_interest(cohort, endpoint))
    found = forecasts_at_looks(density, population.z, cases, looks, seed)
    return cases, event_quality(cases, found, seed)


def event_patients_in_words(cases: EventCases) -> str:
    """Who is judged and who is not."""
    n, state = len(cases.patients), cases.patients["state"]
    sentence = (
        f"{number_of_patients(n)} judged, {int((state == 1).sum())} with the event in time, "
        f"{int((state == 0).sum())} known to be without it to the end, {int(state.isna().sum())} "
        "not followed so far"
    )
    if cases.left_out:
        reasons = some(f"{why} ({count})" for why, count in cases.left_out.items())
        sentence += f"; not judged: {reasons}"
    return f"{sentence}."


def by_group_of_event(quality: PredictionQuality, cases: EventCases) -> pd.DataFrame:
    """How the model does in each centre, site and arm, where there is more than one."""
    rows = []
    for column in GROUPED_BY:
        groups = groups_of(cases.patients, column)
        if groups.nunique() < 2:
            continue
        for day in quality.days():
            table = quality.judged(day, MODEL)
            for group, own in table.groupby(groups.reindex(table.index)):
                columns = ("risk", "pseudo_value", "state")
                risk, value, state = (own[c].to_numpy(float) for c in columns)
                found = {EXPECTED: observed_over_expected(risk, value, state)}
                found["brier"] = mean_of(own["brier"].to_numpy(float))
                row: dict[str, Any] = {"day": day, "by": column, "group": group}
                row |= {"patients": len(own), "events": int((own["state"] == 1).sum())}
                for name, estimate in found.items():
                    row |= {name: estimate.value, f"{name}_q05": estimate.q05}
                    row |= {f"{name}_q95": estimate.q95}
                rows.append(row)
    return pd.DataFrame(rows)
