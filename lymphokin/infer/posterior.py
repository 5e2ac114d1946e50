"""The unnormalised log posterior density of a cohort's latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from lymphokin.population import CohortArrays, CohortLikelihood, Hierarchy, Latents, PackedCohort


def log_prior(hierarchy: Hierarchy, latents: Latents, arrays: CohortArrays) -> jax.Array:
    """Log prior density of the latents, up to a constant."""
    mean, sd = hierarchy.subject_prior(hierarchy.population(latents.population), arrays)
    subject = -0.5 * ((latents.subject - mean) / sd) ** 2 - jnp.log(sd)
    normal = [latents.population, latents.treated, latents.occasion]
    return subject.sum() - 0.5 * sum(jnp.sum(x**2) for x in normal)


@dataclass(frozen=True)
class Posterior:
    """A cohort's posterior over one flat vector of latents, with its arrow structure.

    Given the population, patients are independent: the Hessian of the log density couples a
    patient's latents with themselves and with the population only.
    """

    likelihood: CohortLikelihood
    packed: PackedCohort

    @property
    def hierarchy(self) -> Hierarchy:
        """The statistical model."""
        return self.likelihood.hierarchy

    @property
    def arrays(self) -> CohortArrays:
        """The cohort as arrays."""
        return self.packed.arrays

    def start(self) -> Latents:
        """The prior's centre."""
        return self.hierarchy.typical_latents(self.arrays)

    def unravel(self) -> Callable[[jax.Array], Latents]:
        """Function from the flat vector to the latents."""
        return ravel_pytree(self.start())[1]

    def log_density(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """Log posterior density (up to a constant) of the flat vector ``x``."""
        latents = self.unravel()(x)
        prior = log_prior(self.hierarchy, latents, arrays)
        return prior + self.likelihood.total(latents, arrays)

    def patient_index(self) -> np.ndarray:
        """[patient, slot] place of each patient's own latents in the flat vector, -1 where none."""
        shapes = self.start()
        n_population = shapes.population.size
        sizes = [shapes.subject, shapes.treated, shapes.occasion]
        starts = n_population + np.cumsum([0, *(x.size for x in sizes[:-1])])
        layout, hours = self.packed.layout, self.arrays.timeline.hours
        owners = [np.arange(self.arrays.patients), layout.treated]
        owners.append(np.zeros(0, int) if hours is None else np.asarray(hours.patient))
        own: list[list[int]] = [[] for _ in range(self.arrays.patients)]
        for begin, block, owner in zip(starts, sizes, owners, strict=True):
            places = begin + np.arange(block.size).reshape(block.shape)
            for column, patient in enumerate(owner):
                own[patient] += places[:, column].tolist()
        slots = max(len(row) for row in own)
        index = np.full((len(own), slots), -1)
        for patient, row in enumerate(own):
            index[patient, : len(row)] = row
        return index


def flat(latents: Latents) -> Any:
    """The flat vector of some latents."""
    return ravel_pytree(latents)[0]
