"""What results of which only limits are known say of an outcome: where the limits leave it open, it
is not known. Elsewhere such a result counts at the limit that stands as its value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.endpoint import GRADE_BELOW, REPORTED_DECIMALS, grade_of

type Mask = NDArray[np.bool_]
STEP = 10.0**-REPORTED_DECIMALS
"""Between counts as a laboratory reports them, 1e9/L."""


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


def reported(rows: pd.DataFrame, grade: int) -> np.ndarray:
    """[row] lymphocyte counts as a laboratory reports them; of which only limits are known, the
    limit, and not a number where that leaves open whether the count is of a grade or a worse one.

    Args:
        rows: as of :func:`has_number`.
        grade: of CTCAE, from 2 on.
    """
    level = GRADE_BELOW[grade]
    # Halves go where grades have them: NumPy rounds 0.495 to 0.50, Python to 0.49.
    value = np.array([round(count, REPORTED_DECIMALS) for count in rows["value"].tolist()], float)
    # What lies below the level is at most the count before it.
    at_level = _censored(rows) & (rows["upper"].to_numpy(float) == level)
    value = np.where(at_level, round(level - STEP, REPORTED_DECIMALS), value)
    return np.where(settles(rows, level), value, np.nan)


def exact_grades(rows: pd.DataFrame) -> list[int | None]:
    """Per lymphocyte count its CTCAE grade as :func:`~lymphokin.endpoint.grade_of` has it, None
    where its limits leave it open.

    Args:
        rows: as of :func:`has_number`.
    """
    value = rows["value"].to_numpy(float)
    least = np.where(_censored(rows), rows["lower"], value).astype(float)
    most = np.where(_censored(rows), rows["upper"].to_numpy(float) - STEP, value)
    ends = zip(least, most, strict=True)
    return [grade_of(low) if grade_of(low) == grade_of(high) else None for low, high in ends]


def _censored(rows: pd.DataFrame) -> Mask:
    return rows["censored"].to_numpy(bool)
