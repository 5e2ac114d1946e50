"""Individuals from a population: transforms, random effects, covariates, likelihood."""

from lymphokin.population.data import (
    CohortArrays,
    Measured,
    PackedCohort,
    Records,
    covariate,
    pack,
)
from lymphokin.population.hierarchy import Hierarchy, Latents, Population, Quantity
from lymphokin.population.likelihood import (
    CohortLikelihood,
    draw_residual,
    probability_below,
    simulate_log_values,
    simulate_records,
)

__all__ = [
    "CohortArrays",
    "CohortLikelihood",
    "Hierarchy",
    "Latents",
    "Measured",
    "PackedCohort",
    "Population",
    "Quantity",
    "Records",
    "covariate",
    "draw_residual",
    "pack",
    "probability_below",
    "simulate_log_values",
    "simulate_records",
]
