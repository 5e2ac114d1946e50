"""Draws of a model's population: of a fit, of the literature, or of the priors alike.

Whatever needs a population (forecasts, what-ifs, virtual trials) takes it in this form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import Model
from lymphokin.population.hierarchy import Hierarchy
from lymphokin.population.provenance import Provenance, provenance_of
from lymphokin.sites import SiteTable, shipped_sites

if TYPE_CHECKING:
    import pandas as pd  # a second to import; only a fit has a table of its patients

PRIOR_DRAWS = 2000
CENTRE_OFFSETS = BASELINE_OFFSET, DOSE_OFFSET, RESIDUAL_OFFSET = "baseline", "dose", "residual"
"""What may differ between centres: ln baseline, ln effect of a dose, ln residual SD of counts."""


@dataclass(frozen=True, eq=False)
class PopulationDraws:
    """Draws of the population, and what stands behind them.

    Attributes:
        model: the model whose population it is.
        z: [draw, quantity] population latents, a standard normal each under the prior.
        provenance: where the draws come from.
        seen: smallest and largest value of each feature of a course among the patients behind the
            draws (:data:`lymphokin.population.seen.NAMES`); None where there are no patients.
        seen_patients: the same features, one row per patient; None where single patients are not
            known.
        seen_until: last day, from the first fraction, on which each quantity was measured or each
            event looked for in those patients; None where it is not known.
        approximation: the verdict on a posterior that was approximated, else None.
        centre_offsets: those of :data:`CENTRE_OFFSETS` by which the draws differ as centres do.
            They are then of a centre that is not among those behind them.
        sites: what the site classes of a patient mean.
        seen_sites: those of the patients behind the draws; None where they are not known.
    """

    model: Model
    z: np.ndarray
    provenance: Provenance
    seen: Mapping[str, tuple[float, float]] | None = None
    seen_patients: pd.DataFrame | None = None
    approximation: str | None = None
    centre_offsets: tuple[str, ...] = ()
    sites: SiteTable = field(default_factory=shipped_sites)
    seen_sites: frozenset[str] | None = None
    seen_until: Mapping[str, float] | None = None

    @classmethod
    def of_prior(cls, model: Model, draws: int = PRIOR_DRAWS, seed: int = 0) -> PopulationDraws:
        """Draws from the priors of a model: what is believed before any data."""
        z = np.random.default_rng(seed).standard_normal((draws, len(Hierarchy(model).quantities)))
        return cls(model, z, provenance_of(model, "prior", "prior, no data"))

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The statistical model."""
        return Hierarchy(self.model)

    @cached_property
    def residual_sd(self) -> dict[str, np.ndarray]:
        """SDs of the residual per draw, by quantity; [draw, component]."""
        of_draws = jax.jit(jax.vmap(lambda z: self.hierarchy.population(z).residual_sd))
        return {q: np.asarray(sd) for q, sd in of_draws(jnp.asarray(self.z)).items()}

    def natural(self) -> dict[str, np.ndarray]:
        """Population quantities by name, [draw] in the units of the parameter table."""
        values = jax.vmap(self.hierarchy.natural)(jnp.asarray(self.z))
        return {name: np.asarray(value) for name, value in values.items()}
