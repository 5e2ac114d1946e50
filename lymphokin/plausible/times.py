"""What is plausible of times: days of visits, dates, and the units they are in."""

from __future__ import annotations

import math

from lymphokin.plausible.check import Check

CHECKS = (
    Check(
        "visit_day",
        "the day of a measurement or dose, from the first fraction",
        "days",
        (-math.inf, math.inf),
        (-400, 1000),
        (-120, 550),
        "judgement: trials follow counts for one or two years; days beyond are hours or "
        "another year",
    ),
    Check(
        "date_order",
        "the days that a patient's dates span over those of the other order of day and month",
        "",
        (0, math.inf),
        (0, 8),
        (0, 3),
        "judgement: read in the wrong order, visits of a few weeks spread over a year",
    ),
)
