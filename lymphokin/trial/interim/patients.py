"""Where every patient of a trial stands at an interim look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.io.problems import Findings
from lymphokin.io.visits import endpoint_visits
from lymphokin.predict.contrast import TYPICAL_BSA_M2
from lymphokin.trial.interim.events import standing_of_event
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.interim.window import standing_in_window
from lymphokin.trial.virtual.design import VirtualDesign

ARMS = ("control", "treated")


def standing(
    cohort: Cohort,
    design: VirtualDesign,
    lost: Collection[str] = (),
    left_out: Collection[str] = (),
) -> pd.DataFrame:
    """Every patient who counts in the comparison.

    A patient with a count in the window of the endpoint visit has an endpoint. Without one, a
    patient is in follow-up until a record lies beyond that window, unless stated as lost. Of an
    endpoint of a window of days, see :func:`~lymphokin.trial.interim.window.standing_in_window`, of
    an event in time :func:`~lymphokin.trial.interim.events.standing_of_event`.

    Args:
        cohort: the data so far; courses under way with their planned fractions.
        design: the design.
        lost: patients who will have no endpoint.
        left_out: patients outside the comparison, e.g. of a run-in.

    Returns:
        index id; ``arm`` (control or treated), ``status`` (event, no event, in follow-up or
        missing), ``planned_day``, ``followed`` (day of the last record) and ``evaluable``
        (probability of an endpoint: 1 where it is known, 0 where it is missing).

    Raises:
        BadInput: when patients named are not there, or there are not two arms.
    """
    arms = arms_of(cohort, design, lost, left_out)
    judged, window = design.judged, design.judged.window
    if not judged.on_a_day:
        followed = _last_record(cohort).reindex(arms.index)
        if judged.of_event:
            table, _ = standing_of_event(cohort, design, followed, set(lost))
        else:
            table = standing_in_window(cohort, design, followed, set(lost))
        table = table.assign(arm=arms, followed=followed)
        return table[["arm", "status", "planned_day", "followed", "evaluable"]]
    assert judged.day is not None
    visits = endpoint_visits(cohort, judged.reference_day(cohort) + judged.day, window)
    table = visits.loc[arms.index, ["planned_day"]].assign(arm=arms)
    table["followed"] = _last_record(cohort).reindex(arms.index)
    outcome = visits.loc[arms.index, "observed_grade2"].map({True: "event", False: "no event"})
    gone = table.index.isin(list(lost)) | (table["followed"] > table["planned_day"] + window)
    without = np.where(gone, "missing", "in follow-up")
    table["status"] = outcome.where(outcome.notna(), pd.Series(without, table.index))
    chance = evaluable(design, table["planned_day"], table["followed"])
    settled = {"event": 1.0, "no event": 1.0, "missing": 0.0}
    table["evaluable"] = table["status"].map(settled).fillna(pd.Series(chance, table.index))
    return table[["arm", "status", "planned_day", "followed", "evaluable"]]


def arms_of(
    cohort: Cohort, design: VirtualDesign, lost: Collection[str], left_out: Collection[str]
) -> pd.Series:
    """The arm of every patient in the comparison; that with the design's drug is treated."""
    findings = Findings(cohort.source or "the run's cohort")
    for what, named in (("lost", lost), ("left out", left_out)):
        for patient in named:
            if patient not in cohort.patients.index:
                findings.add(None, what, patient, "a patient of the run")
    findings.raise_if_any()
    names = cohort.patients["arm"].drop(list(left_out))
    dosed = names[names.index.isin(cohort.doses_of(design.drug)["id"])]
    treated = set(dosed.dropna())
    two = len(treated) == 1 and len(set(names.dropna())) == 2 and names.notna().all()
    if not two:
        found = ", ".join(sorted(set(names.fillna("(blank)")))) or "nobody"
        drug = design.drug_label
        expected = f"two arms, one of which gets {drug}; name run-in patients to leave them out"
        findings.add(None, "ARM", found, expected)
        findings.raise_if_any()
    return pd.Series(np.where(names.isin(treated), ARMS[1], ARMS[0]), names.index, name="arm")


def _last_record(cohort: Cohort) -> pd.Series:
    """[patient] day of the last measurement; 0 where there is none after the first fraction."""
    seen = cohort.observations.dropna(subset=["value"]).groupby("id")["day"].max()
    return seen.reindex(cohort.patients.index).fillna(0.0).clip(lower=0.0)


def with_planned_pulses(cohort: Cohort, table: pd.DataFrame, design: VirtualDesign) -> Cohort:
    """The cohort with the pulses that its treated patients in follow-up have yet to take.

    They follow the last pulse that the table has (or day 0) at the design's interval, up to its
    number of cycles, each dose as much and as long as the patient's own; one whose day has passed
    is taken as left out.
    """
    plan, added = design.plan, [cohort.doses]
    intakes = design.calendar.doses(1.0).iloc[: plan["days_per_pulse"] * plan["doses_per_day"]]
    since = intakes["day"] - intakes["day"].iloc[0]
    waiting = table[(table["arm"] == ARMS[1]) & (table["status"] == "in follow-up")]
    areas = cohort.patients["bsa"].fillna(TYPICAL_BSA_M2)
    for name, row in waiting.iterrows():
        patient = str(name)
        given = cohort.doses_of(design.drug)
        own = given[given["id"] == patient]
        starts = own["day"][~(own["day"].diff() <= plan["days_per_pulse"])]
        mg, lasts = design.calendar.amount(float(areas[patient])), design.calendar.infusion_days
        if len(own):
            mg, lasts = own[["amount_mg", "duration"]].iloc[-1]
        first = _next_pulse(starts, design)
        for start in first + plan["interval_days"] * np.arange(plan["cycles"] - len(starts)):
            if start > row["followed"]:
                days = start + since
                dose = {"drug": design.drug, "amount_mg": mg, "duration": lasts}
                added.append(pd.DataFrame({"id": patient, "day": days, **dose}))
    return replace(cohort, doses=pd.concat(added, ignore_index=True))


def _next_pulse(starts: pd.Series, design: VirtualDesign) -> float:
    """First day of the pulse that follows those which began on the days ``starts``."""
    if not len(starts):
        return design.conduct.first_atra_day
    return float(starts.iloc[-1]) + design.plan["interval_days"]
