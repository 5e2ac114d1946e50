"""Smoothed importance weights: against ArviZ's own, and where there is no tail."""

import numpy as np
from scipy.special import softmax

from lymphokin.infer.weights import smoothed


def test_weights_that_are_all_alike_stay_so():
    nothing_to_weigh = np.full((30, 4, 2), -7.0)
    nothing_to_weigh[..., 1] += 1e-13 * np.random.default_rng(0).standard_normal((30, 4))
    weights, pareto_k = smoothed(nothing_to_weigh)
    np.testing.assert_allclose(weights, 1 / 120)
    np.testing.assert_array_equal(pareto_k, 0.0)


def test_light_tails_keep_their_weights_and_heavy_ones_are_told():
    rng = np.random.default_rng(1)
    light, heavy = 0.3 * rng.standard_normal((100, 20)), 4 * rng.standard_exponential((100, 20))
    weights, pareto_k = smoothed(np.stack([light, heavy], axis=-1))
    np.testing.assert_allclose(weights.sum(axis=(0, 1)), 1.0)
    plain = softmax(light)
    middle = light < np.quantile(light, 0.9)
    np.testing.assert_allclose(weights[..., 0][middle], plain[middle], rtol=0.02)
    assert pareto_k[0] < 0.5
    assert pareto_k[1] > 0.7
