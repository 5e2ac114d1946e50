"""The endpoint: grades of "lymphocyte count decreased" (CTCAE version 5) and when they are judged.

Counts in 1e9/L: grade 1 below the lower limit of normal, 2 below 0.8, 3 below 0.5, 4 below 0.2.
A laboratory reports a count to some decimals, usually two, and the grade compares that number:
0.80 is grade 1, also where a file stores it as 0.7999999999999999.
"""

from __future__ import annotations

import math

from lymphokin.quantities import OBSERVABLES

GRADE_BELOW = {2: 0.80, 3: 0.50, 4: 0.20}
"""Counts (1e9/L) below which each grade begins."""
REPORTED_DECIMALS = OBSERVABLES["alc"].decimals
"""Decimals to which a count is reported where nothing else is known."""
LOWER_LIMIT_OF_NORMAL = 1.0
"""1e9/L; laboratories differ (0.8 to 1.5). It decides grade 1 only."""
ENDPOINT_DAYS = 42.0
"""Days from the last fraction to the endpoint visit."""
VISIT_WINDOW_DAYS = 7.0
"""A count this near to the planned day is the endpoint visit."""


def grade_of_count(
    count: float, lower_limit: float = math.nan, decimals: int = REPORTED_DECIMALS
) -> int:
    """CTCAE grade of a count (1e9/L) reported to `decimals`.

    `lower_limit`: the laboratory's lower limit of normal (LLN), which decides grade 1 only;
    without it (NaN) a count of 0.8 or more is grade 0.
    """
    reported = round(float(count), decimals)
    for grade in (4, 3, 2):
        if reported < GRADE_BELOW[grade]:
            return grade
    return int(not math.isnan(lower_limit) and reported < lower_limit)


def measured_threshold(grade: int) -> float:
    """Count below which a measurement is reported as this grade or worse."""
    return GRADE_BELOW[grade] - 0.5 * 10.0**-REPORTED_DECIMALS


def grade_of(count: float) -> int:
    """CTCAE grade of a reported count (1e9/L)."""
    return grade_of_count(count, LOWER_LIMIT_OF_NORMAL)
