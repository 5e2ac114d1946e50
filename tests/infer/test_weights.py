"""Smoothed importance weights: against ArviZ's own, and where there is no tail."""

import arviz_stats  # noqa: F401  (registers the accessor)
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from lymphokin.infer.weights import smoothed, weighted_quantile


def test_weights_that_are_all_alike_stay_so():
    nothing_to_weigh = np.full((30, 4, 2), -7.0)
    nothing_to_weigh[..., 1] += 1e-13 * np.random.default_rng(0).standard_normal((30, 4))
    weights, pareto_k = smoothed(nothing_to_weigh)
    np.testing.assert_allclose(weights, 1 / 120)
    np.testing.assert_array_equal(pareto_k, 0.0)


def test_light_tails_keep_their_weights_and_heavy_ones_are_reported():
    rng = np.random.default_rng(1)
    light, heavy = 0.3 * rng.standard_normal((100, 20)), 4 * rng.standard_exponential((100, 20))
    weights, pareto_k = smoothed(np.stack([light, heavy], axis=-1))
    np.testing.assert_allclose(weights.sum(axis=(0, 1)), 1.0)
    plain = softmax(light)
    middle = light < np.quantile(light, 0.9)
    np.testing.assert_allclose(weights[..., 0][middle], plain[middle], rtol=0.02)
    assert pareto_k[0] < 0.5
    assert pareto_k[1] > 0.7


def test_heavy_tails_are_smoothed_as_arviz_smooths_them():
    """Against the labelled interface of ArviZ; the plain weights are far from it."""
    log_weight = 0.9 * np.random.default_rng(2).standard_exponential((100, 20, 3))
    weights, pareto_k = smoothed(log_weight)
    draws = xr.DataArray(-log_weight, dims=("chain", "draw", "patient"))
    expected, k = draws.azstats.psislw(dim=["chain", "draw"])
    expected = np.exp(expected).transpose("chain", "draw", "patient")
    expected = expected / expected.sum(["chain", "draw"])
    np.testing.assert_allclose(weights, expected, rtol=1e-10)
    np.testing.assert_allclose(pareto_k, k, rtol=1e-10)
    plain = np.stack([softmax(log_weight[..., i]) for i in range(3)], axis=-1)
    assert np.abs(weights / plain - 1).max() > 0.2


def test_a_weighted_quantile_counts_weights_not_draws():
    values, weights = np.array([0.0, 1.0]), np.array([0.9, 0.1])
    assert weighted_quantile(values, weights, 0.5) == 0.0
    assert weighted_quantile(values[::-1], weights[::-1], 0.5) == 0.0
    assert weighted_quantile(values, weights, 0.95) == 1.0
    assert weighted_quantile(values, weights[::-1], 0.5) == 1.0


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 4)), min_size=1, max_size=20),
    st.sampled_from([0.05, 0.25, 0.5, 0.75, 0.95]),
)
def test_whole_weights_are_repeats(draws, q):
    """A draw of weight 3 stands for three draws: NumPy's quantile of the draws written out."""
    values, repeats = (np.asarray(v) for v in zip(*draws, strict=True))
    expected = np.quantile(np.repeat(values, repeats), q, method="inverted_cdf")
    found = weighted_quantile(values, repeats.astype(float), q)
    share = q * repeats.sum()
    if abs(share - round(share)) > 1e-9:  # on a step either neighbour is a quantile
        assert found == pytest.approx(expected)
