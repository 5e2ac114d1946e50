"""An event in time at a look at a run: who is known to have it, and who will be known to.

One looks for the event at the endpoint's visits, on their planned days; where its time is known
(an exact event) in effect all the time, here every week. The last look at a patient is that before
leaving, unless missed; an event before it is known, and that there was none where it is as late as
the last planned one, but for the endpoint's window.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.io import Cohort
from lymphokin.predict.event_forecast import Known, known_of
from lymphokin.trial.interim.retention import left_by
from lymphokin.trial.virtual.design import VirtualDesign

WEEK = 7.0


class Waiting(NamedTuple):
    """A patient in whom the event is still looked for."""

    since: float
    """day of the last look that did not find it; minus infinity where nobody has looked"""
    day: NDArray[np.float64]
    """[look] days of the looks to come"""
    chance: NDArray[np.float64]
    """[look + 1] probability that there is no further look, or that each is the last"""
    reaches: NDArray[np.bool_]
    """[look + 1] whether it is then known that there was no event"""
    end: float
    """last day that counts"""


def looks_of(design: VirtualDesign) -> NDArray[np.float64]:
    """[look] days from the endpoint's reference."""
    judged = design.judged
    if not design.judged_exactly:
        return np.array(judged.planned_visits)
    assert judged.until is not None
    return np.append(np.arange(WEEK, judged.until, WEEK), judged.until)


def last_look(
    design: VirtualDesign, day: NDArray[np.float64], followed: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """[..., look + 1] probability that there is no further look, or that each is the last.

    Args:
        design: says who leaves when, and how many visits are missed.
        day: [..., look] days of the looks to come.
        followed: [...] day up to which a patient is known to be in follow-up.
    """
    followed = np.asarray(followed, float)[..., None]
    left = left_by(design, followed)
    # The looks that a patient stays for.
    stays = (1 - left_by(design, np.maximum(day, followed))) / np.maximum(1 - left, 1e-12)
    stays = np.concatenate([np.ones_like(stays[..., :1]), stays, np.zeros_like(stays[..., :1])], -1)
    leaves = -np.diff(stays, axis=-1)
    missed = 0.0 if design.judged_exactly else design.plan["missing_visit_probability"]
    many = leaves.shape[-1]
    later = np.arange(many)[:, None] - np.arange(many)  # [looks stayed for, last one attended]
    attended = np.where(np.arange(many) > 0, 1 - missed, 1.0)
    each = np.where(later >= 0, missed ** np.maximum(later, 0.0), 0.0) * attended
    return leaves @ each


def reaching(design: VirtualDesign, day: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[...] whether a look so many days after the reference tells that there was no event."""
    tolerance = 0.0 if design.judged_exactly else design.judged.window
    return day >= looks_of(design)[-1] - tolerance


def seen_and_known(
    passed: NDArray[np.float64], chance: NDArray[np.float64], reaches: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[draw, ...] probability that the event will be seen, and that the endpoint will be known.

    Args:
        passed: [draw, ..., look + 1] cumulative hazard since the last look that did not find it.
        chance: [..., look + 1] as of :func:`last_look`.
        reaches: [..., look + 1] as of :func:`reaching`.
    """
    happened = -np.expm1(-np.maximum(passed, 0.0))
    seen = (chance * happened).sum(axis=-1)
    return seen, seen + (chance * reaches * (1 - happened)).sum(axis=-1)


def standing_of_event(
    cohort: Cohort, design: VirtualDesign, followed: pd.Series, lost: set[str]
) -> tuple[pd.DataFrame, dict[str, Waiting]]:
    """Where every patient stands, and who is waited for.

    Args:
        cohort: the data so far.
        design: the design, whose endpoint is an event.
        followed: day of each patient's last record, index id.
        lost: patients who will not come again.

    Returns:
        index id, ``planned_day`` of the last look, ``status``, and ``evaluable``: of those in
        follow-up the probability that they stay until it is known that there was no event.
    """
    judged = design.judged
    start = judged.reference_day(cohort)
    seen = cohort.observations.dropna(subset=["value"])
    records = seen[seen["quantity"] == judged.quantity]
    looks, rows, waiting = looks_of(design), [], {}
    assert judged.until is not None
    closes = judged.until if design.judged_exactly else judged.closes
    for patient, last in followed.items():
        first = float(start[str(patient)])
        known = known_of(records[records["id"] == patient])
        reached = bool(reaching(design, np.asarray(known.last - first)))
        to_come = first + looks[first + looks > max(last, known.last)]
        if not len(to_come) and not reached:
            # Within its window the last look can still come after other records.
            to_come = np.array([float(last)])
        over = str(patient) in lost or last > first + closes or not len(to_come)
        due = first + looks[-1]
        if known.seen <= first + closes:
            rows.append((due, "event", 1.0))
        elif over or np.isfinite(known.seen):
            reached |= np.isfinite(known.seen) and _after_all(design, known, first)
            rows.append((due, "no event", 1.0) if reached else (due, "missing", 0.0))
        else:
            chance = last_look(design, to_come, float(last))
            tells = np.append(reached, reaching(design, to_come - first) | reached)
            own = Waiting(known.last, to_come, chance, tells, first + judged.until)
            waiting[str(patient)] = own
            rows.append((due, "in follow-up", float(chance @ tells)))
    columns = ["planned_day", "status", "evaluable"]
    return pd.DataFrame(rows, followed.index, columns), waiting


def _after_all(design: VirtualDesign, known: Known, first: float) -> bool:
    """Whether an event that was seen too late to count had not happened in time."""
    return design.judged_exactly and known.seen > first + (design.judged.until or 0.0)
