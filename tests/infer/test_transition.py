"""Transitions that follow one density and are accepted by another: which of the two they sample."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lymphokin.infer.transition import SHORTER_SHARE, Chain, transition

KEY = jax.random.PRNGKey(1)
CHAINS, TRANSITIONS, SETTLED = 400, 60, 20


def standing(followed, key, y):
    """A chain that knows potential and gradient where it stands."""
    return transition(followed, followed, Chain.at(key, y), jnp.asarray(0.0), 6, False)[0]


class Density(NamedTuple):
    """A density of two coordinates; as its numbers are arguments, one program serves all of them.

    A normal one of this width about a point; with heavy tails; none up to an edge.
    """

    width: float = 1.0
    centre: float = 0.0
    tails: float = 0.0
    edge: float = -jnp.inf

    def __call__(self, y):
        squares = jnp.sum(((y - self.centre) / self.width) ** 2)
        return jnp.where(y[0] > self.edge, -0.5 * squares / (1 + self.tails * squares), jnp.nan)


NARROW, WIDE, SHIFTED = Density(), Density(width=1.4), Density(centre=0.4)


@jax.jit
def last_positions(followed, accurate, start, corrected_from):
    def run(key):
        chain = standing(followed, key, jnp.stack([start, -start]))

        def once(chain, i):
            correcting = i >= corrected_from
            return transition(followed, accurate, chain, jnp.asarray(0.6), 6, correcting)

        chain, reported = jax.lax.scan(once, chain, jnp.arange(TRANSITIONS))
        return chain.y, reported["accepted"][SETTLED:].mean(), reported["energy"][-1]

    return jax.vmap(run)(jax.random.split(KEY, CHAINS))


def sample(followed, accurate, start=3.0, corrected_from=0):
    """[chain] last positions of many short chains in two dimensions, and share accepted."""
    y, accepted, _ = last_positions(followed, accurate, start, corrected_from)
    return np.asarray(y), float(accepted.mean())


def test_a_step_of_zero_tells_a_chain_potential_and_gradient_where_it_stands():
    y = jnp.array([0.3, -2.0])
    chain, reported = jax.jit(lambda: transition(WIDE, NARROW, Chain.at(KEY, y), 0.0, 6, False))()
    assert reported["n_steps"] == 1
    np.testing.assert_array_equal(chain.y, y)
    value, gradient = jax.value_and_grad(WIDE)(y)
    np.testing.assert_allclose(chain.potential, -value, rtol=1e-15)
    np.testing.assert_allclose(chain.gradient, -gradient, rtol=1e-15)


@pytest.mark.parametrize("value", [jnp.nan, -jnp.inf])
def test_where_there_is_no_density_the_potential_stays_infinite(value):
    y = jnp.array([0.3, -2.0])
    chain = standing(lambda y: value * jnp.sum(y**2), KEY, y)
    np.testing.assert_array_equal(chain.y, y)
    assert chain.potential == jnp.inf


@pytest.mark.long
@pytest.mark.parametrize("followed", [NARROW, SHIFTED], ids=["narrow", "shifted"])
def test_the_accurate_density_is_sampled_whatever_is_followed(followed):
    y, accepted = sample(followed, NARROW)
    # Chains are independent: Kolmogorov-Smirnov, one in a thousand by chance per coordinate.
    for coordinate in y.T:
        assert stats.kstest(coordinate, "norm").pvalue > 1e-3
    assert accepted == 1.0 if followed is NARROW else 0.3 < accepted < 0.95


def test_the_energy_is_that_of_a_normal_momentum_where_the_chain_is():
    """Of two coordinates the kinetic part is exponential: half a chi-square of two degrees."""
    y, _, energy = last_positions(NARROW, NARROW, 3.0, 0)
    kinetic = np.asarray(energy) - 0.5 * (np.asarray(y) ** 2).sum(axis=1)
    assert stats.kstest(kinetic, "expon").pvalue > 1e-3


def test_following_alone_would_have_sampled_the_other_density():
    """The check above could have come out the other way."""
    y, _ = sample(WIDE, WIDE)
    assert stats.kstest(y.ravel(), "norm").pvalue < 1e-6


def test_an_accurate_density_that_cannot_be_computed_is_never_entered():
    y, accepted = sample(NARROW, Density(edge=0.0))
    assert (y[:, 0] > 0).mean() > 0.99
    assert accepted < 0.9


@pytest.mark.long
def test_a_chain_leaves_a_corner_that_is_too_narrow_for_the_common_step(monkeypatch):
    def funnel(y):
        return -0.5 * y[0] ** 2 - 0.5 * jnp.sum((y[1:] / jnp.exp(y[0])) ** 2) - 10 * y[0]

    def run(key):
        y = jnp.full(11, -1.7).at[1:].set(0.18)  # there the other coordinates have that SD
        chain = standing(funnel, key, y)

        def once(chain, _):
            return transition(funnel, funnel, chain, jnp.asarray(0.6), 6)[0], chain.y[0]

        return jax.lax.scan(once, chain, None, length=60)[1]

    @jax.jit
    def leave(shorter_share):
        with monkeypatch.context() as patched:
            patched.setattr("lymphokin.infer.transition.SHORTER_SHARE", shorter_share)
            out = jax.vmap(run)(jax.random.split(jax.random.PRNGKey(2), CHAINS)) > -1.2
        return out.any(axis=1).mean()

    left, would_have = leave(SHORTER_SHARE), leave(0.0)
    # Of 400 chains: 42 and 1 percent, with standard errors below 3 percent.
    assert left > 0.3
    assert would_have < 0.05


def test_a_chain_that_starts_far_out_arrives_when_it_is_corrected_only_later():
    flat_far_out = Density(tails=1 / 200)
    at_once, _ = sample(NARROW, flat_far_out, start=40.0)
    later, accepted = sample(NARROW, flat_far_out, start=40.0, corrected_from=SETTLED)
    assert (np.linalg.norm(at_once, axis=1) > 10).mean() > 0.5
    assert np.linalg.norm(later, axis=1).max() < 6
    assert accepted > 0.9
