"""Forecasts of patients by a model that has not seen their outcomes, for several days at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import Forecasts
from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.infer import CohortDensity
from lymphokin.infer.weights import log_mean, smoothed
from lymphokin.io.visits import endpoint_visits
from lymphokin.population import CohortArrays, PackedCohort
from lymphokin.predict.forecast import (
    DRAWS_PER_POPULATION,
    POPULATION_DRAWS,
    as_measured,
    known_arrays,
)
from lymphokin.predict.individual import IndividualDraws, draw_individuals


class HeldOut(NamedTuple):
    """Forecasts of some patients, and how far each can be trusted."""

    forecasts: Forecasts
    pareto_k: Floats
    """[patient] of the importance weights"""

    @classmethod
    def joined(cls, parts: Sequence[HeldOut], order: np.ndarray) -> HeldOut:
        """The patients of several parts, one part after the other, then taken in an order."""
        columns = zip(*(part.forecasts for part in parts), strict=True)
        forecasts = Forecasts(*(np.concatenate(values)[order] for values in columns))
        return cls(forecasts, np.concatenate([p.pareto_k for p in parts])[order])


def held_out_forecasts(
    density: CohortDensity,
    population_z: np.ndarray,
    ids: pd.Index,
    days: Sequence[float],
    *,
    in_fit: bool,
    seed: int,
) -> dict[float, HeldOut]:
    """Forecasts by day from which each patient's own later records are left out.

    For patients of the fit this is leave-one-patient-out by importance weights: draws of the
    population are weighed by one over how likely each makes all records of the patient, and then,
    as those of a new patient, by how likely it makes those up to the day.

    Args:
        density: a cohort that holds the patients, from :func:`lymphokin.predict.density_of`.
        population_z: [draw, quantity] population latents of the fit.
        ids: the patients.
        days: records up to each of these days are known.
        in_fit: whether their records were part of the fit.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    few = len(population_z) < POPULATION_DRAWS
    z = population_z[rng.choice(len(population_z), POPULATION_DRAWS, replace=few)]
    packed = density.packed
    visits = endpoint_visits(packed.cohort)
    nodes = packed.nodes({str(i): float(day) for i, day in visits["endpoint_day"].items()})
    chosen = packed.cohort.patients.index.get_indexer(ids)

    def draw(given: Callable[[PackedCohort], CohortArrays], seed: int) -> IndividualDraws:
        return draw_individuals(density, given, z, nodes, DRAWS_PER_POPULATION, seed)

    learnt = np.zeros((len(z), len(visits)))
    if in_fit:
        learnt = log_mean(draw(lambda packed: packed.arrays, seed + 1).log_weight)
    found = {}
    for day in days:
        draws = draw(lambda packed, day=day: known_arrays(packed, visits, day), seed)
        weights, k = smoothed((draws.log_weight - learnt[:, None, :])[:, :, chosen])
        own = draws._replace(log_count=draws.log_count[:, :, chosen])
        below, counts = as_measured(density.likelihood.model, own, seed)
        found[float(day)] = HeldOut(
            Forecasts((weights * below[2]).sum(axis=(0, 1)), _flat(counts), _flat(weights)), k
        )
    return found


def _flat(draws: np.ndarray) -> Floats:
    """[patient, draw] of [population draw, draw, patient]."""
    return draws.reshape(-1, draws.shape[-1]).T
