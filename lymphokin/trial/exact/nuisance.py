"""The nuisance rate: the largest probability of rejecting, over all common rates of both arms.

Given the total number of events, the probability of a set of tables does not depend on the common
rate; so the probability of rejecting is a polynomial of it in Bernstein form, whose coefficients
are those conditional probabilities. Its maximum is searched on a grid that is as fine as the
polynomial can bend, and then by Newton's method.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy

GRID_PER_ROOT_N = 32
"""Grid points per square root of n; the standard error of a rate on the angular scale is
1 / (2 sqrt(n)), so that it is met by about ten grid points."""
NEWTON_STEPS = 6


class Maximum(NamedTuple):
    """Largest probability and the common rate at which it is reached."""

    value: NDArray[np.float64]
    rate: NDArray[np.float64]


def binomial(n: int, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of 0 ... n events at each rate, [event, ...]."""
    events = np.arange(n + 1).reshape(-1, *(1 for _ in np.shape(rate)))
    log_choose = gammaln(n + 1) - gammaln(events + 1) - gammaln(n - events + 1)
    return np.exp(log_choose + xlogy(events, rate) + xlog1py(n - events, -np.asarray(rate)))


def grid(n: int) -> NDArray[np.float64]:
    """Rates between 0 and 1, evenly spaced on the angular scale."""
    angle = np.linspace(0.0, np.pi / 2, int(GRID_PER_ROOT_N * np.sqrt(n)) + 65)[1:-1]
    return np.sin(angle) ** 2


def largest(conditional: NDArray[np.float64]) -> Maximum:
    """Maximum over the common rate of the probability of each set of tables.

    Args:
        conditional: [set, total] probability of the set given the total number of events 0 ... n.
    """
    n = conditional.shape[1] - 1
    rates = grid(n)
    height = conditional @ binomial(n, rates)
    ends = np.stack([conditional[:, 0], conditional[:, -1]], axis=1)
    best, at = ends.max(axis=1), ends.argmax(axis=1).astype(float)
    for index in _peaks(height):
        low, high = rates[np.maximum(index - 1, 0)], rates[np.minimum(index + 1, len(rates) - 1)]
        rate = _climb(conditional, rates[index], low, high)
        for value, where in ((height[np.arange(len(index)), index], rates[index]), rate):
            higher = value > best
            best, at = np.where(higher, value, best), np.where(higher, where, at)
    return Maximum(best, at)


def _peaks(height: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """[set] grid points of the two highest peaks, by a parabola through three points."""
    left, middle, right = height[:, :-2], height[:, 1:-1], height[:, 2:]
    bend = np.minimum(left - 2 * middle + right, -1e-300)
    peak = middle - (right - left) ** 2 / (8 * bend)
    local = np.where((middle >= left) & (middle >= right), peak, -1.0)
    rows = np.arange(len(height))
    first = local.argmax(axis=1)
    local[rows, first] = -1.0
    return [first + 1, local.argmax(axis=1) + 1]


def _climb(
    conditional: NDArray[np.float64],
    rate: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton's method from ``rate`` within [low, high]; value and place, each [set]."""
    n = conditional.shape[1] - 1
    first, second = np.diff(conditional, axis=1).T, np.diff(conditional, 2, axis=1).T
    for _ in range(NEWTON_STEPS if n > 1 else 0):
        slope = n * (first * binomial(n - 1, rate)).sum(axis=0)
        bend = n * (n - 1) * (second * binomial(n - 2, rate)).sum(axis=0)
        step = np.where(bend < 0, slope / np.where(bend < 0, bend, -1.0), 0.0)
        rate = np.clip(rate - step, low, high)
    return (conditional.T * binomial(n, rate)).sum(axis=0), rate
