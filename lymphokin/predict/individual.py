"""A patient's own parameters given the population and that patient's records so far.

Importance sampling around a normal approximation, for all patients at once: given the population,
patients are independent. For every population draw it gives weighted draws of the patient and an
estimate of how likely the patient's records are under that population.

It compiles for a cohort's shape and takes gradients, which pays for many patients; a page for one
patient has an engine without either. :mod:`lymphokin.whatif.condition` says what both cost.

The proposal has heavy tails, and far out in them a model may have no solution (cells that are all
killed, divided by). Such a draw weighs nothing; where they would matter, there is no forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from scipy.special import gammaln, logsumexp

from lymphokin.infer.density import CohortDensity, flat
from lymphokin.infer.evaluated import Evaluated
from lymphokin.infer.factor import cholesky
from lymphokin.infer.gaussian import Whitening, whitening_from
from lymphokin.infer.information import ArrowMatrix
from lymphokin.population import CohortArrays
from lymphokin.population.no_forecast import MOST_DRAWS_UNSOLVED, NoForecastError

NEWTON_STEPS, MOST_NEWTON_STEPS = 12, 60
"""Steps that are always made, and those after which a patient who is far from the others is left
where the climb has come: such a patient takes one for every SD."""
LARGEST_MOVE, SETTLED = 1.0, 0.1
"""Longest step, and that of a climb that has arrived, in standard deviations per dimension."""
PROPOSAL_DF = 8.0
"""Degrees of freedom of the proposal: heavier tails than the normal approximation."""
MOMENTS_COST = 2.0
"""Effective draws per dimension at which their moments are trusted by half."""
MOST_WEIGHT_UNSOLVED = 1e-3
"""Share of a patient's weight on draws for which the model gives no count, up to which these are
left out: a risk is then off by no more than this share (judgement)."""


class IndividualDraws(NamedTuple):
    """Weighted draws of every patient, [population draw, draw, patient]."""

    log_weight: np.ndarray
    """ln weight; the mean weight over draws is the likelihood of the patient's records"""
    read: np.ndarray
    """[..., number] what was read of each draw's curves, NaN where the model has no number"""


def _usable(information: ArrowMatrix, slope: np.ndarray) -> np.ndarray:
    """[patient] whether the model has a solution around a point: without it nothing is known."""
    parts = (information.own, information.coupling, slope[..., None])
    finite = np.all([np.isfinite(part).all(axis=(1, 2)) for part in parts], axis=0)
    own = np.where(finite[:, None, None], information.own, np.eye(information.own.shape[1]))
    return finite & (np.linalg.eigvalsh(own) > 0).all(axis=1)


def _own_whitening(
    density: CohortDensity, x: np.ndarray, information: ArrowMatrix, usable: np.ndarray
) -> Whitening:
    """The map around ``x``, of the patients alone; of those not ``usable`` a wide one."""
    n_population, slots = len(density.hierarchy.quantities), information.own.shape[1]
    keep = usable[:, None, None]
    usable_information = ArrowMatrix(
        np.eye(n_population, dtype=x.dtype),
        np.where(keep, information.own, np.eye(slots, dtype=x.dtype)),
        np.where(keep, information.coupling, np.zeros((), x.dtype)),
    )
    whitening = whitening_from(x, cholesky(usable_information), density.patient_index)
    # The population stays where it is; its root is not needed.
    return whitening._replace(population=np.eye(n_population, dtype=x.dtype))


