"""How far a normal approximation lies from the posterior, and draws that mend it.

Given the population, patients are independent. So each patient is weighed alone: of a few
candidates for a patient, proposed given one draw of the population, the mean weight estimates how
likely the patient's records are under that population, without bias. The product over patients
weighs the population with the patients integrated out (importance sampling squared; Tran et al.
2013, arXiv:1309.3339), in as many dimensions as there are population quantities, however many
patients there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.gaussian import NormalApproximation
from lymphokin.infer.weights import UNRELIABLE_PARETO_K, log_mean, smoothed

POPULATIONS = 500
"""Independent draws of the population."""
CANDIDATES = 5
"""Draws of every patient for each draw of the population."""


class Proposals(NamedTuple):
    """Draws of a normal approximation and their log densities, each up to a constant."""

    x: np.ndarray
    """[population draw, candidate, latent]"""
    population_prior: np.ndarray
    """[population draw] of the population latents"""
    population_approximation: np.ndarray
    """[population draw] of the population latents under the approximation"""
    own: np.ndarray
    """[population draw, candidate, patient] of a patient's latents and records given the
    population"""
    own_approximation: np.ndarray
    """[population draw, candidate, patient] of a patient's latents given the population, under
    the approximation"""

    @property
    def own_ratio(self) -> np.ndarray:
        """[population draw, candidate, patient] posterior over approximation, log."""
        return self.own - self.own_approximation

    @property
    def joint_ratio(self) -> np.ndarray:
        """[population draw] posterior over approximation of all latents together, log."""
        prior = self.population_prior - self.population_approximation
        return prior + self.own_ratio[:, 0].sum(axis=1)

    @property
    def population_ratio(self) -> np.ndarray:
        """[population draw] posterior over approximation of the population alone, log; patients
        are integrated out.
        """
        prior = self.population_prior - self.population_approximation
        return prior + log_mean(self.own_ratio).sum(axis=1)


class Reliability(NamedTuple):
    """Pareto k of the importance ratios: above 0.7 a few draws would carry all the weight."""

    joint: float
    """of all latents together"""
    population: float
    """of the population, patients integrated out"""
    patients: np.ndarray
    """[patient] of each patient's own latents with the population as approximated"""
    effective_draws: float
    """number of equally weighted draws that the weighted ones of the population are worth"""


def propose(density: CohortDensity, approximation: NormalApproximation, seed: int) -> Proposals:
    """Draws of an approximation, and what the posterior says of each."""
    rng, whitening = np.random.default_rng(seed), approximation.whitening
    n, size = len(whitening.population), len(whitening.centre)
    y = rng.standard_normal((POPULATIONS, CANDIDATES, size), dtype=whitening.centre.dtype)
    y[..., :n] = y[:, :1, :n]  # all candidates of a patient follow the same population
    of_population = -0.5 * (y[:, 0, :n] ** 2).sum(axis=1)
    of_patients = -0.5 * (whitening.by_patient(y) ** 2).sum(axis=-1)
    x, log_volume = approximation.latents(density, y.reshape(-1, size))
    own = [part.own_log_density for part in density.evaluate(x, density.arrays)]
    shape = of_patients.shape
    return Proposals(
        x.reshape(y.shape),
        density.log_prior(x[::CANDIDATES, :n]),
        of_population - np.linalg.slogdet(whitening.population)[1],
        np.concatenate(own).reshape(shape),
        of_patients - np.linalg.slogdet(whitening.own)[1] - log_volume.reshape(shape),
    )


def reliability(proposals: Proposals) -> Reliability:
    """How evenly the importance ratios spread over the draws."""
    _, joint = smoothed(proposals.joint_ratio[:, None, None])
    weights, population = smoothed(proposals.population_ratio[:, None, None])
    _, patients = smoothed(proposals.own_ratio)
    effective = float(1 / (weights**2).sum())
    return Reliability(float(joint[0]), float(population[0]), patients, effective)


def plain(proposals: Proposals) -> tuple[np.ndarray, np.ndarray]:
    """Independent draws of the approximation itself [draw, latent], and the posterior's log
    density of each [draw].
    """
    return proposals.x[:, 0], proposals.population_prior + proposals.own[:, 0].sum(axis=1)


def resampled(
    proposals: Proposals, found: Reliability, index: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`plain`, of draws that follow the posterior where the weights are reliable.

    Population draws are drawn again by their smoothed weights, or each stands once; then each
    patient's candidates by theirs, or the first is taken.

    Args:
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    rng = np.random.default_rng(seed)
    count = len(proposals.x)
    places = np.arange(count)
    if found.population <= UNRELIABLE_PARETO_K:
        weights, _ = smoothed(proposals.population_ratio[:, None, None])
        places = np.sort(rng.choice(count, count, p=weights[:, 0, 0]))
    log_weight = proposals.own_ratio[places]
    noise = rng.gumbel(size=log_weight.shape)  # the largest sum is a draw by the weights
    chosen = (log_weight + noise).argmax(axis=1)
    chosen = np.where(found.patients <= UNRELIABLE_PARETO_K, chosen, 0)
    candidate = np.zeros((count, proposals.x.shape[2]), int)
    for patient, slots in enumerate(index):
        candidate[:, slots[slots >= 0]] = chosen[:, [patient]]
    x = np.take_along_axis(proposals.x[places], candidate[:, None], axis=1)[:, 0]
    own = np.take_along_axis(proposals.own[places], chosen[:, None], axis=1)[:, 0]
    return x, proposals.population_prior[places] + own.sum(axis=1)
