"""Lesions of a synthetic trial: how large each is, and which are irradiated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.model import Model
from lymphokin.population import Hierarchy, Latents, PackedCohort

KEYS = ("lesion_size", "outside_lesions", "outside_diameter_cm")
"""Keys of ``[design]`` that only models with lesions have."""


@dataclass(frozen=True)
class PlannedLesions:
    """The lesions of one patient, those that are irradiated first."""

    diameter_cm: np.ndarray
    """[lesion] before treatment"""
    irradiated: int

    @property
    def volume_cm3(self) -> np.ndarray:
        """[lesion] of a sphere"""
        return np.pi / 6 * self.diameter_cm**3

    def fractions(self, patient: str, days: Iterable[float], gray: float) -> list[dict[str, Any]]:
        """Fractions to the irradiated lesions; lesion 0 is every lesion."""
        everywhere = self.irradiated == len(self.diameter_cm)
        lesions = (0,) if everywhere else range(1, self.irradiated + 1)
        return [
            {"id": patient, "day": float(day), "prescribed_gy": float(gray), "lesion": lesion}
            for day in days
            for lesion in lesions
        ]


def check_lesions(model: Model, design: Mapping[str, Any]) -> None:
    """Refuse keys of lesions that the model cannot follow.

    Raises:
        ValueError: naming the key.
    """
    known = [p.name for p in Hierarchy(model).lesion_effects if p.unit == "cm3"]
    if not model.has_lesions and (stated := [key for key in KEYS if key in design]):
        raise ValueError(
            f"[design] has {', '.join(stated)}, and model {model.name} follows no lesions"
        )
    if "lesion_size" in design and design["lesion_size"] not in known:
        raise ValueError(
            f"design.lesion_size: found {design['lesion_size']}, expected a parameter of model "
            f"{model.name} in cm3 that differs between lesions: {', '.join(known) or 'it has none'}"
        )


def draw_outside(design: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """[lesion] diameters in cm of a patient's lesions that are not irradiated."""
    if "outside_lesions" not in design:
        return np.zeros(0)
    shares = design["outside_lesions"]
    count = int(rng.choice([int(n) for n in shares], p=list(shares.values())))
    low, high = np.log(design["outside_diameter_cm"])
    return np.exp(rng.uniform(low, high, count))


def with_sizes(
    latents: Latents,
    hierarchy: Hierarchy,
    packed: PackedCohort,
    parameter: str,
    planned: Mapping[str, PlannedLesions],
) -> Latents:
    """The same latents but for the sizes of lesions, which are those planned.

    Args:
        latents: of the cohort.
        hierarchy: whose model has lesions.
        packed: the cohort.
        parameter: the one that holds the size of a lesion, cm3.
        planned: the lesions of each patient.
    """
    arrays, population = packed.arrays, hierarchy.population(latents.population)
    assert arrays.lesions is not None
    row = [p.name for p in hierarchy.lesion_effects].index(parameter)
    p = hierarchy.lesion_effects[row]
    lesion = jnp.asarray(latents.lesion)
    without = latents._replace(lesion=lesion.at[row].set(0.0))
    of_patient = getattr(hierarchy.individuals(population, without, arrays)[0], parameter)
    own = of_patient[arrays.lesions.number, arrays.lesions.patient] / p.per_day
    wanted = np.concatenate([planned[str(i)].volume_cm3 for i in packed.cohort.patients.index])
    centred = p.lesion_parametrisation == "centred"
    sd = p.between_lesion_sd if centred else population.between_lesion_sd[parameter]
    deviation = (p.to_transformed(jnp.asarray(wanted)) - p.to_transformed(own)) / sd
    return latents._replace(lesion=lesion.at[row].set(deviation))


def individual_values(hierarchy: Hierarchy, p: Any, packed: PackedCohort) -> pd.DataFrame:
    """What is true of every patient (index id), in table units; of lesions ``NAME_1``, ...

    Args:
        hierarchy: whose effects differ between subjects or lesions.
        p: individual parameters.
        packed: the cohort.
    """
    present = packed.arrays.timeline.days.present
    effects = {q.name: q for q in (*hierarchy.subject_effects, *hierarchy.lesion_effects)}
    found = {}
    for name, effect in effects.items():
        value = np.asarray(jax.device_get(getattr(p, name))) / effect.per_day
        if value.ndim < 2:
            found[name] = value
            continue
        of_lesions = np.where(np.asarray(present) > 0, value, np.nan)
        found |= {f"{name}_{i + 1}": own for i, own in enumerate(of_lesions)}
    return pd.DataFrame(found, index=packed.cohort.patients.index)
