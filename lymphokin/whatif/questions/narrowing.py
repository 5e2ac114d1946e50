"""What a further count would teach: its expected effect on the risk, before it is measured.

For each draw of the patient a count is imagined, as the draw would have it; the other draws are
weighed by how well they explain it. The mean over imagined counts of what then remains unknown is
the expected remainder (preposterior analysis; Raiffa and Schlaifer 1961).
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from lymphokin.whatif.condition import log_density
from lymphokin.whatif.contract import Narrowing, NarrowingAnswer, NarrowingRequest
from lymphokin.whatif.courses import endpoint_day
from lymphokin.whatif.engine import CURVE_DAYS, Engine, told
from lymphokin.whatif.risk import grade_draws

LOW, HIGH = 0.1, 0.9


def narrowing(engine: Engine, request: NarrowingRequest) -> NarrowingAnswer:
    """Expected narrowing of the risk of grade >= 2 by one count on each of some days.

    Raises:
        ValueError: when a day is not before the endpoint visit.
    """
    patient, plan = request.patient, request.schedule
    end = endpoint_day(plan)
    late = [d for d in request.days if not CURVE_DAYS[0] <= d < end]
    if late:
        raise ValueError(f"day {late[0]} is not a day before the endpoint visit (day {end})")
    known = engine.condition(patient, plan, request.draws)
    spread = engine.spread(known)
    at = np.asarray(engine.solve(patient, plan, plan, request.draws).at)[0]
    risk = grade_draws(spread.residual, at[-1], spread.sd)
    rows = []
    for day in request.days:
        log_count = at[day - CURVE_DAYS[0]]
        imagined = spread.imagined(log_count)
        log_weight = log_density(
            spread.residual, imagined[:, None], log_count[None, :], spread.sd[None, :]
        )
        weight = np.exp(log_weight - logsumexp(log_weight, axis=1, keepdims=True))
        rows.append(_row(day, float(risk.mean()), weight @ risk, imagined))
    return NarrowingAnswer(
        risk=spread.measured(at[-1]), rows=rows, conditioning=told(patient, plan, known)
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
