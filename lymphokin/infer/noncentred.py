"""Latents of patients and lesions that are partly non-centred, so that they keep their shape when
the population moves.

Where the parameter table asks for it a patient's latent is the patient's own value, and that of a
lesion its own difference from the patient: the prior has the population's mean and SD. Records that
say much fix such a value whatever the population is. But where they say little the value follows
the population, and is wide or narrow as the population is: with many patients a funnel, in which no
linear map helps and whose mode has no width at all. So each value is taken relative to what it
would be given the population and the records together (partial non-centring; Papaspiliopoulos,
Roberts and Sköld 2007, doi:10.1214/088342307000000014): a value that no record speaks of becomes
the standard normal deviation from the population, and one that is known stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Noncentring(NamedTuple):
    """What the records say of the own values of each patient, [effect, patient], and of each
    lesion, [effect, lesion].

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
    lesion_applies: Any
    lesion_precision: Any
    lesion_pull: Any

    @classmethod
    def none(cls, subject: tuple[int, ...], lesion: tuple[int, ...] = (0, 0)) -> Noncentring:
        """All latents as the parameter table writes them.

        Args:
            subject: effects that differ between patients, and how many patients.
            lesion: effects that differ between lesions, and how many lesions.
        """
        nothing = [
            part
            for shape in (subject, lesion)
            for part in (np.zeros(shape, bool), np.zeros(shape), np.zeros(shape))
        ]
        return cls(*nothing)

    def conditional(self, mean: Any, sd: Any) -> tuple[Any, Any]:
        """Centre and scale of each patient's value given the population, [..., effect, patient]; 0
        and 1 where the latent stays as it is.

        Args:
            mean: [..., effect, patient] of the prior given the population.
            sd: the same.
        """
        return _conditional(self.applies, self.precision, self.pull, mean, sd)

    def of_lesions(self, sd: Any) -> tuple[Any, Any]:
        """As :meth:`conditional`, of each lesion's value [..., effect, lesion], whose mean is 0.

        Args:
            sd: [..., effect, 1] of the prior given the population.
        """
        own = self.lesion_applies, self.lesion_precision, self.lesion_pull
        return _conditional(*own, 0 * sd, sd)


def _conditional(applies: Any, precision: Any, pull: Any, mean: Any, sd: Any) -> tuple[Any, Any]:
    xp = mean.__array_namespace__()
    together = 1 / sd**2 + precision
    centre = xp.where(applies, (mean / sd**2 + pull) / together, 0.0)
    return centre, xp.where(applies, together**-0.5, 1.0)


def records_say(
    follows: Sequence[bool],
    value: np.ndarray,
    variance: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the records say, from a normal approximation around some latents: the fields of
    :class:`Noncentring` for patients or for lesions.

    Args:
        follows: [effect] whether the value's prior follows the population.
        value: [effect, patient or lesion] the latents there.
        variance: the same, of each given the population, the patient's other latents integrated
            out; nan where it is not known.
        mean: the same, of the prior given the population there.
        sd: the same.
    """
    precision = np.nan_to_num(np.maximum(1 / variance - 1 / sd**2, 0.0))
    pull = (1 / sd**2 + precision) * value - mean / sd**2
    applies = np.broadcast_to(np.asarray(follows, bool).reshape(-1, 1), value.shape)
    return applies, precision, pull
