"""Where the population of a virtual trial comes from: truth, prior, published cohorts, or a fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer import Fit
from lymphokin.literature import LiteraturePosterior
from lymphokin.model import Model
from lymphokin.population import Hierarchy
from lymphokin.trial.synthetic import Truth


class VirtualPopulation(ABC):
    """A model and a way to draw the population behind one virtual trial."""

    model: Model
    name: str

    @abstractmethod
    def latents(self, key: jax.Array) -> jax.Array:
        """[quantity] population latents of a trial."""


class TruePopulation(VirtualPopulation):
    """The same known population behind every trial."""

    name = "truth"

    def __init__(self, truth: Truth) -> None:
        self.model = truth.true_model()

    def latents(self, key: jax.Array) -> jax.Array:
        return jnp.zeros(len(Hierarchy(self.model).quantities))


class PriorPopulation(VirtualPopulation):
    """A population drawn from the model's prior for every trial."""

    name = "prior"

    def __init__(self, model: Model) -> None:
        self.model = model

    def latents(self, key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (len(Hierarchy(self.model).quantities),))


@dataclass(frozen=True)
class FittedPopulation(VirtualPopulation):
    """A population drawn from the posterior of a fit for every trial."""

    model: Model
    z: np.ndarray
    """[draw, quantity]"""
    name: str = "fit"

    @classmethod
    def of_run(cls, folder: Path) -> FittedPopulation:
        """Population draws of a run folder."""
        fit = Fit.load(folder)
        fit.require_draws(f"a trial of populations from {folder}")
        return cls(fit.model(), fit.population_z(), folder.name)

    @classmethod
    def of_literature(cls, model: str = "myeloid_lymphoid") -> FittedPopulation:
        """Population draws of a new study, given the published cohorts."""
        posterior = LiteraturePosterior.shipped(model)
        return cls(posterior.model(), posterior.population_z(), "literature")

    def latents(self, key: jax.Array) -> jax.Array:
        return jnp.asarray(self.z)[jax.random.randint(key, (), 0, len(self.z))]
