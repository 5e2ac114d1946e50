"""The mode of a posterior, and Laplace's approximation: the normal with its curvature there.

The second derivatives are exact. They have the arrow shape of the posterior: patients meet only
through the population. The mode is that of all latents together, as the hierarchy writes them; in
a hierarchical model it can lie far from the bulk of the probability.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.factor import cholesky
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.gaussian import NormalApproximation, Whitening, linear, whitening_from
from lymphokin.infer.mode import climb, objective_of, rough_mode

ITERATIONS = 1000
FLAT = 0.01
"""Largest slope at a mode, in log density per SD: about the number of SDs to the mode."""


class Mode(NamedTuple):
    """A mode of a posterior density."""

    x: np.ndarray
    """[latent]"""
    log_density: float
    slope: float
    """largest derivative there, in log density per standard deviation"""


class NoModeError(FitError):
    """The climb to a mode did not end on one."""


def find_mode(density: CohortDensity, coarse: CohortDensity, seed: int) -> Mode:
    """The mode of a cohort's posterior.

    Args:
        density: the cohort.
        coarse: the same with long steps, for the first part of the way.
        seed: of the starts.

    Raises:
        NoModeError: when the climb does not end on a flat place.
    """
    near = rough_mode(density, coarse.gradients, seed)
    index = density.patient_index
    map_ = whitening_from(near, cholesky(density.information(near, density.arrays)), index)
    objective = objective_of(density.gradients)

    def in_standard_deviations(y: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(map_.to_latents(y))
        return value, map_.gradient(gradient)

    start = np.zeros(len(near))
    found = climb(in_standard_deviations, start, ITERATIONS, ftol=0.0, gtol=0.1 * FLAT)
    slope = float(np.abs(np.asarray(found.jac)).max())
    if slope > FLAT:
        raise NoModeError(
            f"no mode found: after {found.nit} iterations the log density still rises by "
            f"{slope:.2g} per standard deviation (expected at most {FLAT}); use method quick "
            "or hmc"
        )
    return Mode(map_.to_latents(found.x), -float(found.fun), slope)


def laplace(density: CohortDensity, mode: Mode) -> NormalApproximation:
    """The normal approximation with the posterior's own curvature at its mode.

    Raises:
        NoModeError: when the density curves upwards there in some direction.
    """
    curvature = density.curvature(mode.x, density.arrays)
    found = whitening_from(mode.x, cholesky(curvature), density.patient_index)
    if not all(np.isfinite(part).all() for part in found.arrays().values()):
        raise NoModeError(
            "Laplace's approximation does not exist here: at the point found the density curves "
            "upwards in some direction; use method quick or hmc"
        )
    return linear(found, density.as_written())


def spread_against_expected(found: Whitening, density: CohortDensity) -> float:
    """Median over the population of the SDs that the curvature gives, over those that the expected
    information at the same point would give.
    """
    information = cholesky(density.information(found.centre, density.arrays))
    expected = whitening_from(found.centre, information, density.patient_index)
    sds = [np.sqrt((np.asarray(w.population) ** 2).sum(axis=1)) for w in (found, expected)]
    return float(np.median(sds[0] / sds[1]))
