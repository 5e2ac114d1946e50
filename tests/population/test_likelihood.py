"""Residual densities, censored observations and draws, against SciPy and quadrature."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lymphokin.literature.likelihood import measured_moments
from lymphokin.model import Residual, load_model
from lymphokin.population import (
    CohortLikelihood,
    Hierarchy,
    draw_measured,
    log_density,
    log_probability_below,
    probability_below,
    t_distribution,
)
from lymphokin.whatif import records as what_if
from lymphokin.whatif.risk import below

ERRORS = ("log_normal", "additive", "proportional", "combined")
RESIDUALS = [
    Residual(
        "alc",
        distribution,  # type: ignore[arg-type]
        0.18,
        "fixed",
        degrees_of_freedom=5.0 if distribution == "student_t" else 0.0,
        error=error,  # type: ignore[arg-type]
        proportional_sd=0.25 if error == "combined" else 0.0,
    )
    for error in ERRORS
    for distribution in ("normal", "student_t")
]
STUDENT = RESIDUALS[1]
EVERY = pytest.mark.parametrize(
    "residual", RESIDUALS, ids=[f"{r.error}-{r.distribution}" for r in RESIDUALS]
)


def sds(residual: Residual, sd: float = 0.18) -> jax.Array:
    """SDs of the components of an error."""
    return jnp.asarray([sd, 0.25] if residual.error == "combined" else [sd])


def reference(residual: Residual, true: float, sd: float) -> Any:
    """SciPy's distribution of ln y, or of y, around the true value, as the error's name says."""
    scale = {
        "log_normal": sd,
        "additive": sd,
        "proportional": sd * true,
        "combined": np.sqrt(sd**2 + (0.25 * true) ** 2),
    }[residual.error]
    centre = np.log(true) if residual.error == "log_normal" else true
    if residual.distribution == "student_t":
        return stats.t(residual.degrees_of_freedom, centre, scale)
    return stats.norm(centre, scale)


def place(residual: Residual, value: float) -> float:
    """Where a value stands on the scale of the error."""
    return np.log(value) if residual.error == "log_normal" else value


VALUES, SDS = st.floats(0.01, 50), st.floats(0.02, 2)


@EVERY
@settings(max_examples=15)
@given(VALUES, VALUES, SDS)
def test_densities_agree_with_scipy(residual, value, true, sd):
    """Of ln y: on the natural scale the density of y times y."""
    expected = reference(residual, true, sd).logpdf(place(residual, value))
    expected += 0.0 if residual.error == "log_normal" else np.log(value)
    found = log_density(residual, np.log(value), np.log(true), sds(residual, sd))
    assert float(found) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@EVERY
@settings(max_examples=15)
@given(VALUES, VALUES, SDS)
def test_tail_probabilities_agree_with_scipy(residual, limit, true, sd):
    law = reference(residual, true, sd)
    at = np.log(limit), np.log(true), sds(residual, sd)
    found = float(log_probability_below(residual, *at))
    assert found == pytest.approx(law.logcdf(place(residual, limit)), rel=1e-8, abs=1e-8)
    below = float(probability_below(residual, *at))
    assert below == pytest.approx(law.cdf(place(residual, limit)), rel=1e-8, abs=1e-12)


@EVERY
@pytest.mark.parametrize("true", [0.03, 0.4, 3.0])
@pytest.mark.parametrize("sd", [0.1, 0.6])
def test_a_censored_record_has_the_probability_of_all_values_below_its_limit(residual, true, sd):
    """M3 of Beal (2001): the density is integrated over what the laboratory could not quantify."""
    limit = 0.1

    def density(log_value: Any) -> np.ndarray:
        return np.asarray(
            jnp.exp(log_density(residual, log_value, np.log(true), sds(residual, sd)))
        )

    # Values above zero by the trapezoidal rule over ln y; errors on the natural scale have others.
    step = 0.002 * sd
    log_value = np.log(limit) - np.arange(0.0, 200.0, step)
    weights = np.where(np.arange(len(log_value)) == 0, 0.5 * step, step)
    below = float(density(log_value) @ weights)
    law = reference(residual, true, sd)
    rest = law.cdf(log_value[-1]) if residual.error == "log_normal" else law.cdf(0.0)
    found = float(
        jnp.exp(log_probability_below(residual, np.log(limit), np.log(true), sds(residual, sd)))
    )
    assert found == pytest.approx(below + rest, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("df", [2.5, 5.0, 30.0, 200.0])
def test_students_t_is_scipys_far_into_its_tail(df):
    z = np.concatenate([-np.logspace(4, -6, 60), [0.0], np.logspace(-6, 4, 60)])
    expected = stats.t.cdf(z, df)
    seen = expected > 1e-280
    with_slope = jax.value_and_grad(lambda z: t_distribution.probability_below(z, df))
    found, slope = jax.vmap(with_slope)(z)
    assert np.asarray(found)[seen] == pytest.approx(expected[seen], rel=1e-11)
    assert np.asarray(slope) == pytest.approx(stats.t.pdf(z, df), rel=1e-9)


def test_a_count_at_the_threshold_falls_below_it_half_of_the_time():
    assert float(t_distribution.probability_below(0.0, 5)) == pytest.approx(0.5)
    at = np.log(0.8), np.log(0.8), sds(STUDENT)
    assert float(probability_below(STUDENT, *at)) == pytest.approx(0.5)


@EVERY
@pytest.mark.parametrize("function", [log_density, log_probability_below])
def test_gradients_are_finite_and_right(residual, function):
    """With respect to the true value and the SDs, also where measurement and truth coincide."""
    values = jnp.log(jnp.asarray([1e-9, 1e-3, 0.39, 0.4, 0.4 * (1 + 1e-12), 3.0, 50.0]))

    def of(log_true: Any, sd: Any) -> Any:
        return jax.vmap(lambda value: function(residual, value, log_true, sd))(values)

    at = jnp.log(0.4), sds(residual)
    found, (by_true, by_sd) = of(*at), jax.jacobian(of, argnums=(0, 1))(*at)
    assert np.isfinite(np.column_stack([found, by_true, by_sd])).all()
    h = 1e-6
    expected = (of(at[0] + h, at[1]) - of(at[0] - h, at[1])) / (2 * h)
    np.testing.assert_allclose(by_true, expected, rtol=1e-5, atol=1e-6)
    expected = (of(at[0], at[1] * (1 + h)) - of(at[0], at[1] * (1 - h))) / (2 * h)
    np.testing.assert_allclose(by_sd @ at[1], expected, rtol=1e-5, atol=1e-6)


@EVERY
def test_drawn_measurements_follow_the_density(residual):
    true = np.full(5_000, 2.0)
    drawn = np.asarray(draw_measured(residual, jax.random.key(1), np.log(true), sds(residual)))
    law = reference(residual, 2.0, 0.18)
    values = drawn if residual.error == "log_normal" else np.exp(drawn)
    assert stats.kstest(values, law.cdf).pvalue > 1e-3


def test_no_measurement_is_reported_below_zero():
    additive = replace(RESIDUALS[2], sd=3.0)
    log_true = np.log(np.full(1000, 0.5))
    drawn = np.exp(draw_measured(additive, jax.random.key(2), log_true, sds(additive, 3.0)))
    assert (drawn > 0).all()
    assert np.mean(drawn < 1e-6) == pytest.approx(stats.norm.cdf(-0.5 / 3.0), abs=0.05)


@EVERY
def test_a_what_if_uses_the_same_densities_and_risks(residual):
    rng = np.random.default_rng(1)
    value, true = (np.log(rng.uniform(0.3, 3, (4, 50))) for _ in range(2))
    sd = np.broadcast_to(sds(residual), (50, len(sds(residual))))
    np.testing.assert_allclose(
        what_if.log_density(residual, value, true, sd), log_density(residual, value, true, sd)
    )
    expected = probability_below(residual, np.log(0.8), true, sd)
    np.testing.assert_allclose(below(residual, np.log(0.8), true, sd), expected, atol=2e-7)


@EVERY
def test_moments_of_measured_counts_are_those_of_simulated_ones(residual):
    log_true = jnp.log(jnp.linspace(0.5, 3.0, 200_000))
    sd = sds(residual, 0.1)
    drawn = np.exp(draw_measured(residual, jax.random.key(3), log_true, sd))
    mean, variance = measured_moments(residual, log_true, sd)
    assert float(mean) == pytest.approx(drawn.mean(), rel=0.01)
    assert float(variance) == pytest.approx(drawn.var(), rel=0.03)


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
