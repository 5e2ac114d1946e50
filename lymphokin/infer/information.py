"""Expected information of the latents: how sharply data and prior together pin them down.

The Fisher information needs first derivatives only and is never indefinite. It has the arrow shape
of the posterior, so one derivative per population quantity and one per slot of a patient (taken for
all patients at once) give all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import Residual
from lymphokin.population import CohortArrays, CohortLikelihood, Latents, scale_at

TANGENTS_AT_ONCE = 16
"""Derivatives taken together: wide enough to keep the processor busy."""


class ArrowMatrix(NamedTuple):
    """Symmetric matrix of the flat latents in which patients meet only through the population."""

    population: jax.Array
    """[quantity, quantity]"""
    own: jax.Array
    """[patient, slot, slot]"""
    coupling: jax.Array
    """[patient, slot, quantity]"""

    @classmethod
    def shapes(cls, quantities: int, index: np.ndarray) -> ArrowMatrix:
        """Shapes of such a matrix, for the places ``index`` [patient, slot]."""
        patients, slots = index.shape
        sizes = (quantities, quantities), (patients, slots, slots), (patients, slots, quantities)
        return cls(*(jax.ShapeDtypeStruct(size, float) for size in sizes))  # type: ignore[arg-type]


def _weights(residual: Residual) -> tuple[float, float]:
    """Information per record about location (in units of the scale) and about the log scale."""
    if residual.distribution == "student_t":
        df = residual.degrees_of_freedom
        return (df + 1) / (df + 3), 2 * df / (df + 3)
    return 1.0, 2.0


def _of_records(
    residual: Residual, predicted: jax.Array, sd: jax.Array, weight: Any, scales: jax.Array
) -> tuple[list[jax.Array], jax.Array]:
    """Outcomes of the quantified records of one quantity: of each record, and shared by all.

    Location and scale of a symmetric error share no information (Lehmann and Casella 1998, theory
    of point estimation, example 2.5.7). On the natural scale both follow the prediction.

    Args:
        predicted: [record] ln predictions.
        scales: [record] scale of each record's error, or one for all, held fixed.
    """
    location, scale = _weights(residual)
    if residual.error == "log_normal":
        n = jnp.sqrt(scale * weight.sum())
        return [np.sqrt(location) * weight * predicted / scales], n * jnp.log(sd)
    log_scale = jnp.log(scale_at(residual, predicted, sd))
    of_location = np.sqrt(location) * weight * jnp.exp(predicted) / scales
    return [of_location, np.sqrt(scale) * weight * log_scale], jnp.zeros(0)


def _scaled_outcomes(
    likelihood: CohortLikelihood, latents: Latents, arrays: CohortArrays, scales: dict
) -> tuple[jax.Array, ...]:
    """Quantities whose squared derivatives add up to the information; scales are held fixed.

    Returns:
        per patient and record, the records' patients, and those of the population alone.
    """
    hierarchy = likelihood.hierarchy
    population = hierarchy.population(latents.population)
    predictions = likelihood.predictions(latents, arrays)
    values, owners, shared = [], [], [latents.population]
    for quantity, (predicted, _) in predictions.items():
        residual, sd = hierarchy.model.table.residuals[quantity], population.residual_sd[quantity]
        records = arrays.measured[quantity].quantified
        own, of_all = _of_records(residual, predicted, sd, records.weight, scales[quantity])
        values += own
        owners += [records.patient] * len(own)
        shared.append(of_all)
    mean, sd = hierarchy.subject_prior(population, hierarchy.filled(arrays, latents))
    values.append(((latents.subject - mean) / scales["subject"]).ravel())
    owners.append(jnp.broadcast_to(jnp.arange(arrays.patients), mean.shape).ravel())
    shared.append(np.sqrt(2.0) * jnp.log(sd).ravel())
    values += [latents.treated.ravel(), latents.occasion.ravel(), latents.covariate]
    hours = arrays.timeline.hours
    if hours is not None:
        owners.append(jnp.broadcast_to(arrays.treated_patient, latents.treated.shape).ravel())
        owners.append(jnp.broadcast_to(hours.patient, latents.occasion.shape).ravel())
    owners.append(arrays.lacking)
    return jnp.concatenate(values), jnp.concatenate(owners), jnp.concatenate(shared)


def _arrow_directions(size: int, n_population: int, index: jax.Array) -> jax.Array:
    """[direction, latent] along which derivatives give an arrow matrix.

    One per population quantity, then one per slot of all patients at once, then zeros: full batches
    only, as a shorter last one would be compiled again.
    """
    directions = n_population + index.shape[1]
    padded = -(-directions // TANGENTS_AT_ONCE) * TANGENTS_AT_ONCE
    places = jnp.where(index < 0, size, index).T
    vectors = jnp.zeros((padded, size))
    vectors = vectors.at[np.arange(n_population), np.arange(n_population)].set(1.0)
    return vectors.at[np.arange(n_population, directions)[:, None], places].set(1.0, mode="drop")


def expected_information(
    likelihood: CohortLikelihood,
    unravel: Callable[[jax.Array], Latents],
    x: jax.Array,
    arrays: CohortArrays,
    index: jax.Array,
) -> ArrowMatrix:
    """Information at the flat latents ``x``.

    Args:
        unravel: from the flat vector to the latents.
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    hierarchy = likelihood.hierarchy
    n_population = len(hierarchy.quantities)
    n_patients, slots = index.shape
    directions = n_population + slots
    latents = unravel(x)
    population = hierarchy.population(latents.population)
    residuals = hierarchy.model.table.residuals
    scales = {
        quantity: scale_at(residuals[quantity], predicted, population.residual_sd[quantity])
        for quantity, (predicted, _) in likelihood.predictions(latents, arrays).items()
    }
    filled = hierarchy.filled(arrays, latents)
    scales["subject"] = hierarchy.subject_prior(population, filled)[1]

    def outcomes(v: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, _, shared = _scaled_outcomes(likelihood, unravel(v), arrays, scales)
        return values, shared

    _, owner, _ = _scaled_outcomes(likelihood, latents, arrays, scales)
    by_record, by_shared = jax.lax.map(
        lambda v: jax.jvp(outcomes, (x,), (v,))[1],
        _arrow_directions(x.size, n_population, index),
        batch_size=TANGENTS_AT_ONCE,
    )
    j_population, j_own = by_record[:n_population].T, by_record[n_population:directions].T
    j_shared = by_shared[:n_population].T
    own = jnp.zeros((n_patients, slots, slots)).at[owner].add(j_own[:, :, None] * j_own[:, None, :])
    coupling = (
        jnp.zeros((n_patients, slots, n_population))
        .at[owner]
        .add(j_own[:, :, None] * j_population[:, None, :])
    )
    absent = jnp.asarray(index < 0, dtype=float)
    own = own + absent[:, :, None] * jnp.eye(slots)
    return ArrowMatrix(j_population.T @ j_population + j_shared.T @ j_shared, own, coupling)


def observed_information(
    gradient: Callable[[jax.Array], jax.Array], x: jax.Array, n_population: int, index: jax.Array
) -> ArrowMatrix:
    """Minus the second derivatives of a log density whose patients are independent given the
    population, at ``x``.

    Args:
        gradient: of the log density, [latent] to [latent].
        n_population: latents of the population; they come first.
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    slots = index.shape[1]
    minus = jax.lax.map(
        lambda v: -jax.jvp(gradient, (x,), (v,))[1],
        _arrow_directions(x.size, n_population, index),
        batch_size=TANGENTS_AT_ONCE,
    )
    of_patients = jnp.concatenate([minus, jnp.zeros((len(minus), 1))], axis=1)[:, index]
    own = jnp.moveaxis(of_patients[n_population : n_population + slots], 0, 1)
    own = own + jnp.asarray(index < 0, dtype=float)[:, :, None] * jnp.eye(slots)
    population = minus[:n_population, :n_population]
    return ArrowMatrix(
        0.5 * (population + population.T),
        0.5 * (own + jnp.swapaxes(own, 1, 2)),
        jnp.moveaxis(of_patients[:n_population], 0, 2),
    )
