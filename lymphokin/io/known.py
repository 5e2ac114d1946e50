"""What results of which only limits are known say of an outcome: where the limits leave it open, it
is not known. Elsewhere such a result counts at the limit that stands as its value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.endpoint import GRADE_BELOW, REPORTED_DECIMALS, grade_of

type Mask = NDArray[np.bool_]


def has_number(rows: pd.DataFrame) -> Mask:
    """[row] whether a result is a number, or below a limit, at which it then counts.

    Args:
        rows: of a cohort's observations, with a value.
    """
    return ~_censored(rows) | (rows["lower"].to_numpy(float) == 0)


def settles(rows: pd.DataFrame, level: float | None) -> Mask:
    """[row] whether a result says on which side of a level it lies.

    Args:
        rows: as of :func:`has_number`.
        level: in the unit of the values; None: as of :func:`has_number`.
    """
    if level is None:
        return has_number(rows)
    upper, lower = (rows[name].to_numpy(float) for name in ("upper", "lower"))
    return ~_censored(rows) | (upper <= level) | (lower >= level)


def graded(rows: pd.DataFrame, worst: int) -> list[bool | None]:
    """Per lymphocyte count whether it is of a CTCAE grade or a worse one, None where its limits
    leave it open.

    Args:
        rows: as of :func:`has_number`.
        worst: the grade, from 2 on.
    """
    level, censored = GRADE_BELOW[worst], _censored(rows)
    low = np.array([grade_of(value) >= worst for value in rows["value"]], bool)
    low = np.where(censored, rows["upper"].to_numpy(float) <= level, low)
    known = settles(rows, level)
    return [bool(is_low) if is_known else None for is_low, is_known in zip(low, known, strict=True)]


def of_one_grade(rows: pd.DataFrame) -> Mask:
    """[row] whether a lymphocyte count says which CTCAE grade it has, with one for 0.8 and more.

    Args:
        rows: as of :func:`has_number`.
    """
    return np.logical_and.reduce([settles(rows, level) for level in GRADE_BELOW.values()])


def exact_grades(rows: pd.DataFrame) -> list[int | None]:
    """Per lymphocyte count its CTCAE grade as :func:`~lymphokin.endpoint.grade_of` has it, None
    where its limits leave it open.

    Args:
        rows: as of :func:`has_number`.
    """
    value = rows["value"].to_numpy(float)
    least = np.where(_censored(rows), rows["lower"], value).astype(float)
    step = 10.0**-REPORTED_DECIMALS
    most = np.where(_censored(rows), rows["upper"].to_numpy(float) - step, value)
    ends = zip(least, most, strict=True)
    return [grade_of(low) if grade_of(low) == grade_of(high) else None for low, high in ends]


def _censored(rows: pd.DataFrame) -> Mask:
    return rows["censored"].to_numpy(bool)
