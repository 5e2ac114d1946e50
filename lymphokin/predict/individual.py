"""A patient's own parameters given the population and that patient's records so far.

Importance sampling around a normal approximation, for all patients at once: given the population,
patients are independent. For every population draw it gives weighted draws of the patient and an
estimate of how likely the patient's records are under that population.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from scipy.special import logsumexp

from lymphokin.infer.gaussian import Whitening, whitening_from
from lymphokin.infer.posterior import Posterior, flat
from lymphokin.population import CohortArrays, PackedCohort

NEWTON_STEPS = 12
LARGEST_MOVE = 1.0
PROPOSAL_DF = 8.0
"""Degrees of freedom of the proposal: heavier tails than the normal approximation."""
MOMENTS_COST = 2.0
"""Effective draws per dimension at which their moments are trusted by half."""


class IndividualDraws(NamedTuple):
    """Weighted draws of every patient, [population draw, draw, patient]."""

    log_weight: np.ndarray
    """ln weight; the mean weight over draws is the likelihood of the patient's records"""
    log_count: np.ndarray
    """ln of the true lymphocyte count at the patient's endpoint, 1e9/L"""
    residual_sd: np.ndarray
    """[population draw, component] SDs of the count's residual"""


def _approximation(quick: Posterior, arrays: CohortArrays, middle: jax.Array) -> Whitening:
    """Normal approximation of every patient's latents with the population at ``middle``."""
    index = jnp.asarray(quick.patient_index())
    slots = (index >= 0).sum(axis=1)
    hierarchy = quick.hierarchy
    mean, _ = jax.jit(lambda z: hierarchy.subject_prior(hierarchy.population(z), arrays))(middle)
    x = flat(quick.start()._replace(population=middle, subject=mean))

    @jax.jit
    def moved(whitening: Whitening, gradient: jax.Array) -> jax.Array:
        own = jnp.concatenate([gradient, jnp.zeros(1)])[whitening.index]
        move = jnp.einsum("psk,pk->ps", whitening.own, own)
        length = jnp.sqrt((move**2).sum(axis=1) / slots)
        move = move * jnp.minimum(1.0, LARGEST_MOVE / length)[:, None]
        step = jnp.einsum("psk,pk->ps", whitening.own, move)
        empty = jnp.zeros(len(gradient) + 1)
        return whitening.centre + empty.at[whitening.index].set(step)[:-1]

    for _ in range(NEWTON_STEPS):
        whitening = whitening_from(x, quick.information(x, arrays), index)
        x = moved(whitening, quick.density_and_gradient(x, arrays)[1])
    return whitening_from(x, quick.information(x, arrays), index)


class _Proposals(NamedTuple):
    """Proposed latents of all patients, [draw, ...]."""

    x: jax.Array
    """[latent]"""
    distance: jax.Array
    """[patient, slot] from the approximation's centre, in its standard deviations"""
    log_density: jax.Array
    """[patient]"""


@jax.jit
def _propose(whitening: Whitening, middle: jax.Array, z: jax.Array, key: jax.Array) -> _Proposals:
    """Latents of all patients for one population draw ``z``.

    The proposal is a Student t around the normal approximation, which follows the population.
    """
    present = whitening.index < len(whitening.centre)
    slots = present.sum(axis=1)
    key_normal, key_chi = jax.random.split(key)
    normal = jnp.where(present, jax.random.normal(key_normal, present.shape), 0.0)
    mix = jax.random.chisquare(key_chi, PROPOSAL_DF, (len(present), 1)) / PROPOSAL_DF
    t = normal / jnp.sqrt(mix)
    own = jnp.einsum("psk,pk->ps", whitening.own, t) + whitening.slope @ (z - middle)
    empty = jnp.zeros(len(whitening.centre) + 1)
    x = (whitening.centre + empty.at[whitening.index].set(own)[:-1]).at[: len(z)].set(z)
    log_det = jnp.linalg.slogdet(whitening.own)[1]
    spread = jnp.log1p((t**2).sum(axis=1) / PROPOSAL_DF)
    of_t = gammaln(0.5 * (PROPOSAL_DF + slots)) - gammaln(0.5 * PROPOSAL_DF)
    constant = of_t - 0.5 * slots * jnp.log(PROPOSAL_DF * jnp.pi)
    return _Proposals(x, t, constant - 0.5 * (PROPOSAL_DF + slots) * spread - log_det)


