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

from lymphokin.pages.messages import Message, RefusedError
from lymphokin.whatif.answers import ConditioningAnswer, Estimate
from lymphokin.whatif.assumption import of_many
from lymphokin.whatif.engine import CURVE_DAYS, Engine
from lymphokin.whatif.events import ends_records
from lymphokin.whatif.judging import (
    SIX_WEEKS,
    Asked,
    JudgedBy,
    Scale,
    in_words,
    scale_of,
    window_of,
)
from lymphokin.whatif.limits import PREVIEW_DRAWS, DrawCount, Strict
from lymphokin.whatif.outside import outside as outside_of
from lymphokin.whatif.outside import refuse_too_far
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.records import log_density
from lymphokin.whatif.schedule import Schedule
from lymphokin.whatif.usable import require_usable

LOW, HIGH = 0.1, 0.9


class NarrowingRequest(Strict):
    """What would a further count teach?"""

    patient: Patient
    schedule: Schedule
    days: Annotated[tuple[int, ...], Field(min_length=1, max_length=12)] = (7, 14, 21, 28)
    endpoint: Asked = SIX_WEEKS
    draws: DrawCount = PREVIEW_DRAWS


class Narrowing(BaseModel):
    """Expected effect of one count on a day, before it is measured."""

    day: int
    sd_of_risk_now: float
    """uncertainty of the outcome: sqrt(p (1 - p)), or the SD of a number"""
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

    endpoint: JudgedBy
    risk: Estimate
    rows: list[Narrowing]
    outside: list[Message]
    """why the schedule lies outside what was seen; empty where it does not"""
    assumption: Message | None
    """what the numbers rest on that has never been seen in people"""
    conditioning: ConditioningAnswer


def narrowing(engine: Engine, request: NarrowingRequest) -> NarrowingAnswer:
    """Expected narrowing of what is judged by one count on each of some days.

    Raises:
        ValueError: when a day is not before the last one that is judged, the endpoint is an event
            that has not happened if there is a count, or the model does not take a drug.
    """
    patient, plan, endpoint = request.patient, request.schedule, request.endpoint
    require_usable(engine, patient, {"schedule": plan}, plan, endpoint)
    if ends_records(endpoint, engine.population.model):
        raise RefusedError("error.ends_records", event=endpoint.quantity)
    end = window_of(endpoint, plan)[1]
    late = [d for d in request.days if not CURVE_DAYS[0] <= d < min(end, CURVE_DAYS[-1])]
    if late:
        raise RefusedError("error.late_count", day=late[0], day_end=float(end))
    refuse_too_far(engine, patient, {"schedule": plan}, plan, endpoint)
    conditioned = engine.condition(patient, plan, request.draws)
    intervals = engine.intervals(conditioned)
    at = np.asarray(engine.solve(patient, plan, plan, request.draws).at)[0]
    judged, scale = engine.judged_draws(patient, plan, request.draws, endpoint), scale_of(endpoint)
    rows = []
    for day in request.days:
        log_count = at[day - CURVE_DAYS[0]]
        imagined = intervals.imagined(log_count)
        log_weight = log_density(
            intervals.residual, imagined[:, None], log_count[None, :], intervals.sd[None, :]
        )
        weight = np.exp(log_weight - logsumexp(log_weight, axis=1, keepdims=True))
        rows.append(_row(day, scale, judged, weight, imagined))
    return NarrowingAnswer(
        endpoint=in_words(endpoint, engine.population.model),
        risk=engine.answer(patient, plan, plan, request.draws, endpoint).judged.planned,
        rows=rows,
        outside=[notice.message for notice in outside_of(engine, patient, plan, plan, endpoint)],
        assumption=of_many(engine.population, [plan]),
        conditioning=conditioned.answer(patient, plan),
    )


def _row(
    day: int, scale: Scale, judged: np.ndarray, weight: np.ndarray, imagined: np.ndarray
) -> Narrowing:
    """Summary over imagined counts of the mean of what is judged after each."""
    # What happens or does not is its own square.
    square = judged if scale.is_chance else judged**2
    now, after = float(judged.mean()), weight @ judged
    remains = float((weight @ square - after**2).mean())
    unknown = float(square.mean()) - now**2
    order = np.argsort(imagined)
    around = max(1, len(order) // 20)

    def at(level: float) -> float:
        place = int(level * (len(order) - 1))
        near = order[max(0, place - around) : place + around]
        return scale.shown(scale.steps(float(after[near].mean())))

    return Narrowing(
        day=day,
        sd_of_risk_now=round(float(np.sqrt(unknown)), 2),
        sd_of_risk_expected=round(float(np.sqrt(remains)), 2),
        risk_if_low=at(LOW),
        risk_if_high=at(HIGH),
        variance_explained=round(max(0.0, 1 - remains / unknown), 2) if unknown > 1e-9 else 0.0,
    )
