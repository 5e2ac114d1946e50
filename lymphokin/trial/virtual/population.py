"""How the population behind a virtual trial is drawn: known truth, prior, or given draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

import jax
import jax.numpy as jnp

from lymphokin.literature.posterior import literature_draws
from lymphokin.model import Model, load_model
from lymphokin.population import Hierarchy
from lymphokin.population.draws import PopulationDraws
from lymphokin.run import open_run
from lymphokin.sites import SiteTable, shipped_sites
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
        self.model: Model = truth.true_model()

    def latents(self, key: jax.Array) -> jax.Array:
        return jnp.zeros(len(Hierarchy(self.model).quantities))


class PriorPopulation(VirtualPopulation):
    """A population drawn anew from the model's prior for every trial."""

    name = "prior"

    def __init__(self, model: Model) -> None:
        self.model = model

    def latents(self, key: jax.Array) -> jax.Array:
        return jax.random.normal(key, (len(Hierarchy(self.model).quantities),))


class DrawnPopulation(VirtualPopulation):
    """A population chosen for every trial among the draws of a fit or of the literature."""

    def __init__(self, draws: PopulationDraws, name: str) -> None:
        self.model: Model = draws.model
        self.name = name
        self.draws = draws

    def latents(self, key: jax.Array) -> jax.Array:
        z = jnp.asarray(self.draws.z)
        return z[jax.random.randint(key, (), 0, len(z))]


def population_named(name: str, truth: Truth) -> VirtualPopulation:
    """A population by its name: truth, prior, literature, or the path of a run folder.

    Raises:
        FileNotFoundError: when it is none of them, or the model has no literature posterior.
        ValueError: when the run is a single point, without uncertainty, or has other numbers of the
            design's sites.
    """
    if name == "truth":
        return TruePopulation(truth)
    if name == "prior":
        return PriorPopulation(load_model(truth.model))
    if name == "literature":
        return DrawnPopulation(literature_draws(truth.model), name)
    folder = Path(name).resolve()
    draws = open_run(folder).population
    refuse_other_sites(draws.sites, truth.design["sites"])
    return DrawnPopulation(draws, folder.name)


def refuse_other_sites(sites: SiteTable, planned: Iterable[str]) -> None:
    """Refuse a run made with other immune doses than those of a design's patients.

    Args:
        sites: what sites mean in the run.
        planned: sites of the design, which are the shipped ones.

    Raises:
        ValueError: naming the sites.
    """
    unlike = sites.unlike(shipped_sites(), planned)
    if unlike:
        pairs = [f"{own.name} ({own.numbers}, not {its.numbers})" for own, its in unlike]
        raise ValueError(
            "virtual patients get the immune doses of the sites that come with lymphokin, and the "
            f"run was made with others of {', '.join(pairs)}: leave them out of design.sites"
        )
