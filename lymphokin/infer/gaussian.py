"""A normal approximation of the posterior, and the map under which it becomes standard normal.

L-BFGS finds a point that fits; a few natural-gradient steps (variational online Newton, Khan and
Rue 2023, jmlr.org/papers/v24/22-0291.html) then move the centre into the bulk of the posterior and
average the expected information over it: at the mode of a hierarchical posterior the curvature is
not typical. The sampler works in the whitened space; the map changes how fast it moves, not what it
samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from lymphokin.infer.information import ArrowMatrix, expected_information
from lymphokin.infer.posterior import Posterior, flat

LBFGS_ITERATIONS = 80
NEWTON_STEPS = 12
POINTS_PER_STEP = 4
INFORMATION_DRAWS = 12
LARGEST_MOVE = 0.5
"""Longest step of the centre, in standard deviations per dimension (root mean square)."""


class Whitening(NamedTuple):
    """Linear map from nearly standard normal ``y`` to the latents ``x``, both [latent]."""

    centre: jax.Array
    """[latent]"""
    population: jax.Array
    """[quantity, quantity] root of the population's covariance"""
    own: jax.Array
    """[patient, slot, slot] root of a patient's covariance given the population"""
    slope: jax.Array
    """[patient, slot, quantity] how a patient's latents follow the population"""
    index: jax.Array
    """[patient, slot] places in the flat vector; padding points one past its end"""

    def displacement(self, y: jax.Array) -> jax.Array:
        """Linear part of the map."""
        n = self.population.shape[0]
        moved = self.population @ y[:n]
        padded = jnp.concatenate([y, jnp.zeros(1)])[self.index]
        own = jnp.einsum("psk,pk->ps", self.own, padded) + self.slope @ moved
        change = jnp.zeros(len(y) + 1).at[:n].set(moved).at[self.index].set(own)
        return change[:-1]

    def arrays(self) -> dict[str, np.ndarray]:
        """The map as plain arrays."""
        return {name: np.asarray(value) for name, value in self._asdict().items()}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Whitening:
        """The map from its plain arrays."""
        return cls(**{name: jnp.asarray(arrays[name]) for name in cls._fields})

    def to_latents(self, y: jax.Array) -> jax.Array:
        """Latents of a point of the whitened space."""
        return self.centre + self.displacement(y)


def _root(precision: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inverse and symmetric inverse root of (stacks of) positive definite matrices."""
    values, vectors = jnp.linalg.eigh(precision)
    inverse = (vectors / values[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)
    root = (vectors / jnp.sqrt(values)[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)
    return inverse, root


def whitening_from(
    centre: jax.Array,
    information: ArrowMatrix,
    index: np.ndarray,
    population_draws: np.ndarray | None = None,
) -> Whitening:
    """The map that belongs to a centre and an information matrix.

    Args:
        population_draws: [draw, quantity] draws of the population, if there are any; their
            covariance is averaged with the one that the information gives.
    """
    inverse, own = _root(information.own)
    slope = -inverse @ information.coupling
    schur = information.population + jnp.einsum("psq,psr->qr", information.coupling, slope)
    covariance, population = _root(0.5 * (schur + schur.T))
    if population_draws is not None:
        draws, quantities = population_draws.shape
        seen = jnp.cov(jnp.asarray(population_draws), rowvar=False)
        trust = draws / (draws + 2 * quantities)
        _, population = _root(jnp.linalg.inv(trust * seen + (1 - trust) * covariance))
    places = jnp.asarray(np.where(index < 0, len(centre), index))
    return Whitening(centre, population, own, slope, places)


def _information_of(posterior: Posterior, index: np.ndarray) -> Callable[..., ArrowMatrix]:
    return jax.jit(lambda x, arrays: expected_information(posterior, x, arrays, index))


def fit_gaussian(posterior: Posterior, seed: int = 0) -> Whitening:
    """Normal approximation of a cohort's posterior."""
    arrays, index = posterior.arrays, posterior.patient_index()
    density = jax.jit(jax.value_and_grad(lambda x, a: -posterior.log_density(x, a)))

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(jnp.asarray(x), arrays)
        return float(value), np.asarray(gradient)

    found = scipy.optimize.minimize(
        objective,
        np.asarray(flat(posterior.start())),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": LBFGS_ITERATIONS, "maxcor": 20},
    )
    centre = jnp.asarray(found.x)
    information_at = _information_of(posterior, index)
    information = information_at(centre, arrays)
    key = jax.random.key(seed)
    for i in range(NEWTON_STEPS):
        whitening = whitening_from(centre, information, index)
        noise = jax.random.normal(jax.random.fold_in(key, i), (POINTS_PER_STEP // 2, len(centre)))
        points = [whitening.to_latents(sign * y) for y in noise for sign in (1.0, -1.0)]
        gradient = -sum(density(x, arrays)[1] for x in points) / len(points)
        rate = max(0.5, 1 / (1 + i)) if i < NEWTON_STEPS // 2 else 2.0 / (i + 1)
        seen = jax.tree.map(
            lambda *m: sum(m) / len(m), *[information_at(x, arrays) for x in points[:2]]
        )
        information = jax.tree.map(lambda a, b, r=rate: (1 - r) * a + r * b, information, seen)
        move = jax.vjp(whitening.displacement, jnp.zeros_like(centre))[1](gradient)[0]
        length = jnp.sqrt(jnp.mean(move**2))
        move = move * jnp.minimum(1.0, LARGEST_MOVE / length)
        centre = centre + rate * whitening.displacement(move)
    return whitening_from(centre, information, index)


def whitening_from_draws(posterior: Posterior, x: np.ndarray) -> Whitening:
    """The map that belongs to draws of the posterior.

    Args:
        x: [chain, draw, latent] draws, e.g. of a pilot run; the information is averaged over some.
    """
    index, draws = posterior.patient_index(), x.reshape(-1, x.shape[-1])
    information_at = _information_of(posterior, index)
    chosen = draws[:: max(1, len(draws) // INFORMATION_DRAWS)]
    seen = [information_at(jnp.asarray(v), posterior.arrays) for v in chosen]
    information = jax.tree.map(lambda *m: sum(m) / len(m), *seen)
    population = draws[:, : information.population.shape[0]]
    return whitening_from(jnp.asarray(draws.mean(axis=0)), information, index, population)
