"""What the patients of a fit say about their population, as a quadratic log likelihood.

The slope of the patients' marginal log likelihood (their own parameters integrated out) is the mean
slope of the joint log density over their parameters (Fisher's identity). Draws of a posterior give
one such slope each; their regression on the population's latents is the slope and curvature of a
quadratic. No prior enters: the posterior only decides where the draws lie. A quantity of which the
patients say nothing has a slope of zero in every draw, and so adds nothing.

Slopes by the patients' own latents are zero on average. Adding them with the weights by which
patients follow the population takes most of the noise away and changes no mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.infer import CohortDensity

FEWEST_DRAWS_PER_QUANTITY = 10
"""Different draws per population quantity below which a slope cannot be distinguished from noise
(judgement): the covariance of the draws is then known to a third."""
NOISE = 0.5
"""SD of the noise in a shared score, in those of one patient's (judgement: what an attack then
reads of a patient is little better than a guess, and a site of 30 moves by a tenth of its SD)."""


class Evidence(NamedTuple):
    """A log likelihood, score z - z precision z / 2 up to a constant, of population latents z."""

    score: np.ndarray
    """[quantity]"""
    precision: np.ndarray
    """[quantity, quantity] symmetric, never negative"""
    monte_carlo_error: float
    """largest error of the score along any direction, in SDs of the posterior behind the draws"""


def evidence_of(density: CohortDensity, x: np.ndarray) -> Evidence:
    """What the patients of a cohort say about their population.

    Args:
        density: the cohort under any prior.
        x: [draw, latent] draws of its posterior, patients included.

    Raises:
        ValueError: when too few of the draws differ.
    """
    quantities = len(density.hierarchy.quantities)
    draws, place = np.unique(x, axis=0, return_inverse=True)
    weight = np.bincount(place.ravel()) / len(x)
    needed = FEWEST_DRAWS_PER_QUANTITY * quantities
    if len(draws) < needed:
        raise ValueError(
            f"{len(draws)} different draws of {quantities} population quantities are too few to "
            f"say what the patients have taught: expected at least {needed}; sample more draws"
        )
    slopes = _slopes(density.with_prior(None), draws, weight)
    z = draws[:, :quantities]
    mean = weight @ z
    root = np.linalg.cholesky(
        np.cov(z, rowvar=False, aweights=weight, ddof=0).reshape(2 * (quantities,))
    )
    inverse = np.linalg.inv(root)
    u, slope = (z - mean) @ inverse.T, slopes @ root
    at_mean = weight @ slope
    cross = (weight[:, None] * slope).T @ u
    values, vectors = np.linalg.eigh(-0.5 * (cross + cross.T))
    curvature = (vectors * np.maximum(values, 0)) @ vectors.T
    rest = slope - at_mean + u @ curvature
    error = np.sqrt((weight**2) @ rest**2)
    precision = inverse.T @ curvature @ inverse
    score = inverse.T @ at_mean + precision @ mean
    return Evidence(score, 0.5 * (precision + precision.T), float(error.max()))


def blurred(evidence: Evidence, patients: int, seed: int) -> Evidence:
    """The evidence with noise that hides what a single patient adds.

    One patient's score scatters with the precision over the number of patients. Noise of
    :data:`NOISE` times that costs no more than that share of a patient's information; the precision
    is that of what is left.

    Args:
        evidence: of the patients.
        patients: how many.
        seed: known to nobody who has not the patients.
    """
    values, vectors = np.linalg.eigh(evidence.precision)
    root = vectors * np.sqrt(np.maximum(values, 0))
    noise = root @ np.random.default_rng(seed).standard_normal(len(values))
    kept = 1 / (1 + NOISE**2 / patients)
    score = kept * (evidence.score + NOISE / patients**0.5 * noise)
    return evidence._replace(score=score, precision=kept * evidence.precision)


def _slopes(density: CohortDensity, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[draw, quantity] unbiased slopes of the patients' marginal log likelihood.

    Args:
        density: the cohort under the prior of the table, which is standard normal.
        x: [draw, latent] draws of a posterior of it.
        weight: [draw] of each.
    """
    quantities, index = len(density.hierarchy.quantities), density.patient_index
    information = density.information(weight @ x, density.arrays)
    following = -np.linalg.solve(information.own, information.coupling)
    _, gradient = density.gradients(x)
    padded = np.concatenate([gradient, np.zeros((len(x), 1))], axis=1)
    own = padded[:, np.where(index < 0, gradient.shape[1], index)]
    of_population = gradient[:, :quantities] + x[:, :quantities]  # without the prior's slope
    return of_population + np.einsum("psq,dps->dq", following, own, optimize=True)
