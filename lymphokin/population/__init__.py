"""Individuals from a population: transforms, random effects, covariates, likelihood.

What needs pandas is imported when it is first asked for: one patient does without it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lazy_loader

from lymphokin.population.arrays import CohortArrays, Measured, Records
from lymphokin.population.covariates import covariate, regressor
from lymphokin.population.hierarchy import Hierarchy, Latents
from lymphokin.population.joint_prior import JointPrior
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
    sd_of,
    standardised,
)

if TYPE_CHECKING:
    from lymphokin.population.data import PackedCohort, pack
    from lymphokin.population.likelihood import (
        CohortLikelihood,
        simulate_log_values,
        simulate_records,
    )

__all__ = [
    "LOWEST",
    "CohortArrays",
    "CohortLikelihood",
    "Hierarchy",
    "JointPrior",
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
    "sd_of",
    "simulate_log_values",
    "simulate_records",
    "standardised",
]
__getattr__: Callable[[str], Any]
__getattr__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": ["PackedCohort", "pack"],
        "likelihood": ["CohortLikelihood", "simulate_log_values", "simulate_records"],
    },
)[0]
