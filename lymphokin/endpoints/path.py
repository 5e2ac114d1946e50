"""Numbers that sum up a curve of counts over a window of days.

A curve is a value on each of a few days, and linear in logarithms between them: the solver's
nodes, or the visits of a trial. Every summary is exact for such a curve. Values are NumPy's or, in
a compiled program, JAX's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

type Values = NDArray[np.float64]

STRAIGHT = 1e-6
"""Change of a logarithm over a piece of a curve below which its value is taken as constant: the
area is then off by half of this share at most."""


def lowest(log_value: Values) -> Values:
    """[draw] lowest value of a curve [draw, day]."""
    return _library(log_value).exp(log_value.min(axis=1))


def highest(log_value: Values) -> Values:
    """[draw] highest value of a curve [draw, day]."""
    return _library(log_value).exp(log_value.max(axis=1))


def time_below(log_value: Values, day: Values, level: float) -> Values:
    """[draw] days on which a curve lies below a level.

    Args:
        log_value: [draw, day] ln of the values.
        day: [day] in increasing order.
        level: in the unit of the values.
    """
    begin, end = _below(log_value, level)
    return ((end - begin) * _library(log_value).diff(day)).sum(axis=1)


def area_below(log_value: Values, day: Values, level: float) -> Values:
    """[draw] area between a level and the curve where it lies below it, in unit times days."""
    xp = _library(log_value)
    begin, end = _below(log_value, level)
    slope = xp.diff(log_value, axis=1)
    at_begin = log_value[:, :-1] + begin * slope
    change = (end - begin) * slope
    straight = xp.abs(change) < STRAIGHT
    grown = xp.where(straight, 1.0, xp.expm1(change) / xp.where(straight, 1.0, change))
    return ((end - begin) * xp.diff(day) * (level - xp.exp(at_begin) * grown)).sum(axis=1)


def back_above(log_value: Values, day: Values, level: float) -> tuple[Values, NDArray[np.bool_]]:
    """[draw] days from the first of ``day`` until a curve stays at a level or above it.

    Args:
        log_value, day, level: as of :func:`time_below`; or days of each curve, [draw, day].

    Returns:
        the days (0 if it is never below the level), and whether it gets there by the last day;
        where it does not, the days are those of the whole window.
    """
    xp = _library(log_value)
    day = xp.broadcast_to(xp.asarray(day), log_value.shape)
    begin, end = _below(log_value, level)
    some = end > begin
    last = some.shape[1] - 1 - some[:, ::-1].argmax(axis=1)
    rows = xp.arange(len(last))
    back = day[rows, last] + end[rows, last] * xp.diff(day)[rows, last] - day[:, 0]
    back = xp.where(some.any(axis=1), back, 0.0)
    reached = log_value[:, -1] >= np.log(level)
    return xp.where(reached, back, day[:, -1] - day[:, 0]), reached


def _below(log_value: Values, level: float) -> tuple[Values, Values]:
    """[draw, piece] begin and end of the part of each piece that lies below the level, as shares of
    the piece's length: a straight line is below on one side of where it crosses.
    """
    xp = _library(log_value)
    over = log_value - np.log(level)
    first, second = over[:, :-1], over[:, 1:]
    change = xp.where(second == first, 1.0, second - first)
    crossing = xp.clip(-first / change, 0.0, 1.0)
    begin = xp.where(first < 0, 0.0, xp.where(second < 0, crossing, 1.0))
    end = xp.where(second < 0, 1.0, xp.where(first < 0, crossing, 0.0))
    return begin, xp.maximum(begin, end)


def _library(values: Any) -> Any:
    """The functions that work on some values: NumPy's or JAX's."""
    return values.__array_namespace__()
