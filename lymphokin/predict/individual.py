"""A patient's own parameters given the population and that patient's records so far.

Importance sampling around a normal approximation, for all patients at once: given the population,
patients are independent. For every population draw it gives weighted draws of the patient and an
estimate of how likely the patient's records are under that population.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer.gaussian import whitening_from
from lymphokin.infer.information import expected_information
from lymphokin.infer.posterior import Posterior, flat
from lymphokin.population import CohortArrays, Latents

NEWTON_STEPS = 12
LARGEST_MOVE = 1.0
PROPOSAL_DF = 8.0
"""Degrees of freedom of the proposal: heavier tails than the normal approximation."""


class IndividualDraws(NamedTuple):
    """Weighted draws of every patient, [population draw, draw, patient]."""

    log_weight: np.ndarray
    """unnormalised; its mean over draws is the likelihood of the patient's records"""
    log_count: np.ndarray
    """ln of the true lymphocyte count at the patient's endpoint, 1e9/L"""
    residual_sd: np.ndarray
    """[population draw] residual SD of ln count"""


def _log_joint_by_patient(
    posterior: Posterior, latents: Latents, arrays: CohortArrays
) -> tuple[jax.Array, jax.Array]:
    """Log density of each patient's latents and records given the population, and ln counts."""
    hierarchy = posterior.hierarchy
    population = hierarchy.population(latents.population)
    mean, sd = hierarchy.subject_prior(population, arrays)
    # Constants of the normal densities are the proposal's too, and cancel.
    value = (-0.5 * ((latents.subject - mean) / sd) ** 2 - jnp.log(sd)).sum(axis=0)
    hours = arrays.timeline.hours
    if hours is not None:
        value = value.at[arrays.treated_patient].add(-0.5 * (latents.treated**2).sum(axis=0))
        value = value.at[hours.patient].add(-0.5 * (latents.occasion**2).sum(axis=0))
    log_likelihood, solution = posterior.likelihood.by_patient(latents, arrays)
    return value + log_likelihood, jnp.log(solution.outputs["alc"])


def draw_individuals(
    posterior: Posterior,
    population_z: np.ndarray,
    endpoint_nodes: np.ndarray,
    draws: int,
    seed: int,
) -> IndividualDraws:
    """Weighted draws of all patients of a cohort for each draw of the population.

    Args:
        posterior: the cohort with the records to condition on.
        population_z: [population draw, quantity] population latents.
        endpoint_nodes: [patient] node of each patient's endpoint.
        draws: draws of each patient per population draw.
        seed: of the random numbers.
    """
    index = posterior.patient_index()
    slots = jnp.asarray((index >= 0).sum(axis=1))
    n_population = population_z.shape[1]
    middle = jnp.asarray(population_z.mean(axis=0))
    unravel = posterior.unravel()
    arrays = posterior.arrays
    information_at = jax.jit(lambda x, a: expected_information(posterior, x, a, index))
    gradient_at = jax.jit(jax.grad(lambda x, a: posterior.log_density(x, a)))

    mean, _ = posterior.hierarchy.subject_prior(posterior.hierarchy.population(middle), arrays)
    start = posterior.start()._replace(population=middle, subject=mean)
    x = flat(start)
    for _ in range(NEWTON_STEPS):
        whitening = whitening_from(x, information_at(x, arrays), index)
        gradient = jnp.concatenate([gradient_at(x, arrays), jnp.zeros(1)])[whitening.index]
        move = jnp.einsum("psk,pk->ps", whitening.own, gradient)
        length = jnp.sqrt((move**2).sum(axis=1) / slots)
        move = move * jnp.minimum(1.0, LARGEST_MOVE / length)[:, None]
        step = jnp.einsum("psk,pk->ps", whitening.own, move)
        x = jnp.zeros(len(x) + 1).at[whitening.index].set(step)[:-1] + x
    whitening = whitening_from(x, information_at(x, arrays), index)
    log_det = jnp.linalg.slogdet(whitening.own)[1]
    present = jnp.asarray(index >= 0)
    nodes, patients = jnp.asarray(endpoint_nodes), jnp.arange(len(index))

    def one(z: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        key_normal, key_chi = jax.random.split(key)
        normal = jnp.where(present, jax.random.normal(key_normal, index.shape), 0.0)
        mix = jax.random.chisquare(key_chi, PROPOSAL_DF, (len(index), 1)) / PROPOSAL_DF
        t = normal / jnp.sqrt(mix)
        own = jnp.einsum("psk,pk->ps", whitening.own, t) + whitening.slope @ (z - middle)
        change = jnp.zeros(len(x) + 1).at[whitening.index].set(own)[:-1]
        latents = unravel((x + change).at[:n_population].set(z))
        joint, log_counts = _log_joint_by_patient(posterior, latents, arrays)
        exponent = 0.5 * (PROPOSAL_DF + slots)
        log_proposal = -exponent * jnp.log1p((t**2).sum(axis=1) / PROPOSAL_DF) - log_det
        return joint - log_proposal, log_counts[nodes, patients]

    @jax.jit
    def all_draws(z: jax.Array, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.lax.map(lambda a: jax.lax.map(lambda k: one(a[0], k), a[1]), (z, keys))

    keys = jax.random.split(jax.random.key(seed), (len(population_z), draws))
    log_weight, log_count = all_draws(jnp.asarray(population_z), keys)
    residual = [
        float(posterior.hierarchy.population(jnp.asarray(z)).residual_sd["alc"])
        for z in population_z
    ]
    return IndividualDraws(np.asarray(log_weight), np.asarray(log_count), np.asarray(residual))
