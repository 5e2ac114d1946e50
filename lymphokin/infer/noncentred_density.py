"""The posterior density of a cohort in latents that are partly non-centred."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.density import (
    CohortDensity,
    draws_at_once,
    flat,
    log_density_of,
    program_of,
    unravel_of,
)
from lymphokin.infer.devices import by_parts
from lymphokin.infer.factor import ArrowFactor, factor_of
from lymphokin.infer.information import neighbours
from lymphokin.infer.noncentred import Noncentring, centre_and_scale, noncentring_at
from lymphokin.population import CohortArrays, CohortLikelihood, Hierarchy

type NoncentredGradients = Callable[[np.ndarray, Noncentring], tuple[np.ndarray, np.ndarray]]
"""Of points [point, latent] that are partly non-centred: log density [point], not finite where
there is none, and its gradient [point, latent]."""


def latents_of(
    hierarchy: Hierarchy, noncentring: Noncentring, u: jax.Array, arrays: CohortArrays
) -> tuple[jax.Array, jax.Array]:
    """The flat vector as the parameter table writes it, of one that is partly non-centred, and the
    log of the volume that the map gives.
    """
    latents = unravel_of(hierarchy, arrays)(u)
    centre, scale = centre_and_scale(hierarchy, noncentring, latents, arrays)
    subject = centre + scale * latents.subject
    return flat(latents._replace(subject=subject)), jnp.log(scale).sum()


def _gradient(
    likelihood: CohortLikelihood, u: jax.Array, arrays: CohortArrays, noncentring: Noncentring
) -> tuple[jax.Array, jax.Array]:
    def log_density(v: jax.Array) -> jax.Array:
        x, log_volume = latents_of(likelihood.hierarchy, noncentring, v, arrays)
        return log_density_of(likelihood, x, arrays) + log_volume

    return jax.value_and_grad(log_density)(u)


def _priors(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> Any:
    hierarchy, unravel = likelihood.hierarchy, unravel_of(likelihood.hierarchy, arrays)

    def one(v: jax.Array) -> tuple[jax.Array, jax.Array]:
        latents = unravel(v)
        filled = hierarchy.filled(arrays, latents)
        return hierarchy.subject_prior(hierarchy.population(latents.population), filled)

    return jax.lax.map(one, x)


@dataclass(frozen=True)
class NoncentredDensity:
    """A cohort's posterior over flat vectors that are partly non-centred; all is compiled."""

    density: CohortDensity
    noncentring: Noncentring

    @classmethod
    def about(cls, density: CohortDensity) -> NoncentredDensity:
        """Non-centred as suits the records if the latents are about the prior's centre."""
        start = density.centre
        return cls(density, density.as_written()).around(start)

    def around(self, u: np.ndarray) -> NoncentredDensity:
        """The same posterior, non-centred as suits the records if the latents are about ``u``."""
        x = self.latents(u[None])[0]
        mean, sd = (values[0] for values in self._priors(x))
        scale = self.noncentring.conditional(mean, sd)[1]
        # Values of the patient come first among the patient's slots.
        root = np.linalg.inv(self.factor(u).own)[:, : len(mean)]
        variance = (root**2).sum(axis=2).T * scale**2
        subject = x[0, self._subjects].reshape(mean.shape)
        hierarchy = self.density.hierarchy
        found = noncentring_at(hierarchy.effects_that_follow, subject, variance, mean, sd)
        return NoncentredDensity(self.density, found)

    def gradients(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log density [point] of the points ``u`` [point, latent], and its gradient."""
        rest = (self.density.arrays, self.noncentring)
        run = program_of(_gradient, self.density.likelihood, u[0], *rest)
        found = [run(point, *rest) for point in u]
        value = np.stack([np.asarray(value) for value, _ in found])
        return value, np.stack([np.asarray(gradient) for _, gradient in found])

    def factor(self, u: np.ndarray) -> ArrowFactor:
        """Root of the expected information at ``u`` [latent]."""
        density, index = self.density, self.density.patient_index
        points = neighbours(u, len(density.hierarchy.quantities), index)
        x, _ = self.latents(points)
        found, _ = density.information_at(points, x, density.arrays, self.noncentring)
        return factor_of(found, index)

    def latents(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points ``u`` [point, latent] as the parameter table writes them, and [point, patient]
        the log of the volume that the map gives each patient.
        """
        centre, scale = self.noncentring.conditional(*self._priors(u))
        own = u[:, self._subjects].reshape(scale.shape)
        x = u.copy()
        x[:, self._subjects] = (centre + scale * own).reshape(len(u), -1)
        return x, np.log(scale).sum(axis=1)

    def noncentred(self, x: np.ndarray) -> np.ndarray:
        """The points of which :meth:`latents` gives ``x`` [point, latent]."""
        centre, scale = self.noncentring.conditional(*self._priors(x))
        own = x[:, self._subjects].reshape(scale.shape)
        u = x.copy()
        u[:, self._subjects] = ((own - centre) / scale).reshape(len(x), -1)
        return u

    @property
    def _subjects(self) -> slice:
        """Places of the patients' values in a flat vector, effect after effect."""
        first = len(self.density.hierarchy.quantities)
        return slice(first, first + self.density.start().subject.size)

    def _priors(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and SD of the patients' values given the population of flat vectors ``x`` [point,
        latent], each [point, effect, patient]; compiled.
        """
        size, arrays = draws_at_once(), self.density.arrays._replace(prior=None)
        filled = np.pad(x, [(0, -len(x) % size), (0, 0)], mode="edge")
        run = program_of(_priors, self.density.likelihood, filled[:size], arrays)
        parts = list(by_parts(lambda some: run(some, arrays), filled, size))
        mean, sd = (np.concatenate(values)[: len(x)] for values in zip(*parts, strict=True))
        return mean, sd


def gradients_of(density: CohortDensity) -> NoncentredGradients:
    """Gradients of a cohort's posterior, however far it is non-centred."""
    return lambda u, noncentring: NoncentredDensity(density, noncentring).gradients(u)


def prepare_gradients(density: CohortDensity) -> None:
    """Begin to compile what :func:`gradients_of` needs."""
    start = density.centre
    program_of(_gradient, density.likelihood, start, density.arrays, density.as_written())
