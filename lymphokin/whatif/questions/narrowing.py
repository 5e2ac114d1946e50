"""What a further count would teach: its expected effect on the risk, before it is measured.

For each draw of the patient a count is imagined, as the draw would have it; the other draws are
weighed by how well they explain it. The mean over imagined counts of what then remains unknown is
the expected remainder (preposterior analysis; Raiffa and Schlaifer 1961).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field
from scipy.special import logsumexp

from lymphokin.whatif.answers import ConditioningAnswer, Estimate
from lymphokin.whatif.engine import CURVE_DAYS, Engine
from lymphokin.whatif.limits import PREVIEW_DRAWS, DrawCount, Strict
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.records import log_density
from lymphokin.whatif.risk import grade_draws
from lymphokin.whatif.schedule import Schedule

LOW, HIGH = 0.1, 0.9


class NarrowingRequest(Strict):
    """What would a further count teach?"""

    patient: Patient
    schedule: Schedule
    days: Annotated[tuple[int, ...], Field(min_length=1, max_length=12)] = (7, 14, 21, 28)
    draws: DrawCount = PREVIEW_DRAWS


class Narrowing(BaseModel):
    """Expected effect of one count on a day, before it is measured."""

    day: int
    sd_of_risk_now: float
    """uncertainty of the outcome: sqrt(p (1 - p))"""
    sd_of_risk_expected: float
    """root mean square of the same after the count"""
    risk_if_low: float
    """risk after a count at its 10 % quantile"""
    risk_if_high: float
    """risk after a count at its 90 % quantile"""
    variance_explained: float
    """expected share of the outcome's variance that the count removes, 0 to 1"""


class NarrowingAnswer(BaseModel):
    """One row per day."""

    risk: Estimate
    rows: list[Narrowing]
    conditioning: ConditioningAnswer


def narrowing(engine: Engine, request: NarrowingRequest) -> NarrowingAnswer:
    """Expected narrowing of the risk of grade >= 2 by one count on each of some days.

    Raises:
        ValueError: when a day is not before the endpoint visit.
    """
    patient, plan = request.patient, request.schedule
    end = plan.endpoint_day
    late = [d for d in request.days if not CURVE_DAYS[0] <= d < end]
    if late:
        raise ValueError(f"day {late[0]} is not a day before the endpoint visit (day {end})")
    conditioned = engine.condition(patient, plan, request.draws)
    intervals = engine.intervals(conditioned)
    at = np.asarray(engine.solve(patient, plan, plan, request.draws).at)[0]
    risk = grade_draws(intervals.residual, at[-1], intervals.sd)
    rows = []
    for day in request.days:
        log_count = at[day - CURVE_DAYS[0]]
        imagined = intervals.imagined(log_count)
        log_weight = log_density(
            intervals.residual, imagined[:, None], log_count[None, :], intervals.sd[None, :]
        )
        weight = np.exp(log_weight - logsumexp(log_weight, axis=1, keepdims=True))
        rows.append(_row(day, float(risk.mean()), weight @ risk, imagined))
    return NarrowingAnswer(
        risk=intervals.measured(at[-1]),
        rows=rows,
        conditioning=conditioned.answer(patient, plan),
    )


def _row(day: int, now: float, after: np.ndarray, imagined: np.ndarray) -> Narrowing:
    """Summary over imagined counts of the risk after each."""
    remains = float((after * (1 - after)).mean())
    unknown = now * (1 - now)
    order = np.argsort(imagined)
    around = max(1, len(order) // 20)

    def at(level: float) -> float:
        place = int(level * (len(order) - 1))
        near = order[max(0, place - around) : place + around]
        return round(float(after[near].mean()), 2)

    return Narrowing(
        day=day,
        sd_of_risk_now=round(float(np.sqrt(unknown)), 2),
        sd_of_risk_expected=round(float(np.sqrt(remains)), 2),
        risk_if_low=at(LOW),
        risk_if_high=at(HIGH),
        variance_explained=round(max(0.0, 1 - remains / unknown), 2) if unknown > 1e-9 else 0.0,
    )
