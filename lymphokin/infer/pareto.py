"""Pareto-smoothed importance weights, and how heavy their tail is.

Vehtari, Simpson, Gelman, Yao and Gabry 2024 (jmlr.org/papers/v25/19-556.html). The largest weights
are replaced by quantiles of the generalized Pareto distribution that is fitted to them as Zhang and
Stephens 2009 do (doi:10.1198/tech.2009.08017). ArviZ has the same, but takes as long to import as
all of JAX; the tests compare the two.
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

FEWEST_IN_TAIL = 5
SMALL_SAMPLE = 225
"""Number of draws up to which a fifth of them is the tail; of more it is 3 sqrt(draws)."""
PRIOR_DRAWS, PRIOR_K = 10, 0.5
"""A prior on k for small tails: weighs as this many draws, and lies here."""


def pareto_smoothed(log_weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Normalised log weights with their tail smoothed, [draw], and the Pareto k of the tail.

    Args:
        log_weight: [draw], unnormalised; minus infinity where a draw weighs nothing.

    Raises:
        ValueError: when the largest weights are all the same, or there are fewer than 25 draws.
    """
    log_weight = log_weight - log_weight.max()
    count = len(log_weight)
    size = int(3 * count**0.5) if count > SMALL_SAMPLE else count // 5
    if size < FEWEST_IN_TAIL:
        raise ValueError(f"{count} draws are too few for Pareto smoothing")
    order = np.argsort(log_weight)
    tail, below = order[-size:], order[-size - 1]
    largest = log_weight[tail]
    if np.ptp(largest) < np.finfo(float).tiny:
        raise ValueError("the largest weights are all the same: there is no tail to smooth")
    cutoff = np.exp(log_weight[below])
    k, sigma = fitted_pareto(np.exp(largest) - cutoff)
    if np.isfinite(k) and sigma > 0:
        place = np.arange(0.5, size) / size
        smooth = np.log(cutoff + _quantiles(place, k, sigma))
        log_weight[tail] = np.minimum(smooth, largest.max())
    return log_weight - logsumexp(log_weight), float(k)


def fitted_pareto(excess: np.ndarray) -> tuple[float, float]:
    """Shape k and scale of the generalized Pareto distribution of some excesses, ascending.

    NaN where the first quartile is the least value, and so no such distribution fits.
    """
    n = len(excess)
    quartile = excess[int(n / 4 + 0.5) - 1]
    if quartile <= excess[0]:
        return np.nan, np.nan
    points = 30 + int(n**0.5)
    # Candidates for -k / sigma, over which its posterior mean is taken.
    b = 1 - np.sqrt(points / (np.arange(1, points + 1, dtype=float) - 0.5))
    b = b / (3 * quartile) + 1 / excess[-1]
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    log_profile = n * (np.log(-b / k) - k - 1)
    weight = np.exp(log_profile - logsumexp(log_profile))
    counts = weight >= 10 * np.finfo(float).eps
    mean_b = np.sum(b[counts] * (weight[counts] / weight[counts].sum()))
    mean_k = np.log1p(-mean_b * excess).mean()
    sigma = -mean_k / mean_b
    mean_k = (n * mean_k + PRIOR_DRAWS * PRIOR_K) / (n + PRIOR_DRAWS)
    return (np.inf, np.nan) if np.isnan(mean_k) else (float(mean_k), float(sigma))


def _quantiles(p: np.ndarray, k: float, sigma: float) -> np.ndarray:
    """Quantiles of the generalized Pareto distribution from 0."""
    if k == 0:
        return -sigma * np.log1p(-p)
    return sigma * np.expm1(-k * np.log1p(-p)) / k
