"""Posterior of an event rate when some patients are still being followed."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaln

from lymphokin.trial.safety.base import SafetyData


def probability_above(target: float, data: SafetyData, prior: tuple[float, float]) -> float:
    """P(rate > target | data) under a Beta prior.

    A pending patient followed for the part w of the window contributes 1 - w * rate to the
    likelihood. Expanding that product gives a mixture of Beta distributions whose weights are
    positive, so the probability is exact.
    """
    a = prior[0] + data.events
    b = prior[1] + data.complete - data.events
    # prod(1 - w p) = prod((1 - p) + (1 - w) p): a polynomial in p and 1 - p without minus signs.
    coefficients = np.ones(1)
    for weight in data.pending:
        coefficients = np.convolve(coefficients, [1.0, 1.0 - weight])
    pending = len(data.pending)
    powers = np.arange(pending + 1)  # of p; pending - powers of 1 - p
    shape_a, shape_b = a + powers, b + pending - powers
    log_weight = np.log(np.maximum(coefficients, 1e-300)) + betaln(shape_a, shape_b)
    weight = np.where(coefficients > 0, np.exp(log_weight - log_weight.max()), 0.0)
    above = 1 - betainc(shape_a, shape_b, target)
    return float((weight * above).sum() / weight.sum())
