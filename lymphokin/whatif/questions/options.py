"""Schedules within limits, by fractions and dose, with their risks: never a recommendation."""

from __future__ import annotations

from itertools import product

import numpy as np

from lymphokin.whatif.contract import (
    MOST_CELLS,
    Estimate,
    Option,
    OptionsAnswer,
    OptionsRequest,
    Schedule,
)
from lymphokin.whatif.dose import TUMOUR, bed
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.questions.scan import label_of, with_fractions, with_pulses

GAPS = (1, 2)
"""Calendar days between fractions: daily, every other day."""
NOTE = (
    "Options in order of fractions and dose, with what the model says of lymphopenia alone. Tumour "
    "control, toxicity and feasibility are not in it: this is a list, not a recommendation."
)


def options(engine: Engine, request: OptionsRequest) -> OptionsAnswer:
    """Risk of every schedule within the limits.

    Raises:
        ValueError: when there is none, or too many.
    """
    plan = request.schedule
    candidates, considered = _candidates(request)
    if not candidates:
        raise ValueError(f"none of {considered} schedules lies within these limits")
    if len(candidates) > MOST_CELLS:
        raise ValueError(
            f"{len(candidates)} schedules lie within these limits; narrow them to {MOST_CELLS}"
        )

    def risk(schedule: Schedule) -> Estimate:
        return engine.risk_of(request.patient, schedule, plan, request.draws)

    reference = risk(plan)
    found = []
    for schedule in candidates:
        own = risk(schedule)
        days = [f.day for f in schedule.fractions]
        found.append(
            Option(
                label=label_of(schedule),
                schedule=schedule,
                risk=own,
                bed10_gy=round(bed(schedule, TUMOUR), 1),
                course_days=max(days) - min(days) + 1,
                difference_of_100=own.of_100 - reference.of_100,
            )
        )
    return OptionsAnswer(
        options=found,
        reference=reference,
        considered=considered,
        note=NOTE,
        provenance=engine.source.provenance,
    )


def _candidates(request: OptionsRequest) -> tuple[list[Schedule], int]:
    """Schedules within the limits, in order, and how many were looked at."""
    (fewest, most), (lowest, highest) = request.fractions, request.gy
    low, high = request.bed10_gy
    if fewest > most or lowest > highest or low > high:
        raise ValueError("each limit is a lower value and a higher one")
    grays = np.round(np.arange(lowest, highest + 1e-9, request.gy_step), 3).tolist()
    starts = request.first_atra_days or (None,)
    pulses = len(request.schedule.atra)
    found: dict[Schedule, None] = {}
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
            schedule = with_pulses(schedule, start, pulses or 1)
        found[schedule] = None
    return list(found), considered
