"""Events of a what-if: whether one happens by a day to a patient to whom it has not happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.model import Model
from lymphokin.whatif.folds import compared_days, read_fold
from lymphokin.whatif.judging import window_of
from lymphokin.whatif.lanes import Solved
from lymphokin.whatif.path import CURVE_DAYS, OfCurve, of_curve
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule

if TYPE_CHECKING:
    from lymphokin.whatif.engine import Engine


def ends_records(endpoint: Endpoint, model: Model) -> bool:
    """Whether an endpoint is an event after which nothing is measured."""
    return endpoint.of_event and model.hazards[endpoint.quantity].ends_records


def judged_days(
    endpoint: Endpoint, schedule: Schedule, patient: Patient, model: Model
) -> tuple[float, float]:
    """First and last day that are judged; of an event those on which it is waited for, of a fold
    the two that are compared.

    That is from the first fraction on, or from day 0 where its last day was chosen. An event that
    ends the records has not happened by the last count; of any other a count says nothing.

    Args:
        endpoint: what is judged.
        schedule: whose risk is asked for.
        patient: with the counts so far.
        model: that has the event.
    """
    if endpoint.of_fold:
        return compared_days(endpoint, schedule)
    first, end = window_of(endpoint, schedule)
    if not endpoint.of_event:
        return first, end
    first = first if endpoint.reference == "first_fraction" else float(schedule.first_fraction_day)
    if ends_records(endpoint, model):
        first = max([first, *(count.day for count in patient.counts)])
    return min(first, end), end


def read_event(
    engine: Engine,
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    draws: int,
    endpoint: Endpoint,
    versions: int,
) -> list[OfCurve]:
    """Probability of an event in every draw, by version of the schedule."""
    days = judged_days(endpoint, schedule, patient, engine.population.model)
    return _probabilities(engine, patient, schedule, plan, draws, endpoint.quantity, days, versions)


def untreated(
    engine: Engine,
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    draws: int,
    endpoint: Endpoint,
    solved: Solved,
) -> OfCurve:
    """What an endpoint on the days of a schedule makes of every draw if nothing is given."""
    days = judged_days(endpoint, schedule, patient, engine.population.model)
    if endpoint.of_fold:
        return read_fold(engine, patient, schedule, plan, draws, endpoint, 1, treated=False)[0]
    if not endpoint.of_event:
        log_count = np.asarray(solved.rest)  # at which the patient stays
        return of_curve(endpoint, np.stack([log_count, log_count]), np.array(days))
    nothing = Schedule()
    return _probabilities(engine, patient, nothing, plan, draws, endpoint.quantity, days, 1)[0]


def _probabilities(
    engine: Engine,
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    draws: int,
    event: str,
    days: tuple[float, float],
    versions: int,
) -> list[OfCurve]:
    """Probability that an event happens between two days in every draw, by version."""
    arrays = engine.arrays(patient, schedule, plan, *days)
    # As many days as of curves: one program serves both.
    read = np.linspace(*days, len(CURVE_DAYS) + 1)
    solved = engine.solved_on(patient, plan, draws, arrays, read, versions)
    hazard = np.asarray(solved.hazards[event])
    # Interpolation may leave less than nothing.
    each = -np.expm1(-np.maximum(hazard[:, -1] - hazard[:, 0], 0.0))
    return [OfCurve(p, p) for p in each]
