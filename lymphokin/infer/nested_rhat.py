"""Have many short chains forgotten where they started? The nested R-hat.

R-hat compares chains, so each must be long enough for a mean of its own: a hundred draws of each of
64 chains look as if they disagreed, though together they are plenty. Chains that start at the same
point are compared as one (Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari and Gelman 2024,
doi:10.1214/24-BA1453): what is left between groups is what they still know of their starts.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

MANY_CHAINS = 16
"""Chains from which on they share starting points."""
FEWEST_STARTS, MOST_STARTS = 4, 8
"""Points that they share: enough to see a spread between them, few enough for many draws each."""


def starts_of(chains: int) -> int:
    """Number of points at which this number of chains start; the same number at each, in turn."""
    if chains < MANY_CHAINS:
        return chains
    shared = range(FEWEST_STARTS, MOST_STARTS + 1)
    return max((n for n in shared if chains % n == 0), default=chains)


def nested_rhat(x: np.ndarray, starts: int) -> float:
    """Nested R-hat of the [chain, draw] draws of a quantity, whose chains are sorted by start.

    The larger of that of normal scores and of scores of the distance from the median, so that it
    sees differences in place, in width and in the tails.
    """
    folded = np.abs(x - np.median(x))
    return max(_of(_normal_scores(values), starts) for values in (x, folded))


def _normal_scores(x: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata  # takes 0.3 s to import; few fits have many chains

    return ndtri((rankdata(x) - 0.375) / (x.size + 0.25)).reshape(x.shape)


def _of(x: np.ndarray, starts: int) -> float:
    grouped = x.reshape(starts, -1, x.shape[1])
    of_chains = grouped.mean(axis=2)
    between = of_chains.mean(axis=1).var(ddof=1)
    among = of_chains.var(axis=1, ddof=1) if grouped.shape[1] > 1 else np.zeros(starts)
    within = grouped.var(axis=2, ddof=1).mean(axis=1)
    return float(np.sqrt(1 + between / (among + within).mean()))
