"""Expected information of the latents: how sharply data and prior together pin them down.

The Fisher information needs first derivatives only and is never indefinite. It has the arrow shape
of the posterior, so one derivative per population quantity and one per slot of a patient (taken for
all patients at once) give all of it. They are differences of predictions, which the program that
evaluates draws gives: a program of its own for exact ones would take as long to compile as the
gradient, for a matrix that is only ever averaged or drawn by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.noncentred import Noncentring
from lymphokin.model import Residual
from lymphokin.population import CohortArrays, CohortLikelihood, Latents, scale_at, sd_of

TANGENTS_AT_ONCE = 16
"""Second derivatives taken together: wide enough to keep the processor busy."""


class ArrowMatrix(NamedTuple):
    """Symmetric matrix of the flat latents in which patients meet only through the population."""

    population: jax.Array | np.ndarray
    """[quantity, quantity]"""
    own: jax.Array | np.ndarray
    """[patient, slot, slot]"""
    coupling: jax.Array | np.ndarray
    """[patient, slot, quantity]"""


class Information(NamedTuple):
    """Derivatives of outcomes whose squares add up to the expected information.

    Sums of squares lose what is small beside what is large; the derivatives themselves do not.
    """

    own: np.ndarray
    """[outcome, slot] of the outcomes of patients, by the patient's own latents"""
    coupling: np.ndarray
    """[outcome, quantity] of the same, by those of the population"""
    owner: np.ndarray
    """[outcome] patient"""
    shared: np.ndarray
    """[outcome, quantity] of the outcomes of no patient"""

    def matrix(self, index: np.ndarray) -> ArrowMatrix:
        """The information; 1 on the diagonal of padding.

        Args:
            index: [patient, slot] places of each patient's latents, -1 where none.
        """
        patients, slots = index.shape
        own = np.zeros((patients, slots, slots), self.own.dtype)
        coupling = np.zeros((patients, slots, self.coupling.shape[1]), self.own.dtype)
        np.add.at(own, self.owner, self.own[:, :, None] * self.own[:, None, :])
        np.add.at(coupling, self.owner, self.own[:, :, None] * self.coupling[:, None, :])
        own += (index < 0)[:, :, None] * np.eye(slots, dtype=own.dtype)
        population = self.coupling.T @ self.coupling + self.shared.T @ self.shared
        return ArrowMatrix(population, own, coupling)


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


def _of_passed(passed: jax.Array, exact: bool) -> jax.Array:
    """[record] information about ln of a cumulative hazard in what is recorded after it has passed.

    Whether the event is seen then is a Bernoulli variable. Of an event whose moment is known the
    information is its probability, as of any censored time whose hazards are proportional.
    """
    return -jnp.expm1(-passed) if exact else passed**2 / jnp.expm1(passed)


def _scaled_outcomes(
    likelihood: CohortLikelihood,
    latents: Latents,
    predicted: Mapping[str, Any],
    subject: tuple[jax.Array, jax.Array],
    lesion: tuple[jax.Array, jax.Array],
    arrays: CohortArrays,
    scales: Mapping[str, Any],
) -> tuple[jax.Array, jax.Array]:
    """Quantities whose squared derivatives add up to the information; scales are held fixed.

    Args:
        predicted: per quantity, [record] ln predictions of its quantified records; per event, of
            the hazard that has passed.
        subject: location and log scale of the patients' values given the population, each [effect,
            patient].
        lesion: the same of the lesions' values, each [effect, lesion].

    Returns:
        those that belong to a patient, in the order of :func:`_owners`, and those of the population
        alone.
    """
    hierarchy = likelihood.hierarchy
    population = hierarchy.population(latents.population)
    z, prior = latents.population, arrays.prior
    values, shared = [], [z if prior is None else prior.standardised(z)]
    for quantity, own in predicted.items():
        if quantity in arrays.events:
            weight = arrays.events[quantity].weight
            values.append(jnp.sqrt(weight * scales[quantity]) * own)
            continue
        residual, sd = hierarchy.model.table.residuals[quantity], population.residual_sd[quantity]
        records = arrays.measured[quantity].quantified
        if residual.error != "log_normal":  # a record's own SD does not change what is shared
            sd = sd_of(sd, records.sd)
        of_records, of_all = _of_records(residual, own, sd, records.weight, scales[quantity])
        values += of_records
        shared.append(of_all)
    location, log_scale = subject
    values.append((location / scales["subject"]).ravel())
    shared.append(np.sqrt(2.0) * log_scale.ravel())
    values += [latents.treated.ravel(), latents.occasion.ravel(), latents.covariate]
    if arrays.lesions is not None:
        location, log_scale = lesion
        values.append((location / scales["lesion"]).ravel())
        shared.append(np.sqrt(2.0) * log_scale.ravel())
    return jnp.concatenate(values), jnp.concatenate(shared)


def _owners(
    likelihood: CohortLikelihood, latents: Latents, quantities: Iterable[str], arrays: CohortArrays
) -> jax.Array:
    """Patient of each outcome."""
    owners = []
    for quantity in quantities:
        if quantity in arrays.events:
            owners.append(arrays.events[quantity].patient)
            continue
        log_normal = likelihood.model.table.residuals[quantity].error == "log_normal"
        owners += [arrays.measured[quantity].quantified.patient] * (1 if log_normal else 2)
    owners.append(jnp.broadcast_to(jnp.arange(arrays.patients), latents.subject.shape).ravel())
    hours = arrays.timeline.hours
    if hours is not None:
        owners.append(jnp.broadcast_to(arrays.treated_patient, latents.treated.shape).ravel())
        owners.append(jnp.broadcast_to(hours.patient, latents.occasion.shape).ravel())
    owners.append(arrays.lacking)
    if arrays.lesions is not None:
        owners.append(jnp.broadcast_to(arrays.lesions.patient, latents.lesion.shape).ravel())
    return jnp.concatenate(owners)


