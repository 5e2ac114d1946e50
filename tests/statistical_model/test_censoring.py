"""Results known only to lie below, above or between limits, against integrals of the density."""

from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from lymphokin.io import Cohort
from lymphokin.model import Residual
from lymphokin.population import log_density, log_probability_below, log_probability_between
from tests.statistical_model.conftest import cohort_of, posterior_of

SD = {"log_normal": [0.2], "additive": [0.15], "proportional": [0.25], "combined": [0.1, 0.2]}
KINDS = [(error, tail) for error in SD for tail in ("normal", "student_t")]
TRUE = 1.3
LIMITS = [(0.5, 0.9), (1.1, 1.2), (1.2, 2.0), (2.2, 2.9), (1.0, np.inf), (2.5, np.inf)]


def residual_of(error: str, distribution: str) -> Residual:
    return Residual("alc", distribution, 0.2, "fixed", degrees_of_freedom=5.0, error=error)  # type: ignore[arg-type]


@pytest.mark.parametrize(("error", "distribution"), KINDS)
def test_probabilities_between_limits_are_integrals_of_the_density(error, distribution):
    residual, sd = residual_of(error, distribution), jnp.asarray(SD[error])

    @jax.jit
    def density(log_value):
        return jnp.exp(log_density(residual, log_value, jnp.log(TRUE), sd))

    for lower, upper in LIMITS:
        near = np.linspace(np.log(lower), min(np.log(upper), 3.0), 9)
        edges = [*near, 8.0, 40.0] if upper == np.inf else near
        expected = sum(
            integrate.quad(density, a, b, epsabs=1e-12, epsrel=1e-10)[0] for a, b in pairwise(edges)
        )
        found = log_probability_between(residual, jnp.log(lower), jnp.log(upper), jnp.log(TRUE), sd)
        assert float(jnp.exp(found)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("error", "distribution"), KINDS)
def test_without_a_lower_limit_it_is_the_probability_below_bit_for_bit(error, distribution):
    residual, sd = residual_of(error, distribution), jnp.asarray(SD[error])
    limit = jnp.log(jnp.linspace(0.05, 3, 40))
    below = log_probability_below(residual, limit, jnp.log(TRUE), sd)
    found = log_probability_between(residual, jnp.full(40, -jnp.inf), limit, jnp.log(TRUE), sd)
    np.testing.assert_array_equal(found, below)


@pytest.mark.parametrize(("error", "distribution"), KINDS)
def test_slopes_are_finite_far_from_the_limits_and_agree_with_differences(error, distribution):
    residual, sd = residual_of(error, distribution), jnp.asarray(SD[error])
    limits = jnp.log(jnp.asarray([(0.2, 0.4), (0.7, np.inf), (2.0, 2.1)])).T

    def total(log_true):
        return log_probability_between(residual, *limits, log_true, sd).sum()

    for true in (0.3, 1.0, 2.5):
        slope = float(jax.jit(jax.grad(total))(jnp.log(true)))
        step = 1e-5
        expected = (total(jnp.log(true) + step) - total(jnp.log(true) - step)) / (2 * step)
        assert np.isfinite(slope)
        assert slope == pytest.approx(float(expected), rel=1e-5, abs=1e-6)


def with_limits(cohort: Cohort, lower: list[float], upper: list[float]) -> Cohort:
    """The cohort with its records known only to lie between limits (NaN: as measured)."""
    seen = cohort.observations.assign(lower=lower, upper=upper)
    return replace(cohort, observations=seen.assign(censored=seen["upper"].notna()))


def test_the_likelihood_of_a_cohort_takes_each_record_for_what_is_known_of_it(level_model):
    plain = cohort_of([[2.0, 1.8, 2.2, 2.5]])
    known = with_limits(plain, [np.nan, 0.0, 2.2, 2.0], [np.nan, 1.8, np.inf, 2.5])
    model = level_model()
    one, other = posterior_of(model, plain), posterior_of(model, known)
    start = one.start()
    terms = other.likelihood.pointwise(start, other.arrays)["alc"]
    found = np.concatenate([np.asarray(t)[np.asarray(m.weight) > 0] for t, m in
                            zip(terms, other.arrays.measured["alc"], strict=True)])  # fmt: skip
    (log_true, _) = one.likelihood.predictions(start, one.arrays)["alc"]
    population = one.hierarchy.population(start.population)
    residual, sd = model.table.residuals["alc"], population.residual_sd["alc"]
    at = float(np.asarray(log_true)[0])
    expected = [
        log_density(residual, jnp.log(2.0), at, sd),
        log_probability_below(residual, jnp.log(1.8), at, sd),
        jnp.log1p(-jnp.exp(log_probability_below(residual, jnp.log(2.2), at, sd))),
        jnp.log(
            jnp.exp(log_probability_below(residual, jnp.log(2.5), at, sd))
            - jnp.exp(log_probability_below(residual, jnp.log(2.0), at, sd))
        ),
    ]
    np.testing.assert_allclose(found, np.asarray(expected, float), rtol=1e-9)


def test_records_below_their_limit_alone_keep_the_arrays_they_had(level_model):
    posterior = posterior_of(level_model(), cohort_of([[2.0, 1.1], [0.9]], lloq=1.2))
    below = posterior.arrays.measured["alc"].below
    assert below.log_limits is None
    np.testing.assert_array_equal(np.unique(below.log_value), [np.log(1.2)])
