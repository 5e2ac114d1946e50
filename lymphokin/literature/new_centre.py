"""The population of a centre that is not among those behind some draws.

Centres differ in the level of their patients' baselines, in what a dose does to counts (or in how
the dose is measured, which is the same to a count), and in how much a count scatters. The first two
spreads are those between published cohorts; draws of a literature posterior hold them already.
"""

from __future__ import annotations

from dataclasses import replace

import h5netcdf
import numpy as np

from lymphokin.literature.meta_analysis import (
    BASELINE_SPREAD,
    DOSE_SPREAD,
    SPREAD_LOG_SD,
    sensitivity_parameter,
)
from lymphokin.literature.posterior import FOLDER, calibrated_models
from lymphokin.model import Model
from lymphokin.population.draws import PopulationDraws
from lymphokin.shipped import data_path

RESIDUAL_SPREAD = 0.2
"""SD between centres of ln residual SD of counts. Judgement: no published cohort says it; analysers
and the hour of a visit differ, and 1.4 times the scatter elsewhere is then 1.7 SDs off."""
BASELINE, COUNTS = "lymphocyte_baseline", "alc"


def for_new_centre(population: PopulationDraws, seed: int = 0) -> PopulationDraws:
    """Draws of the population of a new centre: of the same patients, with a centre's offsets.

    Args:
        population: of a fit, of the literature, or of priors.
        seed: of the offsets.
    """
    rng, z = np.random.default_rng([seed, 77]), np.array(population.z)
    model, names = population.model, population.hierarchy.population_names

    def add(name: str, offset: np.ndarray, per_latent: float) -> None:
        if name in names and per_latent > 0:
            z[:, names.index(name)] += offset / per_latent

    if population.provenance.source != "literature":
        baseline, dose = _spreads(model, rng, len(z))
        for parameter, spread in ((_baseline, baseline), (_sensitivity, dose)):
            own = parameter(model)
            if own is not None:
                table = model.table[own]
                add(own, spread * rng.standard_normal(len(z)), table.population_sd)
    if COUNTS in model.table.residuals:
        residual = model.table.residuals[COUNTS]
        offset = RESIDUAL_SPREAD * rng.standard_normal(len(z))
        for component, (_, log_sd) in residual.sds.items():
            add(f"{COUNTS}_{component}", offset, log_sd)
    title = f"{population.provenance.title}, for a new centre"
    provenance = population.provenance.model_copy(update={"title": title})
    return replace(population, z=z, provenance=provenance)


def _baseline(model: Model) -> str | None:
    known = BASELINE in model.table.parameters and model.table[BASELINE].transform == "log"
    return BASELINE if known else None


def _sensitivity(model: Model) -> str | None:
    try:
        return sensitivity_parameter(model).name
    except ValueError:
        return None


def _spreads(model: Model, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """[draw] SDs between centres of ln baseline and of ln immune dose: of the model's calibration
    where it has one, else their priors.
    """
    if model.name in calibrated_models():
        with h5netcdf.File(data_path(f"{FOLDER}/{model.name}.nc"), "r") as stored:
            both = [np.asarray(stored.variables[f"{n}_spread"][...]) for n in ("baseline", "dose")]
        chosen = rng.integers(len(both[0]), size=count)
        return both[0][chosen], both[1][chosen]
    medians = (BASELINE_SPREAD, DOSE_SPREAD)
    of_prior = [m * np.exp(SPREAD_LOG_SD * rng.standard_normal(count)) for m in medians]
    return of_prior[0], of_prior[1]
