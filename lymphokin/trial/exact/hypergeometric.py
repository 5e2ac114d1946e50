"""Probabilities of tables given their total number of events, when both rates are equal.

They are SciPy's `hypergeom` for all tables of two arms at once, from ratios of neighbouring
probabilities (every factor is at most 1, so that nothing overflows or cancels): `scipy.stats` alone
takes longer to import than the rest of an exact answer takes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def given_total(n_treated: int, n_control: int) -> NDArray[np.float64]:
    """Probability of every table given its total, [treated events, control events]."""
    return _by_table(_probabilities(n_treated, n_control), n_control)


def as_few_treated(n_treated: int, n_control: int) -> NDArray[np.float64]:
    """Probability of as few treated events given the total, [treated events, control events]."""
    cumulative = np.cumsum(_probabilities(n_treated, n_control), axis=0)
    return np.minimum(_by_table(cumulative, n_control), 1.0)


def _probabilities(n_treated: int, n_control: int) -> NDArray[np.float64]:
    """[treated events, total events] probability of the treated events given the total."""
    treated = np.arange(n_treated + 1)[:, None]
    total = np.arange(n_treated + n_control + 1)
    mode = (n_treated + 1) * (total + 1) // (n_treated + n_control + 2)
    # Ratio of a probability to the one with a treated event less: zero beyond what there can be.
    more = np.maximum((n_treated - treated + 1) * (total - treated + 1), 0)
    less = treated * (n_control - total + treated)
    up = np.where(treated > mode, more / np.maximum(less, 1), 1.0)
    down = np.where(treated <= mode, np.maximum(less, 0) / np.maximum(more, 1), 1.0)
    above = np.cumprod(up, axis=0)
    below = np.ones_like(above)
    below[:-1] = np.cumprod(down[:0:-1], axis=0)[::-1]
    weight = above * below
    return weight / weight.sum(axis=0)


def _by_table(values: NDArray[np.float64], n_control: int) -> NDArray[np.float64]:
    """From [treated events, total events] to [treated events, control events]."""
    treated = np.arange(len(values))[:, None]
    return values[treated, treated + np.arange(n_control + 1)]
