"""The endpoint replicated: how many patients of each arm would have had grade >= 2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.endpoint import measured_threshold
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.pages.wording import arm as named
from lymphokin.verdict import Verdict, in_words, level_of


@dataclass(frozen=True)
class EndpointCheck:
    """Patients with grade >= 2 at their endpoint visit, in one arm.

    ``events`` happened among ``patients`` with a count there; ``same`` and ``new`` [draw] are
    replicated numbers, of the same patients and of new ones with the same courses.
    """

    arm: str
    patients: int
    events: int
    same: np.ndarray
    new: np.ndarray


def endpoint_checks(cohort: Cohort, counts: Replicates) -> list[EndpointCheck]:
    """Observed and replicated events of each arm, among patients with a count at the endpoint.

    Args:
        counts: replicated lymphocyte counts.
    """
    visits = endpoint_visits(cohort)
    visits = visits[visits["observed_alc"].notna()]
    day = counts.records["id"].map(visits["endpoint_day"])
    at = np.flatnonzero(np.isclose(counts.records["day"], day))
    at = at[~counts.records.iloc[at]["id"].duplicated().to_numpy()]
    records = counts.records.iloc[at]
    happened = records["id"].map(visits["observed_grade2"]).astype(bool).to_numpy()
    below = np.log(measured_threshold(2))
    arms = np.asarray([named(a) for a in records["arm"]])
    return [
        EndpointCheck(
            str(arm),
            int((arms == arm).sum()),
            int(happened[arms == arm].sum()),
            (counts.same[:, at[arms == arm]] < below).sum(axis=1),
            (counts.new[:, at[arms == arm]] < below).sum(axis=1),
        )
        for arm in sorted(set(arms))
    ]


def judge_endpoint(check: EndpointCheck) -> Verdict:
    """Is the observed number of events one that the model would give in new patients?"""
    draws = len(check.new)
    fewer = (1 + int((check.new <= check.events).sum())) / (1 + draws)
    more = (1 + int((check.new >= check.events).sum())) / (1 + draws)
    p = min(1.0, 2 * min(fewer, more))
    low, middle, high = np.quantile(check.new, (0.05, 0.5, 0.95), method="inverted_cdf")
    of_same = np.median(check.same)
    sentence = (
        f"{check.events} of {check.patients} patients had grade ≥ 2; in new patients {middle:.0f} "
        f"({low:.0f} to {high:.0f}, 90 % interval), in the same patients {of_same:.0f}. A number "
        f"as far off has probability {in_words(p, draws)}."
    )
    numbers = {
        "patients": check.patients,
        "events": check.events,
        "replicated_q05": float(low),
        "replicated_q50": float(middle),
        "replicated_q95": float(high),
        "p": p,
    }
    return Verdict("endpoint", check.arm, level_of(p), sentence, numbers)
