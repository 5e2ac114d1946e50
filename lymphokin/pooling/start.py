"""What is believed before the sites: published cohorts, or the parameter table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.literature import calibrated_models, literature_draws
from lymphokin.literature.meta_analysis import SPREAD_LOG_SD
from lymphokin.literature.new_centre import (
    RESIDUAL_SPREAD,
    offset_directions,
    spreads_between_centres,
)
from lymphokin.model import Model
from lymphokin.pooling.hierarchy import Prior, prior_of_draws
from lymphokin.population.draws import RESIDUAL_OFFSET, PopulationDraws


class Start(NamedTuple):
    """The prior of a pool, with its source."""

    population: PopulationDraws
    offsets: tuple[str, ...]
    """names of what may differ between sites"""
    prior: Prior


def start_of(model: Model, seed: int) -> Start:
    """The prior of the sites of a model.

    The spread between sites of the scatter of counts has the root mean square that an update
    supposes, and the log-SD of the other two.

    Raises:
        ValueError: when the model file is not the calibrated one any more.
    """
    calibrated = model.name in calibrated_models()
    population = literature_draws(model.name) if calibrated else PopulationDraws.of_prior(model)
    directions = offset_directions(model, population.hierarchy.population_names)
    between = spreads_between_centres(model)
    median = RESIDUAL_SPREAD * np.exp(-(SPREAD_LOG_SD**2))
    residual = median * np.exp(SPREAD_LOG_SD * np.array([-1.0, 1.0]))
    spreads = [residual if n == RESIDUAL_OFFSET else between[n] for n in directions]
    included = [
        float((own**2).mean()) if name in population.centre_offsets else 0.0
        for name, own in zip(directions, spreads, strict=True)
    ]
    shape = (len(directions), population.z.shape[1])
    prior = prior_of_draws(
        population.z,
        np.array(list(directions.values())).reshape(shape),
        [float(np.log(own).mean()) for own in spreads],
        [float(np.log(own).std()) for own in spreads],
        included,
        seed,
    )
    return Start(population, tuple(directions), prior)
