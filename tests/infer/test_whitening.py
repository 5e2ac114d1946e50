"""The linear map in which the sampler moves, on made-up numbers: no model, no data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.infer import Whitening
from lymphokin.infer.gaussian import refined

QUANTITIES, PATIENTS = 3, 4


@pytest.fixture
def whitening() -> Whitening:
    """Two latents of each patient, of the last patient only one."""
    rng = np.random.default_rng(0)
    index = QUANTITIES + np.arange(2 * PATIENTS).reshape(PATIENTS, 2)
    latents = QUANTITIES + 2 * PATIENTS - 1
    own = np.eye(2) + 0.3 * rng.standard_normal((PATIENTS, 2, 2))
    own[-1] = np.diag([0.7, 1.0])
    slope = rng.standard_normal((PATIENTS, 2, QUANTITIES))
    slope[-1, 1] = 0.0
    return Whitening(
        jnp.asarray(rng.standard_normal(latents)),
        jnp.asarray(np.eye(QUANTITIES) + 0.3 * rng.standard_normal((QUANTITIES, QUANTITIES))),
        jnp.asarray(own),
        jnp.asarray(slope),
        jnp.asarray(index),
    )


def test_the_map_and_its_inverse_agree(whitening):
    y = jax.random.normal(jax.random.key(1), whitening.centre.shape)
    np.testing.assert_allclose(whitening.from_latents(whitening.to_latents(y)), y, atol=1e-12)


def test_the_gradient_follows_the_chain_rule(whitening):
    y = jax.random.normal(jax.random.key(1), whitening.centre.shape)
    expected = jax.grad(lambda v: jnp.sin(whitening.to_latents(v)).sum())(y)
    got = whitening.gradient(jnp.cos(whitening.to_latents(y)))
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_draws_correct_a_map_that_is_too_narrow(whitening):
    """Draws twice as wide as the map says: under the corrected map they have variance 1.

    4,000 draws give a variance to 2 %, and their trust is above 0.998, so 10 % is ample.
    """
    noise = jax.random.normal(jax.random.key(2), (4000, len(whitening.centre)))
    draws = jax.vmap(whitening.to_latents)(2.0 * noise)
    y = jax.vmap(refined(whitening, draws).from_latents)(draws)
    np.testing.assert_allclose(y.var(axis=0), 1.0, rtol=0.1)
    np.testing.assert_allclose(y.mean(axis=0), 0.0, atol=0.1)


def test_few_draws_move_the_map_little(whitening):
    noise = jax.random.normal(jax.random.key(3), (2, len(whitening.centre)))
    draws = jax.vmap(whitening.to_latents)(noise)
    moved = refined(whitening, draws)
    assert np.all(np.isfinite(moved.population))
    assert np.linalg.cond(moved.population) < 10 * np.linalg.cond(whitening.population)


def test_numpy_gives_what_jax_gives_for_one_point_and_for_many(whitening):
    plain = Whitening(*map(np.asarray, whitening))
    y = np.random.default_rng(4).standard_normal((5, len(plain.centre)))
    for method in ("to_latents", "from_latents", "gradient"):
        found = getattr(plain, method)(y)
        assert isinstance(found, np.ndarray)
        expected = [getattr(whitening, method)(jnp.asarray(one)) for one in y]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
