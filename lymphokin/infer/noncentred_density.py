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
from lymphokin.infer.noncentred import Noncentring, records_say
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
    population = hierarchy.population(latents.population)
    prior = hierarchy.subject_prior(population, hierarchy.filled(arrays, latents))
    centre, scale = noncentring.conditional(*prior)
    moved = latents._replace(subject=centre + scale * latents.subject)
    if arrays.lesions is None:
        return flat(moved), jnp.log(scale).sum()
    centre, own_scale = noncentring.of_lesions(hierarchy.lesion_prior_sd(population))
    moved = moved._replace(lesion=centre + own_scale * latents.lesion)
    return flat(moved), jnp.log(scale).sum() + jnp.log(own_scale).sum()


def _gradient(
    likelihood: CohortLikelihood, u: jax.Array, arrays: CohortArrays, noncentring: Noncentring
) -> tuple[jax.Array, jax.Array]:
    def log_density(v: jax.Array) -> jax.Array:
        x, log_volume = latents_of(likelihood.hierarchy, noncentring, v, arrays)
        return log_density_of(likelihood, x, arrays) + log_volume

    return jax.value_and_grad(log_density)(u)


def _priors(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> Any:
    hierarchy, unravel = likelihood.hierarchy, unravel_of(likelihood.hierarchy, arrays)

    def one(v: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        latents = unravel(v)
        population, filled = (
            hierarchy.population(latents.population),
            hierarchy.filled(arrays, latents),
        )
        return *hierarchy.subject_prior(population, filled), hierarchy.lesion_prior_sd(population)

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
        x = self.latents(u[None])[0][0]
        mean, sd, lesion_sd = (values[0] for values in self._priors(x[None]))
        scale, own_scale = self.noncentring.conditional(mean, sd)[1], self._of_lesions(lesion_sd)[1]
        index, variance = self.density.patient_index, np.zeros(len(u))
        root = np.linalg.inv(self.factor(u).own)
        variance[index[index >= 0]] = (root**2).sum(axis=2)[index >= 0]
        hierarchy = self.density.hierarchy
        of_patients = records_say(
            hierarchy.effects_that_follow,
            x[self._subjects].reshape(mean.shape),
            variance[self._subjects].reshape(mean.shape) * scale**2,
            mean,
            sd,
        )
        of_lesions = records_say(
            hierarchy.lesion_effects_that_follow,
            x[self._lesions].reshape(own_scale.shape),
            variance[self._lesions].reshape(own_scale.shape) * own_scale**2,
            np.zeros_like(own_scale),
            np.broadcast_to(lesion_sd, own_scale.shape),
        )
        return NoncentredDensity(self.density, Noncentring(*of_patients, *of_lesions))

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
        mean, sd, lesion_sd = self._priors(u)
        centre, scale = self.noncentring.conditional(mean, sd)
        own = u[:, self._subjects].reshape(scale.shape)
        x = u.copy()
        x[:, self._subjects] = (centre + scale * own).reshape(len(u), -1)
        log_volume, lesions = np.log(scale).sum(axis=1), self.density.arrays.lesions
        if lesions is None:
            return x, log_volume
        centre, scale = self._of_lesions(lesion_sd)
        own = u[:, self._lesions].reshape(scale.shape)
        x[:, self._lesions] = (centre + scale * own).reshape(len(u), -1)
        np.add.at(log_volume.T, np.asarray(lesions.patient), np.log(scale).sum(axis=1).T)
        return x, log_volume

    def noncentred(self, x: np.ndarray) -> np.ndarray:
        """The points of which :meth:`latents` gives ``x`` [point, latent]."""
        mean, sd, lesion_sd = self._priors(x)
        u = x.copy()
        for place, (centre, scale) in (
            (self._subjects, self.noncentring.conditional(mean, sd)),
            (self._lesions, self._of_lesions(lesion_sd)),
        ):
            own = x[:, place].reshape(scale.shape)
            u[:, place] = ((own - centre) / scale).reshape(len(x), -1)
        return u

    def _of_lesions(self, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and scale of the lesions' values given the population, [..., effect, lesion]."""
        centre, scale = self.noncentring.of_lesions(sd)
        shape = (*sd.shape[:-1], self.density.start().lesion.shape[1])
        return np.broadcast_to(centre, shape), np.broadcast_to(scale, shape)

    @property
    def _subjects(self) -> slice:
        """Places of the patients' values in a flat vector, effect after effect."""
        first = len(self.density.hierarchy.quantities)
        return slice(first, first + self.density.start().subject.size)

    @property
    def _lesions(self) -> slice:
        """Places of the lesions' values in a flat vector, effect after effect."""
        last = len(self.density.centre)
        return slice(last - self.density.start().lesion.size, last)

    def _priors(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and SD of the patients' values given the population of flat vectors ``x`` [point,
        latent], each [point, effect, patient], and SD of the lesions', [point, effect, 1];
        compiled.
        """
        size, arrays = draws_at_once(), self.density.arrays._replace(prior=None)
        filled = np.pad(x, [(0, -len(x) % size), (0, 0)], mode="edge")
        run = program_of(_priors, self.density.likelihood, filled[:size], arrays)
        parts = list(by_parts(lambda some: run(some, arrays), filled, size))
        mean, sd, lesion_sd = (
            np.concatenate(values)[: len(x)] for values in zip(*parts, strict=True)
        )
        return mean, sd, lesion_sd


def gradients_of(density: CohortDensity) -> NoncentredGradients:
    """Gradients of a cohort's posterior, however far it is non-centred."""
    return lambda u, noncentring: NoncentredDensity(density, noncentring).gradients(u)


def prepare_gradients(density: CohortDensity) -> None:
    """Begin to compile what :func:`gradients_of` needs."""
    start = density.centre
    program_of(_gradient, density.likelihood, start, density.arrays, density.as_written())
