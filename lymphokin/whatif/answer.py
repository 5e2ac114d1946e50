"""Puts the answer about one schedule together: risks, comparators, curves, drivers."""

from __future__ import annotations

import numpy as np

from lymphokin.whatif.contract import (
    Comparators,
    Curves,
    Patient,
    Risk,
    Schedule,
    ScheduleAnswer,
)
from lymphokin.whatif.courses import doses_of, endpoint_day, irradiation
from lymphokin.whatif.dose import LATE, TUMOUR, bed, eqd2
from lymphokin.whatif.drivers import drivers
from lymphokin.whatif.lanes import LaneSolver, Solved
from lymphokin.whatif.risk import COUNT_DECIMALS, MDSC_DECIMALS, fan, middle
from lymphokin.whatif.spread import Spread


def schedule_answer(
    solver: LaneSolver,
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    solved: Solved,
    spread: Spread,
    untreated: Risk,
) -> ScheduleAnswer:
    """Everything about one schedule, rounded.

    Args:
        plan: the schedule the patient is on.
        solved: its versions on the days of the curves and, last, on the endpoint day.
        untreated: risk of the patient without any treatment.
    """
    at = np.asarray(solved.at)

    def comparators(version: int) -> Comparators:
        planned, bare = (spread.risk(at[version + i, -1]) for i in (0, 1))
        return Comparators(planned=planned, no_atra=bare, no_treatment=untreated)

    given = irradiation(patient, schedule, plan)
    return ScheduleAnswer(
        endpoint_day=endpoint_day(schedule),
        total_gy=round(sum(f.gy for f in schedule.fractions), 1),
        bed10_gy=round(bed(schedule, TUMOUR), 1),
        eqd2_10_gy=round(eqd2(schedule, TUMOUR), 1),
        bed3_gy=round(bed(schedule, LATE), 1),
        eqd2_3_gy=round(eqd2(schedule, LATE), 1),
        immune_dose_gy=round(float(given.immune_dose.sum()), 2),
        atra_mg=round(float(doses_of(schedule, patient.bsa)[1].sum()), 0),
        fitted=comparators(0),
        gamma_zero=comparators(2) if solver.has_suppression else None,
        curves=_curves(solved, spread),
        drivers=drivers(solver, np.asarray(solved.own), at[0, -1]),
    )


def _curves(solved: Solved, spread: Spread) -> Curves:
    at, mdsc = np.asarray(solved.at)[:, :-1], np.asarray(solved.mdsc)[:-1]
    return Curves(
        alc=fan(at[0], COUNT_DECIMALS),
        alc_measured=fan(spread.imagined(at[0]), COUNT_DECIMALS),
        mdsc=fan(mdsc, MDSC_DECIMALS) if np.isfinite(mdsc).all() else None,
        alc_no_atra_q50=middle(at[1]),
        alc_no_treatment_q50=middle(np.asarray(solved.rest)[None]) * at.shape[1],
    )
