"""How a rehearsed look reads the endpoint off the visits so far, and the end off all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lymphokin.endpoint import measured_threshold
from lymphokin.endpoints import Endpoint
from lymphokin.trial.interim.observed import Observed
from lymphokin.trial.interim.rehearsed_events import EventSoFar, found_at_end, found_so_far
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.window import log_reported, reaches, shown

GRADE = 2


class WindowVisits(NamedTuple):
    """The visits of an endpoint of a window, [visit, ...] each, in the order of their days."""

    day: Any
    """days from the endpoint's reference"""
    log_value: Any
    """ln of the counts as reported"""
    taken: Any
    """whether the visit takes place"""

    @classmethod
    def of(cls, judged: Endpoint, observed: Observed) -> WindowVisits:
        """Those of one trial, [visit, patient], or of many, [visit, trial, patient]."""
        many = len(judged.visits)
        day, measured, seen = (
            np.moveaxis(x, -2, 0)[-many:]
            for x in (observed.day, observed.log_measured, observed.seen)
        )
        start = observed.planned_day - np.float32(judged.last_visit)
        return cls(day - start, log_reported(measured), seen)


class AtLook(NamedTuple):
    """Where the patients of one trial stand at a look, [patient] each."""

    event: NDArray[np.bool_]
    """whether what was read is the event; any value where nothing was"""
    settled: NDArray[np.bool_]
    """whether the endpoint is known"""
    gone: NDArray[np.bool_]
    """whether it never will be"""
    chance: NDArray[np.float64]
    """probability that a patient enrolled and not gone will have an endpoint"""
    so_far: tuple[WindowVisits, NDArray[np.bool_]] | EventSoFar | None
    """of an endpoint of a window, the visits, and which of them are past; of an event in time, what
    is known of it"""


def at_look(design: VirtualDesign, trial: Observed, followed: NDArray[Any]) -> AtLook:
    """Where everybody stands.

    Args:
        design: the design.
        trial: one trial.
        followed: [patient] days from the first fraction to the look; negative before it.
    """
    judged = design.judged
    over = (followed >= closing_day(design, trial)) | (trial.leaves <= followed)
    if trial.looks is not None:
        start = trial.planned_day - judged.last_visit
        found, reached, so_far = found_so_far(design, trial.looks, start, trial.leaves, followed)
        if not design.judged_exactly:
            over |= (start + trial.looks.day <= followed).all(axis=0)
        settled = found | over & reached
        return AtLook(found, settled, over & ~settled, so_far.chance[0], so_far)
    chance = evaluable(design, trial.planned_day, followed)
    if judged.on_a_day:
        known = trial.seen[-1] & (trial.day[-1] <= followed)
        gone = ~known & over
        return AtLook(_below(trial.log_measured[-1]), known, gone, chance, None)
    visits, past = WindowVisits.of(judged, trial), trial.day[-len(judged.visits) :] <= followed
    over |= past.all(axis=0)
    so_far = visits._replace(taken=visits.taken & past)
    reached = reaches(judged, so_far.day, so_far.taken)
    chance = np.where(reached, 1.0, chance)
    own = (so_far, past)
    return AtLook(shown(judged, *so_far), over & reached, over & ~reached, chance, own)


def at_end(design: VirtualDesign, trials: Observed) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[trial, patient] whether the endpoint is the event, and whether it is known."""
    judged = design.judged
    if judged.on_a_day:
        return _below(trials.log_measured[:, -1]), trials.seen[:, -1]
    if trials.looks is not None:
        start = trials.planned_day - judged.last_visit
        return found_at_end(design, trials.looks, start, trials.leaves)
    visits = WindowVisits.of(judged, trials)
    return shown(judged, *visits), reaches(judged, visits.day, visits.taken)


def closing_day(design: VirtualDesign, trial: Observed) -> NDArray[Any]:
    """[patient] day after which no visit makes the endpoint known."""
    judged = design.judged
    closes = judged.until if design.judged_exactly else judged.closes
    assert closes is not None
    return trial.planned_day + (closes - judged.last_visit)


def _below(log_measured: NDArray[Any]) -> NDArray[np.bool_]:
    return log_measured < np.log(measured_threshold(GRADE))
