"""A normal approximation of the posterior, and the map under which it becomes standard normal.

L-BFGS finds a point that fits; natural-gradient steps (variational online Newton, Khan and
Rue 2023, jmlr.org/papers/v24/22-0291.html) then move the centre into the bulk of the posterior and
average the expected information over it: at the mode of a hierarchical posterior the curvature is
not typical. The sampler works in the whitened space; the map changes how fast it moves, not what it
samples.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.information import ArrowMatrix
from lymphokin.infer.mode import rough_mode
from lymphokin.infer.posterior import Posterior

ROUNDS = 12
"""Times that the information is averaged; in the demo one costs as much as 25 gradients."""
MOVES_PER_ROUND = 4
"""Steps of the centre in each."""
POINTS_PER_MOVE = 8
"""Points, in pairs about the centre, at which a step averages the gradient."""
RATE = 0.3
"""Share of a full natural-gradient step. Full steps from a mode overshoot: its curvature is not yet
that of the bulk."""
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
        own = jnp.einsum("psk,pk->ps", self.own, self.by_patient(y)) + self.slope @ moved
        return self._flat(moved, own)

    def by_patient(self, values: jax.Array) -> jax.Array:
        """[patient, slot] values of a flat vector; 0 in padding."""
        return jnp.concatenate([values, jnp.zeros(1)])[self.index]

    def _flat(self, population: jax.Array, own: jax.Array) -> jax.Array:
        empty = jnp.zeros(len(self.centre) + 1)
        return empty.at[: len(population)].set(population).at[self.index].set(own)[:-1]

    def to_latents(self, y: jax.Array) -> jax.Array:
        """Latents of a point of the whitened space."""
        return self.centre + self.displacement(y)

    def from_latents(self, x: jax.Array) -> jax.Array:
        """Point of the whitened space that :meth:`to_latents` maps to ``x``."""
        n = self.population.shape[0]
        moved = x - self.centre
        own = self.by_patient(moved) - self.slope @ moved[:n]
        population = jnp.linalg.solve(self.population, moved[:n])
        return self._flat(population, jnp.linalg.solve(self.own, own[..., None])[..., 0])

    def gradient(self, of_latents: jax.Array) -> jax.Array:
        """Gradient with respect to ``y`` of what has the gradient ``of_latents`` at the latents."""
        return jax.vjp(self.displacement, jnp.zeros_like(self.centre))[1](of_latents)[0]

    def arrays(self) -> dict[str, np.ndarray]:
        """The map as plain arrays."""
        return {name: np.asarray(value) for name, value in self._asdict().items()}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Whitening:
        """The map from its plain arrays."""
        return cls(**{name: jnp.asarray(arrays[name]) for name in cls._fields})


def _root(precision: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Inverse and symmetric inverse root of (stacks of) positive definite matrices."""
    values, vectors = jnp.linalg.eigh(precision)
    inverse = (vectors / values[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)
    root = (vectors / jnp.sqrt(values)[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)
    return inverse, root


@jax.jit
def whitening_from(centre: jax.Array, information: ArrowMatrix, index: jax.Array) -> Whitening:
    """The map that belongs to a centre and an information matrix.

    Args:
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    inverse, own = _root(information.own)
    slope = -inverse @ information.coupling
    schur = information.population + jnp.einsum("psq,psr->qr", information.coupling, slope)
    _, population = _root(0.5 * (schur + schur.T))
    return Whitening(centre, population, own, slope, jnp.where(index < 0, len(centre), index))


@jax.jit
def _points_about(whitening: Whitening, key: jax.Array) -> list[jax.Array]:
    """Random latents where the approximation lies, in pairs about its centre."""
    noise = jax.random.normal(key, (POINTS_PER_MOVE // 2, len(whitening.centre)))
    return [whitening.to_latents(sign * y) for y in noise for sign in (1.0, -1.0)]


@jax.jit
def _moved(whitening: Whitening, gradients: list[jax.Array], rate: float) -> Whitening:
    """The approximation, its centre moved by a share of a natural-gradient step."""
    move = whitening.gradient(jnp.stack(gradients).mean(axis=0))
    length = jnp.sqrt(jnp.mean(move**2))
    move = move * jnp.minimum(1.0, LARGEST_MOVE / length)
    return whitening._replace(centre=whitening.centre + rate * whitening.displacement(move))


def fit_gaussian(posterior: Posterior, seed: int = 0) -> Whitening:
    """Normal approximation of a cohort's posterior."""
    arrays, index = posterior.arrays, posterior.patient_index()
    centre = jnp.asarray(rough_mode(posterior, seed))
    information = posterior.information(centre, arrays)
    key = jax.random.key(seed)
    settled = ROUNDS * 2 // 3
    for i in range(ROUNDS):
        rate = RATE * min(1.0, settled / (i + 1))
        whitening = whitening_from(centre, information, index)
        for j in range(MOVES_PER_ROUND):
            points = _points_about(whitening, jax.random.fold_in(key, MOVES_PER_ROUND * i + j))
            gradients = [posterior.density_and_gradient(x, arrays)[1] for x in points]
            whitening = _moved(whitening, gradients, rate)
        centre = whitening.centre
        seen = posterior.information(points[0], arrays)
        information = jax.tree.map(lambda a, b, r=rate: (1 - r) * a + r * b, information, seen)
    return whitening_from(centre, information, index)


@jax.jit
def refined(whitening: Whitening, x: jax.Array) -> Whitening:
    """The map corrected by what draws of the posterior look like under it.

    Where the posterior is wider or narrower than its information says, and for populations and
    patients alike, the draws' covariance moves the map; few draws move it little.

    Args:
        x: [draw, latent] draws, e.g. of a pilot run.
    """
    y = jax.vmap(whitening.from_latents)(x)
    n, slots = whitening.population.shape[0], whitening.index.shape[1]
    own = jax.vmap(whitening.by_patient)(y)
    own = own - own.mean(axis=0)
    seen = jnp.einsum("dps,dpk->psk", own, own) / len(x)
    absent = (whitening.index == len(whitening.centre)).astype(float)
    seen = seen + absent[:, :, None] * jnp.eye(slots)
    trust_population, trust_own = (len(x) / (len(x) + 2 * size) for size in (n, slots))
    covariance = jnp.cov(y[:, :n], rowvar=False)
    covariance = trust_population * covariance + (1 - trust_population) * jnp.eye(n)
    seen = trust_own * seen + (1 - trust_own) * jnp.eye(slots)
    return whitening._replace(
        centre=x.mean(axis=0),
        population=whitening.population @ jnp.linalg.cholesky(covariance),
        own=whitening.own @ jnp.linalg.cholesky(seen),
    )
