"""The population behind a what-if: of a fit, of published cohorts, or of a model's priors."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lymphokin.files import AnyPath
from lymphokin.infer.fit import COHORT_FILE, Fit
from lymphokin.infer.population_draws import draws_of_fit
from lymphokin.io import read_events
from lymphokin.io.visits import endpoint_visits
from lymphokin.literature.posterior import DEFAULT_MODEL, calibrated_models, literature_draws
from lymphokin.model import load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict.range import NAMES, features
from lymphokin.whatif.calibration import calibration_of_run

type AnyPopulation = PopulationDraws | Fit | AnyPath | None
"""What a what-if takes as its population; None stands for the published cohorts."""


def population_draws(
    population: AnyPopulation = None, model: str = DEFAULT_MODEL
) -> PopulationDraws:
    """Draws of a population.

    Args:
        population: draws, a fit, or the folder of a run; without one, the published cohorts.
        model: read where there is no population: a model that is not calibrated to published
            cohorts rests on its priors.

    Raises:
        FileNotFoundError: when the folder is not a run.
        ValueError: when the fit is a single point, or the model has changed since.
    """
    if isinstance(population, PopulationDraws):
        return population
    if isinstance(population, Fit):
        return draws_of_fit(population)
    if population is not None:
        return draws_of_run(population)
    if model in calibrated_models():
        return literature_draws(model)
    return PopulationDraws.of_prior(load_model(model))


def draws_of_run(folder: AnyPath) -> PopulationDraws:
    """The posterior of a run folder, and how the risks of its patients came true.

    Raises:
        FileNotFoundError: when the folder is not a run.
        ValueError: when it is a single point, without uncertainty.
    """
    folder = Path(folder)
    fit = Fit.load(folder)
    fit.require_draws(f"a forecast of one patient from {folder}")
    seen_patients = None
    if (folder / COHORT_FILE).is_file():
        cohort = read_events(folder / COHORT_FILE)
        seen_patients = features(cohort, endpoint_visits(cohort))[list(NAMES)]
    posterior = (folder / "posterior.nc").read_bytes()
    return draws_of_fit(
        fit,
        seen_patients,
        calibration_of_run(folder, fit.config.get("counts_until")),
        hashlib.sha256(posterior).hexdigest(),
    )


def literature_populations() -> dict[str, PopulationDraws]:
    """Draws of every model that comes calibrated to published cohorts, by its name."""
    return {name: literature_draws(name) for name in calibrated_models()}
