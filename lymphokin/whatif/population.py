"""The population behind a what-if: of a fit, of published cohorts, or of a model's priors."""

from __future__ import annotations

from typing import Protocol

from lymphokin.literature.posterior import DEFAULT_MODEL, calibrated_models, literature_draws
from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws


class HasPopulation(Protocol):
    """A fit, or anything else with draws of a population."""

    @property
    def population(self) -> PopulationDraws:
        """The draws."""
        ...


type AnyPopulation = PopulationDraws | HasPopulation | None
"""What a what-if takes as its population; None stands for the published cohorts."""


def population_draws(
    population: AnyPopulation = None, model: str = DEFAULT_MODEL
) -> PopulationDraws:
    """Draws of a population.

    Args:
        population: draws, or a fit; without one, the published cohorts.
        model: read where there is no population: a model that is not calibrated to published
            cohorts rests on its priors.

    Raises:
        ValueError: when the fit is a single point.
        TypeError: when it is something else, such as the path of a run folder.
    """
    if isinstance(population, PopulationDraws):
        return population
    if population is not None:
        if not hasattr(population, "population"):
            raise TypeError(
                f"expected a fit, draws of a population or None, found {population!r}: open a "
                "run folder with lymphokin.open_run"
            )
        return population.population
    if model in calibrated_models():
        return literature_draws(model)
    return PopulationDraws.of_prior(load_model(model))


def literature_populations() -> dict[str, PopulationDraws]:
    """Draws of every model that comes calibrated to published cohorts, by its name."""
    return {name: literature_draws(name) for name in calibrated_models()}