def _approximation(density: CohortDensity, arrays: CohortArrays, middle: np.ndarray) -> Whitening:
    """Normal approximation of every patient's latents with the population at ``middle``."""
    index, hierarchy = density.patient_index, density.hierarchy
    slots = (index >= 0).sum(axis=1)
    mean, _ = jax.jit(lambda z: hierarchy.subject_prior(hierarchy.population(z), arrays))(middle)
    x = np.asarray(flat(density.start()._replace(population=middle, subject=mean)))
    safe = None
    for step in range(MOST_NEWTON_STEPS + 1):
        information, slope = density.information_and_slope(x, arrays)
        usable = _usable(information, slope)
        whitening = _own_whitening(density, x, information, usable)
        here = whitening.by_patient(x)
        move = whitening.own_gradient(np.where(usable[:, None], slope, np.zeros((), x.dtype)))
        length = np.sqrt((move**2).sum(axis=1, keepdims=True) / np.maximum(1, slots)[:, None])
        settled = bool((length <= SETTLED).all())
        if step == MOST_NEWTON_STEPS or (step >= NEWTON_STEPS and settled):
            break
        move = move / np.maximum(1.0, length / LARGEST_MOVE)
        moved = whitening.to_latents(whitening.together(np.zeros_like(middle), move))
        # Who was led to where there is no solution goes half of the way back.
        safe = here if safe is None else np.where(usable[:, None], here, safe)
        ahead = np.where(usable[:, None], whitening.by_patient(moved), 0.5 * (here + safe))
        x = whitening.together(middle, ahead)
    return whitening


class _Proposals(NamedTuple):
    """Proposed latents of all patients, [draw, ...]."""

    x: np.ndarray
    """[latent]"""
    distance: np.ndarray
    """[patient, slot] from the approximation's centre, in its standard deviations"""
    log_density: np.ndarray
    """[patient]"""


def _propose(whitening: Whitening, z: np.ndarray, rng: np.random.Generator) -> _Proposals:
    """Latents of all patients for each of the population draws ``z`` [draw, quantity].

    The proposal is a Student t around the normal approximation, which follows the population.
    """
    present = whitening.index < len(whitening.centre)
    slots = present.sum(axis=1)
    normal = rng.standard_normal((len(z), *present.shape)) * present
    mix = rng.chisquare(PROPOSAL_DF, (*normal.shape[:2], 1)) / PROPOSAL_DF
    t = (normal / np.sqrt(mix)).astype(z.dtype)
    moved = z - whitening.centre[: z.shape[1]]
    x = whitening.centre + whitening.together(moved, whitening.own_move(moved, t))
    log_det = np.linalg.slogdet(whitening.own)[1]
    spread = np.log1p((t**2).sum(axis=2) / PROPOSAL_DF)
    of_t = gammaln(0.5 * (PROPOSAL_DF + slots)) - gammaln(0.5 * PROPOSAL_DF)
    constant = of_t - 0.5 * slots * np.log(PROPOSAL_DF * np.pi)
    return _Proposals(x, t, constant - 0.5 * (PROPOSAL_DF + slots) * spread - log_det)


def _adapted(whitening: Whitening, distance: np.ndarray, log_weight: np.ndarray) -> Whitening:
    """The approximation moved and stretched to where weighted draws say that each patient is.

    Args:
        distance: [draw, patient, slot] of the draws, see :class:`_Proposals`.
        log_weight: [draw, patient], unnormalised.
    """
    absent = whitening.index == len(whitening.centre)
    own, centre = whitening.own.copy(), whitening.centre.copy()
    for patient, index in enumerate(whitening.index):
        if np.isneginf(log_weight[:, patient]).all():
            continue  # nothing is known of where the patient is
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
    return whitening._replace(centre=centre, own=own)


class Proposed(NamedTuple):
    """Proposed draws of all patients, [population draw times draw, ...]."""

    x: np.ndarray
    """[latent] flat latents"""
    own_log_density: np.ndarray
    """[patient] of a patient's latents and records given the population"""
    log_proposal: np.ndarray
    """[patient] of a patient's latents under the proposal"""
    read: np.ndarray
    """[patient, number]"""

    @property
    def log_weight(self) -> np.ndarray:
        """[patient] minus infinity where the density is not known."""
        log_weight = self.own_log_density - self.log_proposal
        return np.where(np.isfinite(log_weight), log_weight, -np.inf)


