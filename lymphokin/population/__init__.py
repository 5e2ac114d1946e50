"""Individuals from a population: transforms, random effects, covariates, likelihood."""

from lymphokin.population.covariates import covariate, regressor
from lymphokin.population.data import CohortArrays, Measured, PackedCohort, Records, pack
from lymphokin.population.hierarchy import Hierarchy, Latents
from lymphokin.population.likelihood import (
    CohortLikelihood,
    simulate_log_values,
    simulate_records,
)
from lymphokin.population.quantities import Population, Quantity, entry_of
from lymphokin.population.residual import (
    LOWEST,
    draw_measured,
    log_density,
    log_measured,
    log_probability_below,
    log_probability_between,
    probability_below,
    scale_at,
    standardised,
)

__all__ = [
    "LOWEST",
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
    "draw_measured",
    "entry_of",
    "log_density",
    "log_measured",
    "log_probability_below",
    "log_probability_between",
    "pack",
    "probability_below",
    "regressor",
    "scale_at",
    "simulate_log_values",
    "simulate_records",
    "standardised",
]
