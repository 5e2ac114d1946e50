"""Importance weights of patients' draws: means, Pareto smoothing, and when not to trust them."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from lymphokin.infer.pareto import pareto_smoothed

UNRELIABLE_PARETO_K = 0.7
"""Above it weights rest on a few draws (Vehtari et al. 2024, jmlr.org/papers/v25/19-556.html)."""

ALIKE = 1e-9
"""Log weights within this of each other are the same number but for rounding; no tail to fit."""


def log_mean(log_weight: np.ndarray) -> np.ndarray:
    """[population draw, patient] log of the mean weight over a population draw's draws."""
    return logsumexp(log_weight, axis=1) - np.log(log_weight.shape[1])


def smoothed(log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised Pareto-smoothed weights, as given, and the Pareto k of each patient.

    Args:
        log_weight: [population draw, draw, patient], unnormalised.
    """
    weights = np.empty_like(log_weight)
    pareto_k = np.empty(log_weight.shape[2])
    for patient in range(log_weight.shape[2]):
        flat = log_weight[:, :, patient].ravel()
        if np.ptp(flat) < ALIKE:
            weights[:, :, patient], pareto_k[patient] = 1 / flat.size, 0.0
            continue
        smooth, pareto_k[patient] = pareto_smoothed(flat)
        weights[:, :, patient] = np.exp(smooth - logsumexp(smooth)).reshape(log_weight.shape[:2])
    return weights, pareto_k


def weighted_quantile(values: np.ndarray, weights: np.ndarray, q: float) -> float:
    """Quantile of weighted draws, both 1-D."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    place = np.searchsorted(cumulative, q * cumulative[-1])
    return float(values[order][min(place, len(values) - 1)])
