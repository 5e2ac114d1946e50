"""The population of a centre that is not among those behind some draws.

Centres differ in the level of their patients' baselines, in what a dose does to counts (or in how
the dose is measured, which is the same to a count), and in how much a count scatters. The first two
spreads are those between published cohorts; draws of a literature posterior hold them already, and
those of pooled sites hold all three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import netCDF4
import numpy as np

from lymphokin.literature.meta_analysis import (
    BASELINE_SPREAD,
    DOSE_SPREAD,
    SPREAD_LOG_SD,
    sensitivity_parameter,
)
from lymphokin.literature.posterior import FOLDER, calibrated_models
from lymphokin.model import Model
from lymphokin.population.draws import (
    BASELINE_OFFSET,
    DOSE_OFFSET,
    RESIDUAL_OFFSET,
    PopulationDraws,
)
from lymphokin.shipped import data_path

RESIDUAL_SPREAD = 0.2
"""SD between centres of ln residual SD of counts. Judgement: no published cohort says it; analysers
and the hour of a visit differ, and 1.4 times the scatter elsewhere is then 1.7 SDs off."""
SPREAD_DRAWS = 4000
BASELINE, COUNTS = "lymphocyte_baseline", "alc"


def for_new_centre(population: PopulationDraws, seed: int = 0) -> PopulationDraws:
    """Draws of the population of a new centre: of the same patients, with a centre's offsets.

    Args:
        population: of a fit, of the literature, or of priors.
        seed: of the offsets.
    """
    rng, z = np.random.default_rng([seed, 77]), np.array(population.z)
    model = population.model
    directions = offset_directions(model, population.hierarchy.population_names)
    lacking = [name for name in directions if name not in population.centre_offsets]
    spread: dict[str, np.ndarray | float] = {RESIDUAL_OFFSET: RESIDUAL_SPREAD}
    if BASELINE_OFFSET in lacking or DOSE_OFFSET in lacking:
        between = spreads_between_centres(model)
        chosen = rng.integers(len(between[DOSE_OFFSET]), size=len(z))
        spread |= {name: own[chosen] for name, own in between.items()}
    for name in lacking:
        offset = spread[name] * rng.standard_normal(len(z))
        z += offset[:, None] * directions[name]
    title = f"{population.provenance.title}, for a new centre"
    named = {"title": title, "title_message": None}
    provenance = population.provenance.model_copy(update=named)
    return replace(population, z=z, provenance=provenance)


def offset_directions(model: Model, names: Sequence[str]) -> dict[str, np.ndarray]:
    """How population latents move with each offset of a centre that the model can have.

    Args:
        model: the model.
        names: of its population quantities.

    Returns:
        by offset, [quantity] change of the latents per unit of the offset: of ln baseline, of ln
        immune dose, and of the ln residual SD of counts.
    """
    table, found = model.table, {}
    of_latent: dict[str, list[tuple[str, float]]] = {BASELINE_OFFSET: [], DOSE_OFFSET: []}
    if BASELINE in table.parameters and table[BASELINE].transform == "log":
        of_latent[BASELINE_OFFSET].append((BASELINE, table[BASELINE].population_sd))
    try:
        sensitivity = sensitivity_parameter(model)
        of_latent[DOSE_OFFSET].append((sensitivity.name, sensitivity.population_sd))
    except ValueError:
        pass
    sds = table.residuals[COUNTS].sds if COUNTS in table.residuals else {}
    of_latent[RESIDUAL_OFFSET] = [(f"{COUNTS}_{c}", log_sd) for c, (_, log_sd) in sds.items()]
    for offset, latents in of_latent.items():
        direction = np.zeros(len(names))
        for name, sd in latents:
            if name in names and sd > 0:
                direction[list(names).index(name)] = 1 / sd
        if direction.any():
            found[offset] = direction
    return found


def spreads_between_centres(model: Model) -> dict[str, np.ndarray]:
    """[draw] SDs between centres of ln baseline and of ln immune dose: of the model's calibration
    to published cohorts where it has one, else their priors.
    """
    names = (BASELINE_OFFSET, DOSE_OFFSET)
    if model.name in calibrated_models():
        with netCDF4.Dataset(data_path(f"{FOLDER}/{model.name}.nc"), "r") as stored:
            return {n: np.asarray(stored.variables[f"{n}_spread"][...], float) for n in names}
    rng = np.random.default_rng(78)
    medians = dict(zip(names, (BASELINE_SPREAD, DOSE_SPREAD), strict=True))
    return {
        n: m * np.exp(SPREAD_LOG_SD * rng.standard_normal(SPREAD_DRAWS)) for n, m in medians.items()
    }
