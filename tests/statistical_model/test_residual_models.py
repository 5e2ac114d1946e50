"""Residual models in a fit: marginal likelihood and information, against closed forms and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from lymphokin.criticism.data.npde import normal_scores, prediction_errors
from lymphokin.criticism.data.replicates import replicate
from lymphokin.infer.density import flat
from lymphokin.population import simulate_records
from tests.statistical_model.conftest import GaussianPosterior, cohort_of, posterior_of

VALUES = [[2.1, 1.7, 2.4], [1.2, 1.1], [2.9, 3.3, 3.0, 2.6]]
COMBINED = {"error": "combined", "proportional_sd": 0.2}
UNSURE = {"sd_log_sd": 0.4}


def test_the_marginal_likelihood_of_a_linear_mixed_model(level_model):
    """Random intercepts with an additive error are jointly normal (Laird and Ware 1982)."""
    found = GaussianPosterior.of(posterior_of(level_model(), cohort_of(VALUES))).log_marginal
    y = np.concatenate(VALUES)
    patient = np.repeat(np.arange(3), [len(v) for v in VALUES])
    together = patient[:, None] == patient
    covariance = 0.4**2 + 0.3**2 * together + 0.25**2 * np.eye(len(y))
    expected = stats.multivariate_normal(np.full(len(y), 2.0), covariance).logpdf(y)
    assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    "residual",
    [
        {"error": "proportional", "sd": 0.2} | UNSURE,
        COMBINED | UNSURE | {"distribution": "student_t", "degrees_of_freedom": 5.0},
        {"error": "log_normal", "sd": 0.2} | UNSURE,
    ],
    ids=["proportional", "combined-student_t", "log_normal"],
)
def test_the_information_is_the_mean_square_of_the_score(level_model, residual):
    """One patient with one record: E[score score'] by quadrature over the record."""
    model = level_model(residual=residual)
    posterior = posterior_of(model, cohort_of([[2.0]]))
    hierarchy, arrays = posterior.hierarchy, posterior.arrays
    x = jnp.asarray(np.random.default_rng(1).normal(0, 0.5, posterior.centre.size))
    records = arrays.measured["alc"].quantified

    def log_likelihood(x, log_value):
        filled = records._replace(log_value=jnp.full_like(records.log_value, log_value))
        measured = {"alc": arrays.measured["alc"]._replace(quantified=filled)}
        own = arrays._replace(measured=measured)
        return posterior.likelihood.total(posterior.unravel()(x), own)

    log_value = jnp.linspace(-12.0, 5.0, 4001)
    score = jax.jit(jax.vmap(jax.grad(log_likelihood), (None, 0)))(x, log_value)
    density = np.exp(jax.jit(jax.vmap(log_likelihood, (None, 0)))(x, log_value))
    products = np.asarray(score[:, :, None] * score[:, None, :]) * density[:, None, None]
    expected = integrate.simpson(products, x=log_value, axis=0) + np.eye(x.size)
    arrow = posterior.information(x, arrays)
    n = len(hierarchy.quantities)
    found = np.eye(x.size)
    found[:n, :n], found[n:, n:] = arrow.population, arrow.own[0]
    found[n:, :n], found[:n, n:] = arrow.coupling[0], arrow.coupling[0].T
    # What lies below zero on the natural scale is not in the sum: a few per mille at most.
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02)


@pytest.mark.slow
def test_simulated_trials_pass_their_own_predictive_check(level_model):
    """Prediction distribution errors of data from the model are standard normal scores, censored
    values and an error that grows with the value included."""
    model = level_model(residual=COMBINED | {"sd": 0.1})
    empty = posterior_of(model, cohort_of([[1.0] * 3] * 120))
    truth = empty.hierarchy.draw_latents(jax.random.key(1), empty.arrays)
    found = simulate_records(empty.likelihood, truth, empty.packed, jax.random.key(2))["alc"]
    posterior = posterior_of(model, cohort_of(np.asarray(found).reshape(120, 3).tolist(), lloq=1.7))
    own = flat(truth)
    r = replicate(posterior, np.tile(np.asarray(own), (200, 1)), seed=3)["alc"]
    assert 0.05 < r.censored.mean() < 0.4
    scores = normal_scores(prediction_errors(r, seed=4))
    assert stats.kstest(scores, "norm").pvalue > 0.01
    x = jnp.asarray(own)
    total = posterior.likelihood.total(posterior.unravel()(x), posterior.arrays)
    assert r.log_likelihood()[0] == pytest.approx(float(total), rel=1e-9)


def test_sds_of_both_parts_are_reported_with_their_units(level_model):
    more = UNSURE | {"proportional_sd_log_sd": 0.3}
    hierarchy = posterior_of(level_model(residual=COMBINED | more), cohort_of(VALUES)).hierarchy
    reported = {q.name: (q.unit, q.meaning) for q in hierarchy.quantities}
    assert reported["alc_residual_sd"] == ("1e9/L", "residual SD of alc (additive part)")
    assert reported["alc_proportional_sd"] == ("1", "residual SD of alc over its true value")
    values = hierarchy.natural(jnp.ones(len(hierarchy.quantities)))
    assert values["alc_residual_sd"] == pytest.approx(0.25 * np.exp(0.4))
    assert values["alc_proportional_sd"] == pytest.approx(0.2 * np.exp(0.3))
