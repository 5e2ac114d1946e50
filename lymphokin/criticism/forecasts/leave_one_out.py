"""How well a fit predicts lymphocyte counts that are left out: whole patients, and single counts.

Only counts are scored, in nats of ln count: what every model of lymphocytes predicts. What else a
model was fitted to (other cells, levels of drugs) is left out with the patient, but not scored.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.special import logsumexp

from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.infer import CohortDensity
from lymphokin.infer.records import in_order, log_predictions
from lymphokin.infer.weights import smoothed
from lymphokin.population import (
    CohortArrays,
    PackedCohort,
    log_density,
    log_probability_below,
    log_probability_between,
)
from lymphokin.population.data import log_limits_of
from lymphokin.predict import chosen_draws
from lymphokin.predict.endpoint_draws import POPULATION_DRAWS, log_likelihood
from lymphokin.run import Fit

RECORD_DRAWS = 1000
"""Posterior draws for leaving out single counts."""


class LeftOut(NamedTuple):
    """Scores of parts of the data that are left out one by one."""

    log_score: Floats
    """[part] ln of the density that the rest of the data gives to it; higher is better"""
    pareto_k: Floats
    """[part] Pareto k of the weights"""


def left_out(log_likelihood: Floats, log_density: Floats | None = None) -> LeftOut:
    """Leave parts out by Pareto-smoothed importance weights (Vehtari 2017,
    doi:10.1007/s11222-016-9696-4).

    Args:
        log_likelihood: [draw, part] ln likelihood of all records that are left out with the part.
        log_density: [draw, part] ln density of the records that are scored; the same by default.
    """
    scored = log_likelihood if log_density is None else log_density
    weights, k = smoothed(-log_likelihood[:, None, :])
    with np.errstate(divide="ignore"):
        return LeftOut(logsumexp(np.log(weights[:, 0]) + scored, axis=0), k)


def only_counts(packed: PackedCohort) -> CohortArrays:
    """Arrays of the cohort in which only lymphocyte counts weigh."""
    measured = {
        quantity: both
        if quantity == "alc"
        else type(both)(*(r._replace(weight=jnp.zeros_like(r.weight)) for r in both))
        for quantity, both in packed.arrays.measured.items()
    }
    events = {
        name: own._replace(weight=jnp.zeros_like(own.weight))
        for name, own in packed.arrays.events.items()
    }
    return packed.arrays._replace(measured=measured, events=events)


def patients_left_out(density: CohortDensity, population_z: np.ndarray, seed: int) -> pd.DataFrame:
    """Leave out one patient at a time, whose own parameters are integrated out.

    Args:
        density: the fitted cohort.
        population_z: [draw, quantity] population latents of the fit.
        seed: of the random numbers.

    Returns:
        index id; ``counts``, ``log_score`` of the patient's counts, ``pareto_k``; patients without
        a count are not in it.
    """
    packed = density.packed
    z = chosen_draws(population_z, POPULATION_DRAWS, seed)
    others = any(len(rows) for q, both in packed.records.items() if q != "alc" for rows in both)
    scores = left_out(
        log_likelihood(density, z, packed.arrays, seed),
        log_likelihood(density, z, only_counts(packed), seed) if others else None,
    )
    counts = pd.concat(packed.records["alc"])["id"].value_counts()
    table = pd.DataFrame(scores._asdict(), index=packed.cohort.patients.index)
    table.insert(0, "counts", counts.reindex(table.index).fillna(0).astype(int))
    return table[table["counts"] > 0]


def counts_left_out(fit: Fit, seed: int) -> pd.DataFrame:
    """Leave out one count at a time; the patient's other records stay.

    Returns:
        one row per count: ``id``, ``day``, ``log_score``, ``pareto_k``.
    """
    density, x = fit.density, chosen_draws(fit.x, RECORD_DRAWS, seed)
    hierarchy = density.hierarchy
    table, order = in_order(density, *density.packed.records["alc"])
    predicted = log_predictions(density, x)["alc"][:, order]
    z = jnp.asarray(x[:, : len(hierarchy.quantities)])
    sd = jax.vmap(lambda z: hierarchy.population(z).residual_sd["alc"])(z)[:, None]
    residual = hierarchy.model.table.residuals["alc"]
    log_value = jnp.asarray(np.log(table["value"].to_numpy(float)))
    log_likelihood = jnp.where(
        jnp.asarray(table["censored"].to_numpy(bool)),
        log_probability_below(residual, log_value, predicted, sd),
        log_density(residual, log_value, predicted, sd),
    )
    bounded = np.isfinite(table["lower"].to_numpy(float))
    if bounded.any():
        limits = log_limits_of(table.where(bounded, 1.0))
        between = log_probability_between(residual, *limits, predicted, sd)
        log_likelihood = jnp.where(bounded, between, log_likelihood)
    return table[["id", "day"]].assign(**left_out(np.asarray(log_likelihood))._asdict())
