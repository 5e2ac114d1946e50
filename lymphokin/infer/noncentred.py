"""Latents of patients that are partly non-centred, so that patients keep their shape when the
population moves.

Where the parameter table asks for it a patient's latent is the patient's own value: its prior has
the population's mean and SD. Records that say much fix such a value whatever the population is. But
where they say little the value follows the population, and is wide or narrow as the population is:
with many patients a funnel, in which no linear map helps and whose mode has no width at all. So
each value is taken relative to what it would be given the population and the records together
(partial non-centring; Papaspiliopoulos, Roberts and Sköld 2007, doi:10.1214/088342307000000014): a
value that no record speaks of becomes the standard normal deviation from the population, and one
that is known stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from lymphokin.population import CohortArrays, Hierarchy, Latents


class Noncentring(NamedTuple):
    """What the records say of each patient's own values, each [effect, patient].

    Given the population, a value with a prior of mean m and SD s is taken to be normal with
    precision 1/s² + ``precision`` and mean (m/s² + ``pull``) over that. How good that is decides
    how well a sampler moves, not what it samples.
    """

    applies: Any
    """whether the latent is taken relative to that; else it stays as the table writes it"""
    precision: Any
    """of what the records say"""
    pull: Any
    """the same times the value that they point to"""

    @classmethod
    def none(cls, effects: int, patients: int) -> Noncentring:
        """All latents as the parameter table writes them."""
        nothing = np.zeros((effects, patients))
        return cls(np.zeros((effects, patients), bool), nothing, nothing)

    def conditional(self, mean: Any, sd: Any) -> tuple[Any, Any]:
        """Centre and scale of each value given the population, [..., effect, patient]; 0 and 1
        where the latent stays as it is.

        Args:
            mean: [..., effect, patient] of the prior given the population.
            sd: the same.
        """
        xp = mean.__array_namespace__()
        precision = 1 / sd**2 + self.precision
        centre = xp.where(self.applies, (mean / sd**2 + self.pull) / precision, 0.0)
        return centre, xp.where(self.applies, precision**-0.5, 1.0)


def centre_and_scale(
    hierarchy: Hierarchy, noncentring: Noncentring, latents: Latents, arrays: CohortArrays
) -> tuple[jax.Array, jax.Array]:
    """:meth:`Noncentring.conditional` at the population of some latents."""
    population = hierarchy.population(latents.population)
    prior = hierarchy.subject_prior(population, hierarchy.filled(arrays, latents))
    return noncentring.conditional(*prior)


def noncentring_at(
    follows: Sequence[bool],
    subject: np.ndarray,
    variance: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
) -> Noncentring:
    """What the records say, from a normal approximation around some latents.

    Args:
        follows: [effect] whether the value's prior follows the population.
        subject: [effect, patient] the patients' latents there.
        variance: [effect, patient] of each given the population, the patient's other latents
            integrated out; nan where it is not known.
        mean: [effect, patient] of the prior given the population there.
        sd: the same.
    """
    precision = np.nan_to_num(np.maximum(1 / variance - 1 / sd**2, 0.0))
    pull = (1 / sd**2 + precision) * subject - mean / sd**2
    applies = np.broadcast_to(np.asarray(follows, bool)[:, None], subject.shape)
    return Noncentring(applies, precision, pull)
