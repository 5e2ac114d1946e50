"""Whose forecasts of an endpoint can be judged, and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import GRADE_2, Event
from lymphokin.endpoints import Endpoint
from lymphokin.io import BadInput, Cohort
from lymphokin.io.problems import Problem
from lymphokin.predict.endpoint_draws import visits_of
from lymphokin.predict.windows import (
    last_sums,
    of_values,
    start_of_treatment,
    windows_of,
)


@dataclass(frozen=True)
class Cases:
    """Patients whose forecasts can be judged.

    Attributes:
        endpoint: what is judged.
        event: how the endpoint's number becomes the event.
        patients: index id; ``arm``, ``centre`` and ``site`` (empty where not stated),
            ``baseline`` (geometric mean of the counts before treatment, 1e9/L; of a fold what it
            compares with), ``endpoint_alc`` (the endpoint's number, a count, days or a fold) and
            ``happened``.
        known_on: day on which each patient's outcome is known, index id.
        left_out: why patients of the table are not judged, and how many.
    """

    endpoint: Endpoint
    event: Event
    patients: pd.DataFrame
    known_on: pd.Series
    left_out: dict[str, int]

    def among(self, ids: pd.Index) -> Cases:
        """Those of some patients."""
        return replace(self, patients=self.patients.loc[ids])


def event_of(endpoint: Endpoint) -> Event:
    """How the number of an endpoint becomes its event.

    Raises:
        BadInput: when the endpoint has no event.
    """
    if endpoint.on_a_day:
        return GRADE_2
    if not endpoint.has_event:
        expected = "an endpoint with an event: for days or areas its key at_least says from when"
        raise BadInput([Problem("endpoint", None, endpoint.name, "no event", expected)])
    if endpoint.of_fold:
        level = endpoint.below or endpoint.above
        assert level is not None
        return Event(level, below=endpoint.below is not None, logarithmic=True)
    if endpoint.what in ("lowest", "highest"):
        assert endpoint.below is not None
        return Event(endpoint.below, below=True, logarithmic=True)
    if endpoint.what == "back_above":
        assert endpoint.until is not None
        whole = np.nextafter(endpoint.until - endpoint.begin, 0.0)
        return Event(float(whole), below=False, logarithmic=False)
    assert endpoint.at_least is not None
    return Event(endpoint.at_least, below=False, logarithmic=False)


def cases_of(cohort: Cohort, endpoint: Endpoint, last_look: float) -> Cases:
    """The patients with a value before treatment whose outcome is known, after the last look."""
    event = event_of(endpoint)
    outcome = _on_a_day(cohort, endpoint) if endpoint.on_a_day else _over_days(cohort, endpoint)
    about = {c: cohort.patients[c].fillna("").astype(str) for c in ("arm", "centre", "site")}
    if endpoint.of_fold:
        baseline = last_sums(cohort, endpoint, start_of_treatment(cohort))
    else:
        baseline = cohort.mean_baseline("alc")
    table = pd.DataFrame(about).assign(baseline=baseline).join(outcome)
    unknown, early = table["endpoint_alc"].isna(), table["known_on"] <= last_look
    bare = table["baseline"].isna()
    left_out = {
        f"no outcome of {endpoint.name}": int(unknown.sum()),
        f"outcome known by day {last_look:g}, the last look": int((~unknown & early).sum()),
        "no count before treatment": int((~unknown & ~early & bare).sum()),
    }
    judged = table[~(unknown | early | bare)]
    judged = judged.assign(happened=judged["happened"].astype(bool))
    reasons = {why: count for why, count in left_out.items() if count}
    return Cases(endpoint, event, judged.drop(columns="known_on"), table["known_on"], reasons)


def _on_a_day(cohort: Cohort, endpoint: Endpoint) -> pd.DataFrame:
    visits = visits_of(cohort, endpoint)
    return pd.DataFrame(
        {
            "endpoint_alc": visits["observed_alc"],
            "happened": visits["observed_grade2"],
            "known_on": visits["endpoint_day"],
        }
    )


def _over_days(cohort: Cohort, endpoint: Endpoint) -> pd.DataFrame:
    rows = []
    for window in windows_of(cohort, endpoint).values():
        number, happened = np.nan, None
        if window.observed is not None:
            numbers, events = of_values(endpoint, np.log(window.observed), window)
            number, happened = float(numbers[0]), bool(events[0])
        rows.append({"endpoint_alc": number, "happened": happened, "known_on": window.known_on})
    return pd.DataFrame(rows, index=cohort.patients.index)
