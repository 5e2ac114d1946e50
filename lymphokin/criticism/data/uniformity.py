"""Are some numbers uniform between 0 and 1? The empirical distribution with simultaneous bands.

Säilynoja, Bürkner and Vehtari 2022 (doi:10.1007/s11222-022-10090-6): the bands hold the whole
empirical distribution function of independent uniform numbers with a stated probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.special import bdtr

POINTS = 100
"""Most places at which the distribution is compared."""
SIMULATIONS = 4000


@dataclass(frozen=True)
class Uniformity:
    """Difference between an empirical distribution function and the uniform one, all [point].

    ``low`` and ``high`` hold all of the difference with 95 % probability; ``p`` is the
    probability that uniform numbers are at least as far off at their worst place.
    """

    at: np.ndarray
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: float


@lru_cache
def _least_tails(n: int, points: int) -> np.ndarray:
    """[simulation] smallest two-sided tail probability over the points, of n uniform numbers."""
    rng = np.random.default_rng(0)
    at = _points(points)
    counts = np.diff(np.concatenate([[0.0], at, [1.0]]))
    below = np.cumsum(rng.multinomial(n, counts, SIMULATIONS), axis=1)[:, :-1]
    return _tails(below, n, at).min(axis=1)


def _points(points: int) -> np.ndarray:
    return np.arange(1, points) / points


def _tails(below: np.ndarray, n: int, at: np.ndarray) -> np.ndarray:
    """Two-sided tail probabilities of ``below`` out of n uniform numbers below each place."""
    lower, upper = bdtr(below, n, at), 1 - bdtr(below - 1.0, n, at)
    return 2 * np.minimum(lower, np.where(below == 0, 1.0, upper))


def uniformity(values: np.ndarray) -> Uniformity:
    """Compare numbers [value] with the uniform distribution between 0 and 1."""
    n = len(values)
    points = max(2, min(n, POINTS))
    at = _points(points)
    below = np.searchsorted(np.sort(values), at, side="right")
    null = _least_tails(n, points)
    p = (1 + int((null <= _tails(below, n, at).min()).sum())) / (1 + len(null))
    tail = float(np.quantile(null, 0.05)) / 2
    low, high = (stats.binom.ppf(q, n, at) / n for q in (tail, 1 - tail))
    return Uniformity(at, below / n - at, low - at, high - at, p)
