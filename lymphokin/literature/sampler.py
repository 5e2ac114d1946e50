"""Hamiltonian Monte Carlo for a few dozen unknowns whose density is costly to compile.

The density is compiled once, with the weights of the studies as arguments, and serves the search
for the mode, its curvature, every chain and every study left out. The sampler moves in the space in
which the normal approximation at the mode is standard normal, so that short trajectories of random
length are enough (Neal 2011, arXiv:1206.1901).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from threadpoolctl import threadpool_limits

TARGET_ACCEPTANCE = 0.85
STEP_GAIN = 0.5
TRAJECTORY = 0.75 * np.pi
FIRST_STEP = 0.3
CURVATURE_STEP = 0.05
PILOT_TRUST = 2.0
"""Draws per unknown after which the pilot's covariance counts as much as the curvature."""

type Density = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Log density of a point and its gradient, up to a constant."""


class Approximation(NamedTuple):
    """Normal approximation: ``x = centre + root @ y`` with ``y`` nearly standard normal."""

    centre: np.ndarray
    root: np.ndarray


class Chain(NamedTuple):
    """Draws of one chain, [draw, unknown], with the share of proposals accepted."""

    x: np.ndarray
    acceptance: float


def approximate(density: Density, start: np.ndarray) -> Approximation:
    """Mode and curvature there."""

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(x)
        return -value, -gradient

    with threadpool_limits(1, user_api="blas"):  # small matrices: threads cost more than they gain
        found = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B")
    size = len(start)
    steps = CURVATURE_STEP * np.eye(size)
    hessian = np.stack([density(found.x + s)[1] - density(found.x - s)[1] for s in steps])
    precision = -0.5 * (hessian + hessian.T) / (2 * CURVATURE_STEP)
    values, vectors = np.linalg.eigh(precision)
    # The prior is standard normal: no direction is less certain than it by much.
    return Approximation(found.x, vectors / np.sqrt(np.maximum(values, 0.5)))


def sample(
    density: Density,
    approximation: Approximation,
    pilot: int,
    warmup: int,
    draws: int,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
) -> Chain:
    """Draws of a density.

    Args:
        pilot: draws that correct the approximation and are not kept.
        warmup: draws that let the step size settle and are not kept.
        on_progress: called with the draws done and in total.
    """
    total = pilot + warmup + draws
    size = len(approximation.centre)
    step, kept, accepted = FIRST_STEP, np.empty((total, size)), np.zeros(total)
    centre, root = approximation
    y = rng.standard_normal(size)
    at = _at(density, centre, root, y)
    for i in range(total):
        if i == pilot:
            centre, root = _corrected(root, kept[pilot // 3 : pilot])
            y = np.linalg.solve(root, kept[i - 1] - centre)
            at = _at(density, centre, root, y)
        y, at, accepted[i] = _transition(density, centre, root, y, at, step, rng)
        kept[i] = centre + root @ y
        if i < pilot + warmup:
            step *= np.exp(STEP_GAIN * (accepted[i] - TARGET_ACCEPTANCE) / (1 + i / 50))
        on_progress(i + 1, total)
    return Chain(kept[pilot + warmup :], float(accepted[pilot + warmup :].mean()))


def _at(
    density: Density, centre: np.ndarray, root: np.ndarray, y: np.ndarray
) -> tuple[float, np.ndarray]:
    value, gradient = density(centre + root @ y)
    return value, root.T @ gradient


def _corrected(root: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and root by the pilot's draws, as far as their number allows."""
    size = draws.shape[1]
    trust = len(draws) / (len(draws) + PILOT_TRUST * size)
    seen = np.linalg.solve(root, (draws - draws.mean(axis=0)).T)
    covariance = trust * np.cov(seen) + (1 - trust) * np.eye(size)
    return draws.mean(axis=0), root @ np.linalg.cholesky(covariance)


def _transition(
    density: Density,
    centre: np.ndarray,
    root: np.ndarray,
    y: np.ndarray,
    at: tuple[float, np.ndarray],
    step: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, tuple[float, np.ndarray], float]:
    """One trajectory: the next point, the density there, and the probability of acceptance."""
    momentum = rng.standard_normal(len(y))
    energy = at[0] - 0.5 * momentum @ momentum
    length = step * rng.uniform(0.8, 1.2)
    position, gradient, value = y, at[1], at[0]
    for _ in range(max(1, round(rng.uniform(0.6, 1.4) * TRAJECTORY / length))):
        momentum = momentum + 0.5 * length * gradient
        position = position + length * momentum
        value, gradient = _at(density, centre, root, position)
        if not np.isfinite(value):
            return y, at, 0.0
        momentum = momentum + 0.5 * length * gradient
    probability = float(np.exp(min(0.0, value - 0.5 * momentum @ momentum - energy)))
    if rng.uniform() < probability:
        return position, (value, gradient), probability
    return y, at, probability
