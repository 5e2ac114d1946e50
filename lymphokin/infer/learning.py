"""What draws of a pilot run teach about the map in which the next run moves."""

from __future__ import annotations

import numpy as np

from lymphokin.infer.bend import DIRECTIONS, Bend, products
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.factor import ArrowFactor, mean_factor
from lymphokin.infer.gaussian import (
    NormalApproximation,
    Whitening,
    linear,
    refined,
    whitening_from,
)
from lymphokin.infer.noncentred_density import NoncentredDensity, NoncentredGradients

INFORMATION_DRAWS = 8
"""Draws at which the information is averaged, and as many at which widths are compared."""
MODE_DRAWS = 100
"""Draws of the population for which the patients' modes are found."""
STEPS = 10
"""Steps to a mode; where the map is about right each leaves a fraction of the way."""
LONGEST_STEP = 1.0
"""In standard deviations of a patient's latents."""
RIDGE = 0.1
"""Weight, in draws, of centres and widths that do not change."""


def learnt_from(
    density: CohortDensity,
    gradients: NoncentredGradients,
    approximation: NormalApproximation,
    x: np.ndarray,
    settled: bool = True,
) -> NormalApproximation:
    """The approximation corrected by draws of the posterior.

    The information is averaged over where the draws are, and the draws' own covariance corrects it.
    How patients follow the population is not read off the draws, whose noise would add up over
    patients to a population that cannot move: the patients' modes are found for many populations.

    Args:
        density: the cohort.
        gradients: of its density or of one near it.
        approximation: in which the draws were found.
        x: [draw, latent] as the parameter table writes them.
        settled: whether the draws cover the posterior; else patients follow along straight lines.
    """
    before = NoncentredDensity(density, approximation.noncentring)
    space = before.around(before.noncentred(x).mean(axis=0))
    u = space.noncentred(x)
    factors = [space.factor(point) for point in _some(u, INFORMATION_DRAWS)]
    whitening = whitening_from(u.mean(axis=0), _mean(factors), density.patient_index)
    whitening = refined(whitening, u)
    if not (settled and whitening.own.size):
        return linear(whitening, space.noncentring)
    some = _some(u, MODE_DRAWS)
    n = len(whitening.population)
    population = whitening.from_latents(some)[:, :n]
    modes = _modes(space, gradients, whitening, population)
    slopes = gradients(some, space.noncentring)[1]
    straight = _followed(whitening, _regression(population, modes))
    directions = _tightest(straight.gradient(slopes)[:, :n])
    found = _regression(np.hstack([population, products(population @ directions)]), modes)
    stretch = _stretch(space, whitening, population, modes, directions)
    whitening = _followed(whitening, found[: 1 + n])
    curve = np.moveaxis(found[1 + n :], 0, -1)
    return NormalApproximation(whitening, space.noncentring, Bend(directions, curve, stretch))


def _some(values: np.ndarray, count: int) -> np.ndarray:
    """Evenly spaced draws."""
    chosen = np.linspace(0, len(values) - 1, min(count, len(values)))
    return values[chosen.round().astype(int)]


def _mean(factors: list[ArrowFactor]) -> ArrowFactor:
    """The factor of the mean of some matrices."""
    mean, *others = factors
    for i, factor in enumerate(others, 2):
        mean = mean_factor(mean, factor, 1 / i)
    return mean


def _modes(
    space: NoncentredDensity,
    gradients: NoncentredGradients,
    whitening: Whitening,
    population: np.ndarray,
) -> np.ndarray:
    """[draw, patient, slot] where patients are most likely given the population, all whitened.

    Steps along the gradient, in a space where a step of 1 leads to the mode of a normal; a patient
    whose slope does not fall takes shorter ones.

    Args:
        population: [draw, quantity] whitened.
    """
    own = np.zeros((len(population), *whitening.index.shape), population.dtype)
    length, before = np.ones((*own.shape[:2], 1)), np.inf
    for _ in range(STEPS):
        y = whitening.together(population, own)
        slope = whitening.gradient(gradients(whitening.to_latents(y), space.noncentring)[1])
        move = np.nan_to_num(whitening.by_patient(slope))
        size = np.sqrt((move**2).sum(axis=2, keepdims=True))
        length = np.where(size < before, length, 0.5 * length)
        before = size
        own = own + length * move * np.minimum(1.0, LONGEST_STEP / np.maximum(size, 1e-300))
    return own


def _regression(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[1 + column, patient, slot] constant and coefficients of ``values`` [draw, patient, slot] on
    ``columns`` [draw, column].
    """
    design = np.hstack([np.ones((len(columns), 1), columns.dtype), columns])
    ridge = RIDGE * np.eye(design.shape[1], dtype=columns.dtype)
    ridge[0, 0] = 0.0
    weights = np.linalg.solve(design.T @ design + ridge, design.T)
    return np.tensordot(weights, values, axes=1)


def _followed(whitening: Whitening, found: np.ndarray) -> Whitening:
    """The map whose patients follow the whitened population as a regression found.

    Args:
        found: [1 + quantity, patient, slot] from :func:`_regression` on the population.
    """
    inverse = np.linalg.inv(whitening.population)
    own = whitening.own
    slope = np.einsum("psk,qpk,qr->psr", own, found[1:], inverse, optimize=True)
    shift = np.einsum("psk,pk->ps", own, found[0])
    nowhere = np.zeros(len(inverse), whitening.centre.dtype)
    return whitening._replace(
        centre=whitening.centre + whitening.together(nowhere, shift),
        slope=whitening.slope + slope,
    )


def _tightest(slopes: np.ndarray) -> np.ndarray:
    """[quantity, direction] in which the log density is steepest, of slopes [draw, quantity] where
    the population has a variance of 1.
    """
    known = slopes[np.isfinite(slopes).all(axis=1)]
    _, vectors = np.linalg.eigh(known.T @ known)
    return vectors[:, ::-1][:, :DIRECTIONS]


def _stretch(
    space: NoncentredDensity,
    whitening: Whitening,
    population: np.ndarray,
    modes: np.ndarray,
    directions: np.ndarray,
) -> np.ndarray:
    """[patient, slot, direction] how the logarithms of the patients' widths change.

    Args:
        population: [draw, quantity] whitened.
        modes: [draw, patient, slot] of the patients there.
        directions: from :func:`_tightest`.
    """
    y = whitening.together(population, modes)
    log_widths = []
    for point in whitening.to_latents(_some(y, INFORMATION_DRAWS)):
        root = np.linalg.inv(space.factor(point).own @ whitening.own)
        log_widths.append(0.5 * np.log((root**2).sum(axis=2)))
    along = _some(population, INFORMATION_DRAWS) @ directions
    return np.moveaxis(_regression(along, np.nan_to_num(np.stack(log_widths)))[1:], 0, -1)