def proposed_individuals(
    density: CohortDensity,
    arrays: CohortArrays,
    population_z: np.ndarray,
    draws: int,
    seed: int,
    read: Callable[[Evaluated], np.ndarray],
) -> Proposed:
    """Draws of all patients around their normal approximations; see :func:`draw_individuals` for
    the arguments.
    """
    rng = np.random.default_rng(seed)
    whitening = _approximation(density, arrays, population_z.mean(axis=0))
    slots = (density.patient_index >= 0).sum(axis=1)

    def proposed(whitening: Whitening, draws: int) -> tuple[Proposed, np.ndarray]:
        proposals = _propose(whitening, np.repeat(population_z, draws, axis=0), rng)
        densities, numbers = [], []
        for part in density.evaluate(proposals.x, arrays):
            densities.append(part.own_log_density)
            numbers.append(read(part))
        # The posterior leaves out the constant of the latents' normal prior.
        own_log_density = np.concatenate(densities) - 0.5 * slots * np.log(2 * np.pi)
        found = (proposals.x, own_log_density, proposals.log_density, np.concatenate(numbers))
        return Proposed(*found), proposals.distance

    first, distance = proposed(whitening, max(1, draws // 2))
    return proposed(_adapted(whitening, distance, first.log_weight), draws)[0]


def _refuse_unsolved(density: CohortDensity, log_weight: np.ndarray, solved: np.ndarray) -> None:
    """Refuse patients for whom draws without a number matter.

    Args:
        log_weight: [draw, patient] -inf where the density is not known.
        solved: [draw, patient] whether there is a count.
    """
    unknown = np.isneginf(log_weight).mean(axis=0)
    some = np.maximum(log_weight.max(axis=0), np.finfo(log_weight.dtype).min)
    weight = np.exp(log_weight - some)
    share = (weight * ~solved).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
    refused = (unknown > MOST_DRAWS_UNSOLVED) | (share > MOST_WEIGHT_UNSOLVED)
    if not refused.any():
        return
    worst = np.maximum(unknown, share)[refused].max()
    raise no_forecast(density, refused, f"in up to {worst:.1%} of their draws its equations have")


def no_forecast(density: CohortDensity, refused: np.ndarray, why: str) -> NoForecastError:
    """The refusal of some patients of a cohort, [patient] ``refused``."""
    names = ", ".join(map(str, density.packed.cohort.patients.index[refused]))
    return NoForecastError(
        f"model {density.likelihood.model.name} has no forecast for patient(s) {names}: {why} no "
        "finite solution. Leave them out, or take another model"
    )


def draw_individuals(
    density: CohortDensity,
    arrays: CohortArrays,
    population_z: np.ndarray,
    read: Callable[[Evaluated], np.ndarray],
    draws: int,
    seed: int,
) -> IndividualDraws:
    """Weighted draws of all patients of a cohort for each draw of the population.

    Fewer draws that are thrown away come first: they show where to propose. Draws for which the
    model has no number weigh nothing.

    Args:
        density: the cohort.
        arrays: the cohort's arrays, in which only the records to condition on weigh anything.
        population_z: [population draw, quantity] population latents.
        read: what is wanted of the curves of some draws, [draw, patient, number]; not finite where
            the model has no number.
        draws: draws of each patient per population draw.
        seed: of the random numbers.

    Raises:
        NoForecastError: when they would matter.
    """
    proposed = proposed_individuals(density, arrays, population_z, draws, seed, read)
    log_weight, numbers = proposed.log_weight, proposed.read
    solved = np.isfinite(numbers).all(axis=2)
    _refuse_unsolved(density, log_weight, solved)
    log_weight = np.where(solved, log_weight, -np.inf)
    shape = (len(population_z), draws, log_weight.shape[1])
    numbers = np.where(solved[..., None], numbers, np.nan)
    return IndividualDraws(log_weight.reshape(shape), numbers.reshape(*shape, -1))
