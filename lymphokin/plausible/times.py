"""What is plausible of times: days of visits, dates, and the units they are in."""

from __future__ import annotations

import math

from lymphokin.plausible.check import FLAG, Check

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
        "times_in_hours",
        "times in days that are all multiples of 24, as hours are",
        "",
        (-math.inf, math.inf),
        FLAG,
        FLAG,
        "judgement, of three times or more: visits of a trial lie weeks apart and some days before "
        "the first fraction",
    ),
    Check(
        "interval_in_hours",
        "doses repeated every 6, 8, 12, 24 or 48 days, which are usual as hours",
        "",
        (-math.inf, math.inf),
        FLAG,
        FLAG,
        "judgement: drugs and fractions are given several times a day or every other day; pulses "
        "are repeated after whole weeks",
    ),
    Check(
        "dose_interval",
        "the shortest interval between doses of a drug to one patient",
        "days",
        (0, 3653),
        (0.15, 3653),
        (0.24, 3653),
        "45 mg/m2 a day of tretinoin are given in two evenly divided doses (label of Vesanoid), "
        "other drugs up to four times a day; shorter intervals are days taken for hours "
        "(judgement)",
    ),
    Check(
        "treatment_start",
        "the time from the start of treatment of a subject to the nearest count, fraction or dose",
        "days",
        (0, math.inf),
        (0, 60),
        (0, 30),
        "judgement: a count is taken in the weeks before treatment; a start of another year lies "
        "months from all of them",
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
