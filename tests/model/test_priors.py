"""Priors by a scale or bounds: quantiles of SciPy's distributions, and declarations refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lymphokin.model.parameter_rows import parameter_of
from lymphokin.model.residual_rows import residual_of

WORDS = {"symbol": "k", "meaning": "of the test", "unit": "1/d", "source": "none"}
LOG = {**WORDS, "transform": "log", "certainty": "proposed prior"}
Z = np.array([-5.0, -3.0, -0.5, 0.0, 0.2, 2.0, 6.0])
P = stats.norm.cdf(Z)
CASES = [
    ({"prior": "half_cauchy", "scale": 2.0}, stats.halfcauchy(scale=2.0)),
    ({"prior": "half_normal", "scale": 0.5}, stats.halfnorm(scale=0.5)),
    ({"prior": "uniform", "lower": 0.0, "upper": 3.0}, stats.uniform(0, 3)),
    ({"prior": "uniform", "lower": 1.0, "upper": 3.0}, stats.uniform(1, 2)),
    ({"prior": "log_uniform", "lower": 0.1, "upper": 10.0}, stats.loguniform(0.1, 10)),
]


def read(keys):
    problems = []
    return parameter_of("rate", keys, problems), "; ".join(problems)


@pytest.mark.parametrize("transform", ["log", "identity"])
@pytest.mark.parametrize(("keys", "distribution"), CASES)
def test_a_typical_value_has_the_quantiles_of_its_prior(keys, distribution, transform):
    parameter, problems = read({**LOG, **keys, "transform": transform})
    assert parameter is not None, problems
    found = parameter.to_natural(parameter.typical(jnp.asarray(Z)))
    expected = np.where(P < 0.5, distribution.ppf(P), distribution.isf(stats.norm.sf(Z)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert parameter.median == pytest.approx(distribution.median())


def test_a_mirrored_tail_has_a_slope_where_both_halves_meet():
    parameter, _ = read({**LOG, "prior": "half_cauchy", "scale": 2.0})
    rise = float(parameter.typical(1e-5) - parameter.typical(-1e-5)) / 2e-5
    assert float(jax.grad(parameter.typical)(0.0)) == pytest.approx(rise, rel=1e-5)


def test_a_value_that_is_known_is_simply_written():
    parameter, problems = read({**WORDS, "value": 2.0})
    assert parameter is not None, problems
    assert (parameter.median, parameter.population_sd, parameter.certainty) == (2.0, 0.0, "fixed")
    assert float(parameter.typical(1.0)) == 2.0


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({**LOG, "prior": "half_cauchy"}, "prior half_cauchy needs scale"),
        ({**LOG, "prior": "half_cauchy", "scale": -1.0}, "scale must be above 0, not -1.0"),
        (
            {**LOG, "prior": "half_normal", "scale": 1.0, "median": 1.0},
            "prior half_normal has no median: expected scale",
        ),
        ({**LOG, "prior": "uniform", "lower": 1.0}, "prior uniform needs upper"),
        (
            {**LOG, "prior": "log_uniform", "lower": 0.0, "upper": 2.0},
            "prior log_uniform needs lower above 0 below upper, not 0.0 and 2.0",
        ),
        ({**LOG, "median": 1.0, "scale": 1.0}, "scale is only for prior half_normal or half_cau"),
        ({**LOG, "value": 1.0}, "value says that it is known: leave transform out"),
    ],
)
def test_a_wrong_prior_is_refused_with_what_was_expected(keys, said):
    parameter, problems = read(keys)
    assert parameter is None
    assert f"parameters.rate: {said}" in problems


@pytest.mark.parametrize(
    ("prior", "distribution"),
    [("half_cauchy", stats.halfcauchy(scale=0.3)), ("half_normal", stats.halfnorm(scale=0.3))],
)
def test_a_residual_sd_has_the_quantiles_of_its_prior(prior, distribution):
    keys = {"distribution": "normal", "sd": 0.3, "sd_prior": prior, "certainty": "proposed prior"}
    residual = residual_of("level", keys, [])
    found = residual.sd_at("residual_sd", jnp.asarray(Z))
    np.testing.assert_allclose(found[:-1], distribution.ppf(P)[:-1], rtol=1e-6)
    _, log_sd = residual.sds["residual_sd"]
    draws = np.log(distribution.rvs(200_000, random_state=1))
    assert log_sd == pytest.approx(draws.std(), rel=0.01)
