"""Replicated data: what a fit says should have been measured, at every record of its cohort.

Each posterior draw gives a complete trial: the same courses, visits, tubes and limits, measured
again in the same patients, and in new patients drawn from the population.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats

from lymphokin.infer.density import CohortDensity, flat
from lymphokin.infer.records import in_order, log_predictions
from lymphokin.model import Residual
from lymphokin.population import (
    CohortArrays,
    CohortLikelihood,
    log_density,
    log_measured,
    log_probability_below,
    log_probability_between,
    standardised,
)
from lymphokin.population.data import log_limits_of


@dataclass(frozen=True)
class Replicates:
    """The records of one quantity and what draws of the posterior say of each.

    Every array of logarithms is [draw, record] in the order of ``records`` and holds ln of the
    quantity in the table's unit, tube and other record effects included.
    """

    quantity: str
    records: pd.DataFrame
    """one row per record: id, arm, day, value (the limit itself where censored), lloq (NaN where
    there is none), censored (below its limit), lower and upper (limits between which it lies, NaN
    where its value or only an upper limit is known); sorted by patient and day. A record above a
    limit or between two has a random replicate of its patient within the limits as its value"""
    residual: Residual
    sd: np.ndarray
    """[draw, record, component] SDs of the residual; one for all records where they share it"""
    typical: np.ndarray
    """prediction for a patient with these covariates and no difference from the typical one"""
    fitted: np.ndarray
    """prediction for the patient itself"""
    same: np.ndarray
    """replicated measurements of the same patients"""
    new: np.ndarray
    """replicated measurements of new patients with the same courses and visits"""
    population: np.ndarray
    """[draw, quantity] latents of the population, standard normal under the prior"""
    sampled_by_hour: bool
    """whether the quantity changes within hours, so that its visits are hours apart"""

    @property
    def log_value(self) -> np.ndarray:
        """[record] ln of the measured value, or of the limit below which it lies."""
        return np.log(self.records["value"].to_numpy(float))

    @property
    def log_lloq(self) -> np.ndarray:
        """[record] ln of the limit of quantification, minus infinity where there is none."""
        return np.log(self.records["lloq"].fillna(0.0).to_numpy(float), where=self._limited(),
                      out=np.full(len(self.records), -np.inf))  # fmt: skip

    @property
    def censored(self) -> np.ndarray:
        """[record] whether the measurement lies below its limit."""
        return self.records["censored"].to_numpy(bool)

    def _limited(self) -> np.ndarray:
        return self.records["lloq"].fillna(0.0).to_numpy(float) > 0

    def error_distribution(self) -> stats.rv_continuous:
        """Distribution of residuals in units of their scale, frozen."""
        if self.residual.distribution == "student_t":
            return stats.t(self.residual.degrees_of_freedom)  # type: ignore[return-value]
        return stats.norm()  # type: ignore[return-value]

    def standardised(self, log_prediction: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Distance of the records from predictions [..., record], in scales of the error.

        ``sd``: [..., record, component], or one for all records.
        """
        return standardised(self.residual, self.log_value, log_prediction, sd, np)

    def log_likelihood(self) -> np.ndarray:
        """[draw] log likelihood of all records given each draw."""
        sd, y = self.sd, self.log_value
        quantified = log_density(self.residual, y, self.fitted, sd)
        below = log_probability_below(self.residual, y, self.fitted, sd)
        density = jnp.where(self.censored, below, quantified)
        bounded = np.isfinite(self.records["lower"].to_numpy(float))
        if bounded.any():
            limits = log_limits_of(self.records.where(bounded, 1.0))
            between = log_probability_between(self.residual, *limits, self.fitted, sd)
            density = jnp.where(bounded, between, density)
        return np.asarray(density.sum(axis=1))


