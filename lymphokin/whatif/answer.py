"""Puts the answer about one schedule together: risks, comparators, curves, drivers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.population.draws import PopulationDraws
from lymphokin.solve import Treatment
from lymphokin.whatif.answers import (
    Comparators,
    Curves,
    Given,
    Judged,
    ScheduleAnswer,
)
from lymphokin.whatif.assumption import of_schedule
from lymphokin.whatif.dose import LATE, TUMOUR, bed, eqd2
from lymphokin.whatif.drivers import drivers
from lymphokin.whatif.intervals import Intervals
from lymphokin.whatif.judging import scale_of, visit_of
from lymphokin.whatif.lanes import LaneSolver, Solved
from lymphokin.whatif.path import OfCurve
from lymphokin.whatif.risk import COUNT_DECIMALS, fan, middle, quantiles
from lymphokin.whatif.schedule import Schedule


def schedule_answer(
    population: PopulationDraws,
    solver: LaneSolver,
    schedule: Schedule,
    treatment: Treatment,
    solved: Solved,
    intervals: Intervals,
    endpoint: Endpoint,
    window: tuple[float, float],
    read_curves: Sequence[OfCurve],
    untreated: OfCurve | None,
) -> ScheduleAnswer:
    """Everything about one schedule, rounded.

    Args:
        population: draws of the population.
        solver: of the model.
        schedule: the schedule.
        treatment: what the patient is given under it.
        solved: its versions on the days of the curves and, last, on the day of the visit.
        intervals: of the patient's draws.
        endpoint: what is judged.
        window: first and last day that are judged.
        read_curves: what an endpoint of a window makes of each version; none for a count on a day.
        untreated: what it makes of no treatment at all; None for a count on a day.
    """
    at = np.asarray(solved.at)
    at_rest = intervals.risk(np.asarray(solved.rest))

    def comparators(version: int) -> Comparators:
        planned, bare = (intervals.risk(at[version + i, -1]) for i in (0, 1))
        return Comparators(planned=planned, no_drug=bare, no_treatment=at_rest)

    fitted, zero = comparators(0), comparators(2) if solver.contrast else None
    visit = visit_of(endpoint, schedule)
    if untreated is None:
        judged, drives = _of_visit(fitted, zero, window), at[0, -1]
    else:
        judged = _of_curves(read_curves, untreated, intervals, endpoint, window)
        counts_well = endpoint.what in ("lowest", "highest") or (
            endpoint.of_fold and endpoint.above is None
        )
        drives = read_curves[0].number if counts_well else -read_curves[0].number
    return ScheduleAnswer(
        judged=judged,
        assumption=of_schedule(population, schedule, judged, scale_of(endpoint).unit),
        endpoint_day=int(visit) if visit == int(visit) else visit,
        total_gy=round(schedule.total_gy, 1),
        bed10_gy=round(bed(schedule, TUMOUR), 1),
        eqd2_10_gy=round(eqd2(schedule, TUMOUR), 1),
        bed3_gy=round(bed(schedule, LATE), 1),
        eqd2_3_gy=round(eqd2(schedule, LATE), 1),
        immune_dose_gy=round(float(treatment.immune_dose.sum()), 2),
        given=[
            Given(
                drug=name,
                label=dose.label or name,
                unit=dose.unit,
                amount=float(f"{treatment.amount[treatment.is_of((name,))].sum():.4g}"),
            )
            for name, dose in solver.model.drugs.items()
        ],
        fitted=fitted,
        gamma_zero=zero,
        curves=_curves(solver, solved, intervals),
        drivers=drivers(solver, np.asarray(solved.parameters), drives),
    )


def _of_visit(fitted: Comparators, zero: Comparators | None, window: tuple[float, float]) -> Judged:
    """A count on a day is judged by its risk of grade >= 2 as measured."""
    return Judged(
        planned=fitted.planned.grade2.measured,
        no_drug=fitted.no_drug.grade2.measured,
        no_treatment=fitted.no_treatment.grade2.measured,
        without_link=None if zero is None else zero.planned.grade2.measured,
        window=window,
        spread=None,
    )


def _of_curves(
    versions: Sequence[OfCurve],
    untreated: OfCurve,
    intervals: Intervals,
    endpoint: Endpoint,
    window: tuple[float, float],
) -> Judged:
    """A window is judged by the true curve over its days, or by the hazard of an event."""
    scale = scale_of(endpoint)
    planned, no_drug, *without_link = (
        intervals.mean(curve.judged, scale) for curve in versions[:3]
    )
    decimals = 0 if endpoint.what in ("time_below", "back_above") else COUNT_DECIMALS
    return Judged(
        planned=planned,
        no_drug=no_drug,
        no_treatment=intervals.mean(untreated.judged, scale),
        without_link=without_link[0] if without_link else None,
        window=window,
        spread=None if endpoint.of_event else quantiles(versions[0].number, decimals),
    )


def _curves(solver: LaneSolver, solved: Solved, intervals: Intervals) -> Curves:
    at, observables = np.asarray(solved.at)[:, :-1], solver.model.observables
    return Curves(
        alc=fan(at[0], COUNT_DECIMALS),
        alc_measured=fan(intervals.imagined(at[0]), COUNT_DECIMALS),
        others={
            name: fan(np.asarray(value)[:-1], observables[name].decimals)
            for name, value in solved.others.items()
        },
        alc_no_drug_q50=middle(at[1]),
        alc_no_treatment_q50=middle(np.asarray(solved.rest)[None]) * at.shape[1],
    )
