"""Pooled factors against hierarchical posteriors that are known without them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from lymphokin.pooling.hierarchy import Factors, Normal, Prior, pooled, prior_of_draws
from tests.pooling.conftest import hierarchical

SPREADS = np.array([0.15, 0.3])


def test_with_known_spreads_everything_is_normal_in_closed_form():
    """The joint precision of population and offsets, inverted as a whole."""
    prior, factors = hierarchical(1, 5, SPREADS)
    size = 3 + 2 * len(factors.score)
    precision, score = np.zeros((size, size)), np.zeros(size)
    precision[:3, :3] = np.linalg.inv(prior.normal.covariance)
    for site, (own, of) in enumerate(zip(factors.score, factors.precision, strict=True)):
        at = slice(3 + 2 * site, 5 + 2 * site)
        reach = np.zeros((size, 3))
        reach[:3], reach[at] = np.eye(3), prior.directions
        precision += reach @ of @ reach.T
        precision[at, at] += np.diag(SPREADS**-2)
        score += reach @ own
    covariance = np.linalg.inv(precision)
    mean, sd = covariance @ score, np.sqrt(np.diag(covariance))
    draws = pooled(factors, prior, 0, draws=20_000)
    every = np.concatenate([draws.z, draws.offsets.reshape(len(draws.z), -1)], axis=1)
    np.testing.assert_allclose((every.mean(axis=0) - mean) / sd, 0, atol=0.035)  # 5 errors
    np.testing.assert_allclose(
        np.cov(every.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.04
    )
    of_new = covariance[:3, :3] + prior.directions.T @ np.diag(SPREADS**2) @ prior.directions
    np.testing.assert_allclose(np.cov(draws.new_site.T), of_new, atol=0.04 * of_new.max())


def test_an_unknown_spread_is_integrated_over():
    """One quantity; sites' means are known with an error. Quadrature over the spread by SciPy."""
    rng, error, before = np.random.default_rng(2), 0.1, 1.0
    seen = 0.4 + np.hypot(error, 0.25) * rng.standard_normal(7)
    log_median, log_sd = np.log(0.2), 0.5
    prior = Prior(
        Normal(np.zeros(1), np.array([[before**2]])), None, np.ones((1, 1)),
        np.array([log_median]), np.array([log_sd]),
    )  # fmt: skip
    factors = Factors(seen[:, None] / error**2, np.full((7, 1, 1), error**-2))

    def density(log_spread: float) -> float:
        covariance = before**2 + np.eye(7) * (error**2 + np.exp(2 * log_spread))
        likelihood = stats.multivariate_normal(np.zeros(7), covariance).pdf(seen)
        return likelihood * stats.norm.pdf(log_spread, log_median, log_sd)

    def centre(log_spread: float) -> tuple[float, float]:
        of_site = 1 / (error**2 + np.exp(2 * log_spread))
        variance = 1 / (before**-2 + 7 * of_site)
        return variance * of_site * seen.sum(), variance

    def mean(f) -> float:
        ends = (log_median - 4, log_median + 4)
        return (
            integrate.quad(lambda t: f(t) * density(t), *ends)[0]
            / integrate.quad(density, *ends)[0]
        )

    draws = pooled(factors, prior, 0, draws=20_000)
    log_spread = mean(lambda t: t)
    sd = np.sqrt(mean(lambda t: t**2) - log_spread**2)
    assert np.log(draws.spreads).mean() == pytest.approx(log_spread, abs=0.05 * sd)
    assert np.log(draws.spreads).std() == pytest.approx(sd, rel=0.05)
    middle = mean(lambda t: centre(t)[0])
    spread = np.sqrt(mean(lambda t: centre(t)[1] + centre(t)[0] ** 2) - middle**2)
    assert draws.z.mean() == pytest.approx(middle, abs=0.05 * spread)
    assert draws.z.std() == pytest.approx(spread, rel=0.05)


def test_a_prior_that_is_not_normal_weighs_the_draws():
    """A skew prior, one site that says little: the posterior by quadrature."""
    z = np.expm1(0.8 * stats.norm.ppf((np.arange(4000) + 0.5) / 4000))[:, None]
    none = np.zeros((0, 1))
    prior = prior_of_draws(z, none, [], [], [])
    factors = Factors(np.array([[2.0]]), np.array([[[2.0]]]))
    draws = pooled(factors, prior, 0)
    grid = np.linspace(-0.999, 12, 40_001)
    density = stats.lognorm(0.8, loc=-1).pdf(grid) * np.exp(2 * grid - grid**2)
    density /= np.trapezoid(density, grid)
    mean = np.trapezoid(grid * density, grid)
    assert draws.pareto_k < 0.7
    assert draws.z.mean() == pytest.approx(mean, abs=0.06)
    without = pooled(factors, replace(prior, curved=None), 0)
    assert abs(without.z.mean() - mean) > 0.1


def test_the_spread_between_centres_is_taken_out_of_draws_that_hold_it():
    rng = np.random.default_rng(4)
    apart = rng.multivariate_normal([0.2, -0.1], [[0.5, 0.2], [0.2, 0.3]], 20_000)
    direction = np.array([[4.0, 0.0]])
    held = apart + (0.3 * rng.standard_normal((len(apart), 1))) @ direction
    found = prior_of_draws(held, direction, [np.log(0.3)], [0.2], [0.3**2]).normal
    np.testing.assert_allclose(found.mean, [0.2, -0.1], atol=0.05)
    np.testing.assert_allclose(found.covariance, [[0.5, 0.2], [0.2, 0.3]], atol=0.06)
