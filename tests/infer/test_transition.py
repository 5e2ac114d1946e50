"""Transitions that follow one density and are accepted by another: which of the two they sample."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lymphokin.infer.transition import Chain, transition

KEY = jax.random.PRNGKey(1)
CHAINS, TRANSITIONS, SETTLED = 400, 60, 20


def standing(followed, key, y):
    """A chain that knows potential and gradient where it stands."""
    return transition(followed, followed, Chain.at(key, y), jnp.asarray(0.0), 6, False)[0]


def sample(followed, accurate, step=0.6, start=3.0, corrected_from=0):
    """[chain] last positions of many short chains in two dimensions, and share accepted."""

    @jax.jit
    def run(key):
        y = jnp.array([start, -start])
        chain = standing(followed, key, y)

        def once(chain, i):
            correcting = i >= corrected_from
            return transition(followed, accurate, chain, jnp.asarray(step), 6, correcting)

        chain, told = jax.lax.scan(once, chain, jnp.arange(TRANSITIONS))
        return chain.y, told["accepted"][SETTLED:].mean()

    y, accepted = jax.vmap(run)(jax.random.split(KEY, CHAINS))
    return np.asarray(y), float(accepted.mean())


def narrow(y):
    return -0.5 * jnp.sum(y**2)


def wide(y):
    return -0.5 * jnp.sum((y / 1.4) ** 2)


def shifted(y):
    return -0.5 * jnp.sum((y - 0.4) ** 2)


def test_a_step_of_zero_tells_a_chain_potential_and_gradient_where_it_stands():
    y = jnp.array([0.3, -2.0])
    chain, told = jax.jit(lambda: transition(wide, narrow, Chain.at(KEY, y), 0.0, 6, False))()
    assert told["n_steps"] == 1
    np.testing.assert_array_equal(chain.y, y)
    value, gradient = jax.value_and_grad(wide)(y)
    np.testing.assert_allclose(chain.potential, -value, rtol=1e-15)
    np.testing.assert_allclose(chain.gradient, -gradient, rtol=1e-15)


@pytest.mark.parametrize("value", [jnp.nan, -jnp.inf])
def test_where_there_is_no_density_the_potential_stays_infinite(value):
    y = jnp.array([0.3, -2.0])
    chain = standing(lambda y: value * jnp.sum(y**2), KEY, y)
    np.testing.assert_array_equal(chain.y, y)
    assert chain.potential == jnp.inf


@pytest.mark.parametrize("followed", [narrow, wide, shifted])
def test_the_accurate_density_is_sampled_whatever_is_followed(followed):
    y, accepted = sample(followed, narrow)
    # Chains are independent: Kolmogorov-Smirnov, one in a thousand by chance per coordinate.
    for coordinate in y.T:
        assert stats.kstest(coordinate, "norm").pvalue > 1e-3
    assert accepted == 1.0 if followed is narrow else 0.3 < accepted < 0.95


def test_following_alone_would_have_sampled_the_other_density():
    """The check above could have come out the other way."""
    y, _ = sample(wide, wide)
    assert stats.kstest(y.ravel(), "norm").pvalue < 1e-6


def test_an_accurate_density_that_cannot_be_computed_is_never_entered():
    def half(y):
        return jnp.where(y[0] > 0, narrow(y), jnp.nan)

    y, accepted = sample(narrow, half)
    assert (y[:, 0] > 0).mean() > 0.99
    assert accepted < 0.9


def test_a_chain_leaves_a_corner_that_is_too_narrow_for_the_common_step(monkeypatch):
    def funnel(y):
        return narrow(y[0]) - 0.5 * jnp.sum((y[1:] / jnp.exp(y[0])) ** 2) - 10 * y[0]

    @jax.jit
    def run(key):
        y = jnp.full(11, -1.7).at[1:].set(0.18)  # there the other coordinates have that SD
        chain = standing(funnel, key, y)

        def once(chain, _):
            return transition(funnel, funnel, chain, jnp.asarray(0.6), 6)[0], chain.y[0]

        return jax.lax.scan(once, chain, None, length=60)[1]

    keys = jax.random.split(jax.random.PRNGKey(2), CHAINS)
    left = (np.asarray(jax.vmap(run)(keys)) > -1.2).any(axis=1).mean()
    monkeypatch.setattr("lymphokin.infer.transition.SHORTER_SHARE", 0.0)
    run.clear_cache()
    would_have = (np.asarray(jax.vmap(run)(keys)) > -1.2).any(axis=1).mean()
    # Of 400 chains: 42 and 1 percent, with standard errors below 3 percent.
    assert left > 0.3
    assert would_have < 0.05


def test_a_chain_that_starts_far_out_arrives_when_it_is_corrected_only_later():
    def flat_far_out(y):
        return narrow(y) / (1 + jnp.sum(y**2) / 200)

    at_once, _ = sample(narrow, flat_far_out, start=40.0)
    later, accepted = sample(narrow, flat_far_out, start=40.0, corrected_from=SETTLED)
    assert (np.linalg.norm(at_once, axis=1) > 10).mean() > 0.5
    assert np.linalg.norm(later, axis=1).max() < 6
    assert accepted > 0.9