def arrow_directions(size: int, n_population: int, index: np.ndarray) -> np.ndarray:
    """[direction, latent] along which derivatives give an arrow matrix.

    One per population quantity, then one per slot of all patients at once.

    Args:
        size: latents.
        n_population: those of the population; they come first.
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    slots = index.shape[1]
    vectors = np.zeros((n_population + slots, size + 1))
    vectors[np.arange(n_population), np.arange(n_population)] = 1.0
    vectors[n_population + np.arange(slots), np.where(index < 0, size, index)] = 1.0
    return vectors[:, :size]


def difference(dtype: Any) -> float:
    """Length of a step over which a difference of predictions becomes a derivative.

    Latents are standard deviations of a prior, so one length suits all: what it leaves out of a
    straight line and what rounding adds to it are of this size, too.
    """
    return float(np.sqrt(np.finfo(dtype).eps))


def neighbours(x: Any, n_population: int, index: np.ndarray) -> np.ndarray:
    """[1 + direction, latent] the point ``x``, and one step from it along each direction.

    Args:
        n_population, index: as of :func:`arrow_directions`.
    """
    x = np.asarray(x)
    steps = difference(x.dtype) * arrow_directions(len(x), n_population, index)
    return np.concatenate([x[None], (x + steps).astype(x.dtype)])


def expected_information(
    likelihood: CohortLikelihood,
    unravel: Callable[[jax.Array], Latents],
    points: jax.Array,
    predictions: Mapping[str, jax.Array],
    arrays: CohortArrays,
    noncentring: Noncentring,
) -> Information:
    """Information at a point.

    Args:
        unravel: from the flat vector to latents that are partly non-centred.
        points: from :func:`neighbours`.
        predictions: per quantity, [1 + direction, record] ln predictions of its quantified records
            there; per event, of the hazard that has passed.
        noncentring: how far the latents are non-centred.
    """
    hierarchy = likelihood.hierarchy
    n_population = len(hierarchy.quantities)
    start = unravel(points[0])
    population = hierarchy.population(start.population)
    residuals = hierarchy.model.table.residuals
    scales = {
        quantity: scale_at(
            residuals[quantity],
            own[0],
            sd_of(population.residual_sd[quantity], arrays.measured[quantity].quantified.sd),
        )
        for quantity, own in predictions.items()
        if quantity not in arrays.events
    }
    for event, model_of in hierarchy.model.hazards.items():
        scales[event] = _of_passed(jnp.exp(predictions[event][0]), model_of.exact)
    scales["subject"] = hierarchy.subject_prior(population, hierarchy.filled(arrays, start))[1]
    scales["lesion"] = hierarchy.lesion_prior_sd(population)
    stretch = noncentring.conditional(
        *hierarchy.subject_prior(population, hierarchy.filled(arrays, start))
    )[1]
    lesion_stretch = noncentring.of_lesions(scales["lesion"])[1]

    def outcomes(v: jax.Array, predicted: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        latents = unravel(v)
        prior = hierarchy.population(latents.population), hierarchy.filled(arrays, latents)
        mean, sd = hierarchy.subject_prior(*prior)
        centre, scale = noncentring.conditional(mean, sd)
        # What a scale teaches is counted by its logarithm, so here it is held fixed.
        subject = centre + stretch * latents.subject - mean, jnp.log(sd / scale)
        lesion_sd = hierarchy.lesion_prior_sd(prior[0])
        centre, scale = noncentring.of_lesions(lesion_sd)
        of_lesions = jnp.log(lesion_sd / scale) + jnp.zeros(latents.lesion.shape)
        lesion = centre + lesion_stretch * latents.lesion, of_lesions
        return _scaled_outcomes(likelihood, latents, predicted, subject, lesion, arrays, scales)

    step = difference(points.dtype)
    by_record, by_shared = (
        (values[1:] - values[0]) / step for values in jax.vmap(outcomes)(points, predictions)
    )
    owner = _owners(likelihood, start, predictions, arrays)
    own, coupling = by_record[n_population:].T, by_record[:n_population].T
    return Information(own, coupling, owner, by_shared[:n_population].T)  # type: ignore[arg-type]


def observed_information(
    gradient: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    directions: jax.Array,
    index: jax.Array,
) -> ArrowMatrix:
    """Minus the second derivatives of a log density whose patients are independent given the
    population, at ``x``.

    Args:
        gradient: of the log density, [latent] to [latent].
        directions: from :func:`arrow_directions`.
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    slots = index.shape[1]
    n_population = len(directions) - slots
    # Full batches only: a shorter last one would be compiled again.
    batches = jnp.pad(directions, [(0, -len(directions) % TANGENTS_AT_ONCE), (0, 0)])
    minus = jax.lax.map(
        lambda v: -jax.jvp(gradient, (x,), (v,))[1], batches, batch_size=TANGENTS_AT_ONCE
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
