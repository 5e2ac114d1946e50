"""Endpoints of a patient's curve over a window of days: where it is read, and what of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.whatif.judging import window_of
from lymphokin.whatif.limits import LATEST_DAY
from lymphokin.whatif.schedule import Schedule
from lymphokin.whatif.shapes import STEPS

CURVE_DAYS = np.arange(-14, LATEST_DAY + 1)
"""Days on which curves are shown."""


def path_days(endpoint: Endpoint, schedule: Schedule, count: int) -> np.ndarray:
    """[day] in order, on which a curve is read; in between it is linear in logarithms.

    They are both ends of the window, each fraction and shortly after it, where the curve bends,
    and days as far apart in between.

    Args:
        endpoint: of a window.
        schedule: whose fractions bend the curve.
        count: number of days.
    """
    begin, end = window_of(endpoint, schedule)
    given = np.array(sorted({float(f.day) for f in schedule.fractions}))
    bends = np.concatenate([given, given + STEPS.first_days])
    bends = bends[(bends > begin) & (bends < end)]
    return np.sort(np.concatenate([bends, np.linspace(begin, end, count - len(bends))]))


class OfCurve(NamedTuple):
    """What an endpoint of a window makes of each draw, [draw]."""

    number: np.ndarray
    """lowest or highest count, days, area or fold"""
    judged: np.ndarray
    """1.0 where it happens, else 0.0; the number itself where the endpoint is no event"""


def of_curve(endpoint: Endpoint, log_count: np.ndarray, day: np.ndarray) -> OfCurve:
    """What an endpoint of a window, or a fold, makes of true values.

    Args:
        endpoint: of a window, or a fold.
        log_count: [day, draw] ln of true values.
        day: [day] of :func:`path_days`, or the two that a fold compares.
    """
    number, event = endpoint.summarise(np.asarray(log_count).T, day)
    return OfCurve(number, number if event is None else event.astype(float))
