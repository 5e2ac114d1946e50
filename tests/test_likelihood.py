"""Residual densities and censored observations, against SciPy and numerical quadrature."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from lymphokin.model import Residual, load_model
from lymphokin.population import CohortLikelihood, Hierarchy, draw_residual, probability_below
from lymphokin.population.likelihood import log_density, log_probability_below, student_t_below

NORMAL = Residual("mdsc", "normal", 0.45, "fixed")
STUDENT = Residual("alc", "student_t", 0.18, "fixed", degrees_of_freedom=5)
BOTH = pytest.mark.parametrize("residual", [NORMAL, STUDENT], ids=["normal", "student_t"])


def reference(residual: Residual, sd: float):
    if residual.distribution == "student_t":
        return stats.t(residual.degrees_of_freedom, scale=sd)
    return stats.norm(scale=sd)


@BOTH
@settings(deadline=None)
@given(st.floats(-9, 9), st.floats(0.02, 2))
def test_densities_agree_with_scipy(residual, error, sd):
    expected = reference(residual, sd).logpdf(error)
    assert float(log_density(residual, error, sd)) == pytest.approx(expected, rel=1e-10, abs=1e-10)


@BOTH
@settings(deadline=None)
@given(st.floats(-50, 50), st.floats(0.02, 2))
def test_tail_probabilities_agree_with_scipy(residual, z, sd):
    expected = reference(residual, sd).logcdf(z * sd)
    found = float(log_probability_below(residual, z * sd, sd))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-8)


@BOTH
@pytest.mark.parametrize("true", [0.03, 0.1, 0.4, 3.0])
@pytest.mark.parametrize("sd", [0.1, 0.18, 0.6])
def test_a_censored_record_has_the_probability_of_all_values_below_its_limit(residual, true, sd):
    """M3 of Beal (2001): the density is integrated over what the laboratory could not quantify."""
    limit = 0.1
    error = np.log(limit) - np.log(true)

    def density(e: float) -> float:
        return float(jnp.exp(log_density(residual, e, sd)))

    scale = sd * max(1.0, abs(error) / sd)
    below = sum(
        quad(density, error - b * scale, error - a * scale, epsabs=1e-12, limit=200)[0]
        for a, b in ((0, 1), (1, 10), (10, 100), (100, 1e4))
    )
    found = float(jnp.exp(log_probability_below(residual, error, sd)))
    assert found == pytest.approx(below, rel=1e-6, abs=1e-12)
    assert float(probability_below(residual, np.log(limit), np.log(true), sd)) == pytest.approx(
        below, rel=1e-6, abs=1e-12
    )


@BOTH
@settings(deadline=None)
@given(st.floats(0.05, 5), st.floats(0.05, 5), st.floats(0.05, 1))
def test_below_and_not_below_share_the_whole(residual, threshold, true, sd):
    below = float(probability_below(residual, np.log(threshold), np.log(true), sd))
    mirrored = float(probability_below(residual, np.log(true), np.log(threshold), sd))
    assert 0 <= below <= 1
    assert below + mirrored == pytest.approx(1)


def test_a_count_at_the_threshold_falls_below_it_half_of_the_time():
    assert float(student_t_below(0.0, 5)) == pytest.approx(0.5)
    assert float(probability_below(STUDENT, np.log(0.8), np.log(0.8), 0.18)) == pytest.approx(0.5)


@BOTH
@pytest.mark.parametrize("function", [log_density, log_probability_below])
@pytest.mark.parametrize("z", [-50.0, -8.0, -1e-3, -1e-12, 0.0, 1e-12, 1e-3, 8.0, 50.0])
def test_gradients_are_finite_and_right(residual, function, z):
    """With respect to the error and to the SD, also where measurement and limit coincide."""
    sd = 0.3
    value, (by_error, by_sd) = jax.value_and_grad(
        lambda e, s: function(residual, e, s), argnums=(0, 1)
    )(z * sd, sd)
    assert np.isfinite([float(value), float(by_error), float(by_sd)]).all()
    if function is log_probability_below:
        law = reference(residual, sd)
        expected = np.exp(law.logpdf(z * sd) - law.logcdf(z * sd))
        assert float(by_error) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@BOTH
def test_drawn_residuals_follow_the_density(residual):
    drawn = np.asarray(draw_residual(residual, jax.random.key(1), (5_000,), residual.sd))
    assert stats.kstest(drawn, reference(residual, residual.sd).cdf).pvalue > 1e-3


def test_what_is_compiled_for_a_model_serves_it_again_but_no_other():
    def likelihood(name, **fixed):
        return CohortLikelihood(Hierarchy(load_model(name).with_fixed(**fixed)))

    traces = []

    @partial(jax.jit, static_argnums=0)
    def compiled(of, x):
        traces.append(of)
        return x

    compiled(likelihood("myeloid_lymphoid"), 1.0)
    compiled(likelihood("myeloid_lymphoid"), 2.0)
    assert len(traces) == 1
    compiled(likelihood("myeloid_lymphoid", suppression=0.0), 1.0)
    compiled(likelihood("saturating_kill"), 1.0)
    assert len(traces) == 3
