"""Whose forecasts of an event in time can be judged from a look on, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lymphokin.endpoints import Endpoint
from lymphokin.io import Cohort
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