def _adapted(whitening: Whitening, distance: np.ndarray, log_weight: np.ndarray) -> Whitening:
    """The approximation moved and stretched to where weighted draws say that each patient is.

    Args:
        distance: [draw, patient, slot] of the draws, see :class:`_Proposals`.
        log_weight: [draw, patient], unnormalised.
    """
    absent = np.asarray(whitening.index) == len(whitening.centre)
    own, centre = np.array(whitening.own), np.array(whitening.centre)
    for patient, index in enumerate(np.asarray(whitening.index)):
        # Truncated weights (Ionides 2008, doi:10.1198/106186008X320456): a few draws may not rule.
        log_w = log_weight[:, patient] - logsumexp(log_weight[:, patient])
        w = np.exp(np.minimum(log_w, -0.5 * np.log(len(log_w))))
        w /= w.sum()
        d = distance[:, patient]
        trust = 1 / (1 + MOMENTS_COST * len(index) * (w**2).sum())
        mean = w @ d
        covariance = (d - mean).T @ (w[:, None] * (d - mean)) + np.diag(absent[patient] * 1.0)
        covariance = trust * covariance + (1 - trust) * np.eye(len(index))
        here = index[~absent[patient]]
        centre[here] += trust * (own[patient] @ mean)[~absent[patient]]
        own[patient] = own[patient] @ np.linalg.cholesky(covariance)
    return whitening._replace(centre=jnp.asarray(centre), own=jnp.asarray(own))


def draw_individuals(
    posterior: Posterior,
    quick: Posterior,
    given: Callable[[PackedCohort], CohortArrays],
    population_z: np.ndarray,
    endpoint_nodes: np.ndarray,
    draws: int,
    seed: int,
) -> IndividualDraws:
    """Weighted draws of all patients of a cohort for each draw of the population.

    Fewer draws that are thrown away come first: they tell where to propose.

    Args:
        posterior: the cohort.
        quick: the same with long steps, to find the first proposals.
        given: arrays of a packed cohort with the records to condition on.
        population_z: [population draw, quantity] population latents.
        endpoint_nodes: [patient] node of each patient's endpoint.
        draws: draws of each patient per population draw.
        seed: of the random numbers.
    """
    middle = jnp.asarray(population_z.mean(axis=0))
    whitening = _approximation(quick, given(quick.packed), middle)
    arrays = given(posterior.packed)
    patients = np.arange(len(endpoint_nodes))
    slots = (posterior.patient_index() >= 0).sum(axis=1)

    def weighted(
        whitening: Whitening, draws: int, key: jax.Array
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = jnp.repeat(jnp.asarray(population_z), draws, axis=0)
        keys = jax.random.split(key, len(z))
        proposals = jax.vmap(_propose, (None, None, 0, 0))(whitening, middle, z, keys)
        own, counts = [], []
        for part in posterior.evaluate(np.asarray(proposals.x), arrays):
            own.append(part.own_log_density)
            counts.append(part.outputs["alc"][:, endpoint_nodes, patients])
        # The posterior leaves out the constant of the latents' normal prior.
        own_log_density = np.concatenate(own) - 0.5 * slots * np.log(2 * np.pi)
        log_weight = own_log_density - np.asarray(proposals.log_density)
        return log_weight, np.concatenate(counts), np.asarray(proposals.distance)

    first, second = jax.random.split(jax.random.key(seed))
    log_weight, _, distance = weighted(whitening, draws // 2, first)
    better = _adapted(whitening, distance, log_weight)
    log_weight, counts, _ = weighted(better, draws, second)
    shape = (len(population_z), draws, len(patients))
    scale = jax.jit(jax.vmap(lambda z: posterior.hierarchy.population(z).residual_sd["alc"]))
    residual_sd = np.asarray(scale(jnp.asarray(population_z)))
    log_count = np.log(counts)
    return IndividualDraws(log_weight.reshape(shape), log_count.reshape(shape), residual_sd)
