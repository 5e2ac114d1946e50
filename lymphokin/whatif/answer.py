"""Puts the answer about one schedule together: risks, comparators, curves, drivers."""

from __future__ import annotations

import numpy as np

from lymphokin.solve import Treatment
from lymphokin.whatif.answers import Comparators, Curves, ScheduleAnswer
from lymphokin.whatif.dose import LATE, TUMOUR, bed, eqd2
from lymphokin.whatif.drivers import drivers
from lymphokin.whatif.intervals import Intervals
from lymphokin.whatif.lanes import LaneSolver, Solved
from lymphokin.whatif.risk import COUNT_DECIMALS, MDSC_DECIMALS, fan, middle
from lymphokin.whatif.schedule import Schedule


def schedule_answer(
    solver: LaneSolver,
    schedule: Schedule,
    treatment: Treatment,
    solved: Solved,
    intervals: Intervals,
) -> ScheduleAnswer:
    """Everything about one schedule, rounded.

    Args:
        solver: of the model.
        schedule: the schedule.
        treatment: what the patient is given under it.
        solved: its versions on the days of the curves and, last, on the endpoint day.
        intervals: of the patient's draws.
    """
    at = np.asarray(solved.at)
    untreated = intervals.risk(np.asarray(solved.rest))

    def comparators(version: int) -> Comparators:
        planned, bare = (intervals.risk(at[version + i, -1]) for i in (0, 1))
        return Comparators(planned=planned, no_atra=bare, no_treatment=untreated)

    return ScheduleAnswer(
        endpoint_day=schedule.endpoint_day,
        total_gy=round(schedule.total_gy, 1),
        bed10_gy=round(bed(schedule, TUMOUR), 1),
        eqd2_10_gy=round(eqd2(schedule, TUMOUR), 1),
        bed3_gy=round(bed(schedule, LATE), 1),
        eqd2_3_gy=round(eqd2(schedule, LATE), 1),
        immune_dose_gy=round(float(treatment.immune_dose.sum()), 2),
        atra_mg=round(float(treatment.amount.sum()), 0),
        fitted=comparators(0),
        gamma_zero=comparators(2) if solver.has_suppression else None,
        curves=_curves(solved, intervals),
        drivers=drivers(solver, np.asarray(solved.parameters), at[0, -1]),
    )


def _curves(solved: Solved, intervals: Intervals) -> Curves:
    at, mdsc = np.asarray(solved.at)[:, :-1], np.asarray(solved.mdsc)[:-1]
    return Curves(
        alc=fan(at[0], COUNT_DECIMALS),
        alc_measured=fan(intervals.imagined(at[0]), COUNT_DECIMALS),
        mdsc=fan(mdsc, MDSC_DECIMALS) if np.isfinite(mdsc).all() else None,
        alc_no_atra_q50=middle(at[1]),
        alc_no_treatment_q50=middle(np.asarray(solved.rest)[None]) * at.shape[1],
    )
