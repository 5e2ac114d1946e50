"""Whose forecasts of an event in time can be judged from a look on, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.pseudo_values import followed_to, taken_together
from lymphokin.endpoints import Endpoint
from lymphokin.io import BadInput, Cohort
from lymphokin.io.problems import Problem
from lymphokin.pages.wording import patients as number_of_patients
from lymphokin.pages.wording import some
from lymphokin.predict.event_forecast import Known, known_of


@dataclass(frozen=True)
class EventCases:
    """Patients whose forecasts of an event can be judged.

    Attributes:
        endpoint: which event, and by when.
        patients: index id; ``arm``, ``centre`` and ``site`` (empty where not stated); ``after``,
            the last day without the event, and ``until``, the day by which it happened (the same of
            a known time, infinite where it was not seen), both from the endpoint's reference; and
            ``state``: 1 or 0 where it is known whether the event happened in time, else NaN.
        at_risk: [patient, look] whether the event had not been seen by then, and its absence until
            the end was not known yet, and somebody looked for it later.
        left_out: why patients are not judged at any look, and how many.
    """

    endpoint: Endpoint
    patients: pd.DataFrame
    at_risk: pd.DataFrame
    left_out: dict[str, int]

    def among(self, ids: pd.Index) -> EventCases:
        """Those of some patients."""
        return replace(self, patients=self.patients.loc[ids], at_risk=self.at_risk.loc[ids])

    @property
    def end(self) -> float:
        """Last day that counts, from the endpoint's reference."""
        assert self.endpoint.until is not None
        return self.endpoint.until


def event_cases(
    cohort: Cohort, endpoint: Endpoint, looks: Sequence[float], exact: bool
) -> EventCases:
    """The patients in whom an event is looked for after a look.

    Args:
        cohort: the patients.
        endpoint: an event by a day.
        looks: days up to which records are known.
        exact: whether a record of the event says when it happened.
    """
    assert endpoint.until is not None
    start, rows = endpoint.reference_day(cohort), cohort.observations
    rows = rows[(rows["quantity"] == endpoint.quantity) & rows["value"].notna()]
    of_patient = dict(list(rows.groupby("id", sort=False)))
    found, at_risk = [], []
    for patient in map(str, cohort.patients.index):
        own = of_patient.get(patient, rows.iloc[:0])
        known, end = known_of(own), float(start[patient]) + endpoint.until
        found.append(_interval(known, float(start[patient]), endpoint.until, exact))
        last = own["day"].max() if len(own) else -np.inf
        at_risk.append([known.seen > look and last > look and end > look for look in looks])
    columns = ["after", "until", "state"]
    table = pd.DataFrame(found, cohort.patients.index, columns)
    about = {c: cohort.patients[c].fillna("").astype(str) for c in ("arm", "centre", "site")}
    risk = pd.DataFrame(at_risk, cohort.patients.index, list(looks))
    judged = risk.any(axis=1)
    nobody = ~judged & ~table.index.isin(list(of_patient))
    left_out = {
        f"no record of {endpoint.quantity}": int(nobody.sum()),
        f"nobody looked after day {looks[0]:g}, or it was known by then": int(
            (~judged & ~nobody).sum()
        ),
    }
    reasons = {why: count for why, count in left_out.items() if count}
    return EventCases(endpoint, pd.DataFrame(about).join(table)[judged], risk[judged], reasons)


def _interval(known: Known, start: float, end: float, exact: bool) -> tuple[float, float, float]:
    """``after``, ``until`` and ``state`` of one patient."""
    until = known.seen - start
    after = until if exact and np.isfinite(until) else max(known.last - start, 0.0)
    after = min(after, until)
    state = 1.0 if until <= end else 0.0 if after >= end else np.nan
    return after, until, state


def refuse_unjudged(cohort: Cohort, cases: EventCases, fewest: int) -> None:
    """Refuse patients by whom forecasts of an event cannot be judged at each look.

    Args:
        cohort: where they are from.
        cases: who is judged.
        fewest: patients below which nothing is judged.

    Raises:
        BadInput: when there are too few, all or none of them had the event, or so few are followed
            to the endpoint's last day that the share with the event is not known.
    """
    file, name = cohort.source or "the cohort", cases.endpoint.quantity
    why = some(f"{reason} ({count})" for reason, count in cases.left_out.items())
    for look, at_risk in cases.at_risk.items():
        own = cases.patients[at_risk]
        happened = int((own["state"] == 1).sum())
        if len(own) < fewest:
            expected = f"at least {fewest} patients in whom {name} is looked for after day {look:g}"
            raise BadInput([Problem(file, None, None, number_of_patients(len(own)), expected, why)])
        if happened in (0, len(own)):
            found = f"{'all' if happened else 'none'} of {len(own)} patients had it"
            expected = f"patients with and without {name} after day {look:g}"
            raise BadInput([Problem(file, None, None, found, expected, "another day may divide")])
    each = (cases.patients[at_risk] for _, at_risk in cases.at_risk.items())
    last = min(_followed(own, cases.end) for own in each)
    if last < cases.end:
        expected = (
            f"patients followed without {name} to day {cases.end:g}, in every arm and after every "
            "look: else nobody knows how many had it by then"
        )
        found = f"followed without it to day {last:g} at the latest"
        hint = f"ask whether it happens by day {last:g}, or by an earlier one"
        raise BadInput([Problem(file, None, None, found, expected, hint)])


def _followed(patients: pd.DataFrame, end: float) -> float:
    """Last day by which the share with the event is in the records of every arm, up to ``end``."""
    after, until = (patients[c].to_numpy(float) for c in ("after", "until"))
    together = taken_together(patients["arm"].to_numpy(str))
    arms = (together == name for name in np.unique(together))
    return min(followed_to(after[own], until[own], end) for own in arms)