@partial(jax.jit, static_argnums=0)
def _typical_and_new(
    likelihood: CohortLikelihood, z: jax.Array, arrays: CohortArrays, keys: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """[draw, latent] flat latents of typical and of newly drawn patients for populations ``z``."""
    hierarchy = likelihood.hierarchy

    def one(z: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        mean, _ = hierarchy.subject_prior(hierarchy.population(z), arrays)
        centre = hierarchy.typical_latents(arrays)._replace(population=z, subject=mean)
        return flat(centre), flat(hierarchy.draw_latents(key, arrays, z))

    return jax.vmap(one)(z, keys)


def typical_and_new(density: CohortDensity, x: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """Flat draws ``x`` [draw, latent] with typical, and with new, patients in place of the fitted.

    Returns:
        both [draw, latent], the population as in ``x``.
    """
    z = jnp.asarray(x[:, : len(density.hierarchy.quantities)])
    keys = jax.random.split(jax.random.key(seed), len(x))
    latents = _typical_and_new(density.likelihood, z, density.arrays, keys)
    return tuple(np.asarray(v) for v in latents)


def replicate(density: CohortDensity, x: np.ndarray, seed: int) -> dict[str, Replicates]:
    """Replicated records of every measured quantity that the cohort has.

    Args:
        density: the fitted cohort.
        x: [draw, latent] flat posterior draws.
        seed: of the random numbers.

    Raises:
        ArithmeticError: when the model gives no finite prediction for a patient it drew.
    """
    typical_x, new_x = typical_and_new(density, x, seed)
    typical, fitted, new = (log_predictions(density, v) for v in (typical_x, x, new_x))
    hierarchy, rng = density.hierarchy, np.random.default_rng(seed)
    z = jnp.asarray(x[:, : len(hierarchy.quantities)])
    scales = jax.vmap(lambda z: hierarchy.population(z).residual_sd)(z)
    by_hour = {name for block in hierarchy.model.on_clock("hours") for name in block.shows}
    replicated = {}
    for quantity, rows in density.packed.records.items():
        table, order = in_order(density, *rows)
        if not len(table):
            continue
        residual = hierarchy.model.table.residuals[quantity]
        sd = np.asarray(scales[quantity], dtype=float)[:, None]
        if residual.sd_column:
            sd = sd * table["sd"].to_numpy(float)[:, None]
        predictions = {
            "typical": typical[quantity][:, order],
            "fitted": fitted[quantity][:, order],
            "new": new[quantity][:, order],
        }
        if not all(np.isfinite(v).all() for v in predictions.values()):
            raise ArithmeticError(f"the model gives no finite {quantity} for some drawn patients")
        same = measured(rng, residual, predictions["fitted"], sd)
        replicated[quantity] = Replicates(
            quantity,
            _within_limits(table, same, seed),
            residual,
            sd,
            predictions["typical"],
            predictions["fitted"],
            same,
            measured(rng, residual, predictions["new"], sd),
            np.asarray(z),
            quantity in by_hour,
        )
    return replicated


def _within_limits(table: pd.DataFrame, same: np.ndarray, seed: int) -> pd.DataFrame:
    """Records above a limit or between two with a random one of their replicates in its place.

    ``same``: [draw, record] ln replicated measurements of the same patients.
    """
    bounded = np.flatnonzero(np.isfinite(table["lower"].to_numpy(float)))
    if not bounded.size:
        return table
    rng = np.random.default_rng([seed, 1])  # the other random numbers stay as they are
    value = table["value"].to_numpy(float).copy()
    for record in bounded:
        lower, upper = table["lower"].iloc[record], table["upper"].iloc[record]
        drawn = np.exp(same[:, record])
        inside = drawn[(drawn > lower) & (drawn < upper)]
        nearest = float(np.clip(np.median(drawn), lower, upper))
        value[record] = rng.choice(inside) if inside.size else nearest
    censored = table["censored"].to_numpy(bool).copy()
    censored[bounded] = False
    return table.assign(value=value, censored=censored)


def measured(
    rng: np.random.Generator, residual: Residual, log_true: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """Random ln measurements [draw, record] of ln true values; SDs as of :class:`Replicates`."""
    if residual.distribution == "student_t":
        noise = rng.standard_t(residual.degrees_of_freedom, log_true.shape)
    else:
        noise = rng.standard_normal(log_true.shape)
    return log_measured(residual, log_true, sd, noise, np)
