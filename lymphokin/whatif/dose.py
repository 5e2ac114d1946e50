"""Biologically effective dose of a schedule, by the linear-quadratic model."""

from __future__ import annotations

import math

from lymphokin.whatif.schedule import Schedule

TUMOUR, LATE = 10.0, 3.0
"""alpha/beta (Gy) of tumours and of late-reacting tissue, by convention (Fowler 1989,
doi:10.1259/0007-1285-62-740-679)."""


def effect(gy: float, alpha_beta: float) -> float:
    """Biologically effective dose (Gy) of one fraction: d (1 + d / (alpha/beta))."""
    return gy * (1 + gy / alpha_beta)


def bed(schedule: Schedule, alpha_beta: float) -> float:
    """Biologically effective dose (Gy) of the most heavily treated lesion."""
    return schedule.summed(lambda gy: effect(gy, alpha_beta))


def eqd2(schedule: Schedule, alpha_beta: float) -> float:
    """Dose in 2 Gy fractions (Gy) with the same biologically effective dose."""
    return bed(schedule, alpha_beta) / (1 + 2 / alpha_beta)


def gy_for(bed_gy: float, fractions: int, alpha_beta: float) -> float:
    """Gy per fraction with which a number of fractions reaches a biologically effective dose."""
    return 0.5 * alpha_beta * (math.sqrt(1 + 4 * bed_gy / (alpha_beta * fractions)) - 1)
