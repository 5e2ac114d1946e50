"""Schedules within limits, by fractions and dose, with their risks: never a recommendation."""

from __future__ import annotations

from itertools import product
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from lymphokin.pages.messages import ENGLISH, Message, RefusedError, says
from lymphokin.population.provenance import Provenance
from lymphokin.quantities import DRUG
from lymphokin.whatif.answers import Estimate
from lymphokin.whatif.assumption import of_many
from lymphokin.whatif.dose import TUMOUR, bed
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.judging import SIX_WEEKS, Asked, JudgedBy, in_words
from lymphokin.whatif.limits import MOST_CELLS, PREVIEW_DRAWS, DrawCount, Strict
from lymphokin.whatif.outside import doubts, refuse_too_far
from lymphokin.whatif.outside import outside as outside_of
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.questions.scan import label_of, with_fractions, with_pulses
from lymphokin.whatif.refused import check_drug
from lymphokin.whatif.risk import COUNT_DECIMALS
from lymphokin.whatif.schedule import Schedule
from lymphokin.whatif.usable import require_usable

GAPS = (1, 2)
"""Calendar days between fractions: daily, every other day."""


class OptionsRequest(Strict):
    """Schedules within limits; what comes back is a list of options, never a recommendation."""

    patient: Patient
    schedule: Schedule
    """the plan to compare with; its drugs and weekday are kept unless varied"""
    bed10_gy: tuple[Annotated[float, Field(ge=0, le=1000)], Annotated[float, Field(ge=0, le=1000)]]
    """lowest and highest BED (alpha/beta 10 Gy)"""
    fractions: tuple[Annotated[int, Field(ge=1, le=40)], Annotated[int, Field(ge=1, le=40)]] = (
        1,
        10,
    )
    gy: tuple[Annotated[float, Field(gt=0, le=34)], Annotated[float, Field(gt=0, le=34)]] = (2, 24)
    gy_step: Annotated[float, Field(ge=0.5, le=10)] = 1.0
    longest_course_days: Annotated[int, Field(ge=1, le=77)] = 14
    first_pulse_days: Annotated[tuple[int, ...], Field(max_length=8)] = ()
    """first days of the drug to try; empty keeps that of the schedule"""
    drug: str = DRUG
    endpoint: Asked = SIX_WEEKS
    draws: DrawCount = PREVIEW_DRAWS


class Option(BaseModel):
    """One schedule within the limits."""

    label: str
    schedule: Schedule
    risk: Estimate
    bed10_gy: float
    course_days: int
    outside: list[Message]
    """why its number is a guess: outside what was seen, or counts the model cannot follow"""
    difference: float
    """its number, of 100 patients or in the endpoint's unit, minus that of the plan"""


class OptionsAnswer(BaseModel):
    """Options in order of fractions and dose, not of risk."""

    options: list[Option]
    reference: Estimate
    considered: int
    left_out: int
    """how many within the limits lie too far outside what was seen"""
    assumption: Message | None
    """what the numbers rest on that has never been seen in people"""
    endpoint: JudgedBy
    note: str
    provenance: Provenance


def options(engine: Engine, request: OptionsRequest) -> OptionsAnswer:
    """Risk of every schedule within the limits.

    Raises:
        ValueError: when there is none, or too many, or the model does not take a drug.
    """
    plan, model = request.schedule, engine.population.model
    require_usable(engine, request.patient, {"schedule": plan}, plan, request.endpoint)
    if request.first_pulse_days:
        check_drug(model, request.drug)
    candidates, considered = _candidates(request)
    if not candidates:
        raise RefusedError("error.no_schedule", considered=considered)
    if len(candidates) > MOST_CELLS:
        raise RefusedError("error.many_schedules", found=len(candidates), most=MOST_CELLS)

    def risk(schedule: Schedule) -> Estimate:
        return engine.risk_of(request.patient, schedule, plan, request.draws, request.endpoint)

    refuse_too_far(engine, request.patient, {"schedule": plan}, plan, request.endpoint)
    reference = risk(plan)
    doubt = doubts(engine, request.patient, plan, request.draws)
    within, left_out = [], 0
    for schedule in candidates:
        outside = outside_of(engine, request.patient, schedule, plan, request.endpoint)
        if any(notice.beyond for notice in outside):
            left_out += 1
            continue
        estimate = risk(schedule)
        days = [f.day for f in schedule.fractions]
        within.append(
            Option(
                label=label_of(schedule, model.drugs),
                schedule=schedule,
                risk=estimate,
                bed10_gy=round(bed(schedule, TUMOUR), 1),
                course_days=max(days) - min(days) + 1,
                outside=[*(notice.message for notice in outside), *doubt],
                difference=round(estimate.shown - reference.shown, COUNT_DECIMALS),
            )
        )
    return OptionsAnswer(
        options=within,
        reference=reference,
        considered=considered,
        left_out=left_out,
        assumption=of_many(engine.population, [plan, *(option.schedule for option in within)]),
        endpoint=in_words(request.endpoint, model),
        note=says(ENGLISH, "options.note"),
        provenance=engine.population.provenance,
    )


def _candidates(request: OptionsRequest) -> tuple[list[Schedule], int]:
    """Schedules within the limits, in order, and how many were looked at."""
    (fewest, most), (lowest, highest) = request.fractions, request.gy
    low, high = request.bed10_gy
    if fewest > most or lowest > highest or low > high:
        raise RefusedError("error.limits")
    grays = np.round(np.arange(lowest, highest + 1e-9, request.gy_step), 3).tolist()
    starts = request.first_pulse_days or (None,)
    pulses = len(request.schedule.pulses_of(request.drug))
    candidates: dict[Schedule, None] = {}
    considered = 0
    for count, gy, gap, start in product(range(fewest, most + 1), grays, GAPS, starts):
        considered += 1
        if not low <= count * gy * (1 + gy / TUMOUR) <= high:
            continue
        try:
            schedule = with_fractions(request.schedule, count, gy, gap)
        except ValueError:
            continue
        days = [f.day for f in schedule.fractions]
        if max(days) - min(days) + 1 > request.longest_course_days:
            continue
        if start is not None:
            schedule = with_pulses(schedule, request.drug, start, pulses or 1)
        candidates[schedule] = None
    return list(candidates), considered
