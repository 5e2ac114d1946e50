"""Where a posterior is highest, found from several starts.

The densities of hard models have minor modes. So some prior draws climb a little beside the
prior's centre; the one that got highest goes on climbing, and is taken if it ends clearly higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.optimize
from threadpoolctl import threadpool_limits

from lymphokin.infer.density import CohortDensity, Gradients, flat
from lymphokin.infer.fit_error import FitError

ITERATIONS = 80
RIVALS = 16
RIVAL_ITERATIONS = 20
"""In the hardest posterior at hand, that of hares and lynxes, they bring one start in three to the
highest mode; so 16 starts miss it once in some 200 seeds."""
WALL = 1e100
"""Minus the log density where it is not finite: finite, so that a line search turns back."""

type Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Minus a log density and its gradient, [latent]."""


def climb(objective: Objective, start: np.ndarray, iterations: int, **options: float) -> Any:
    """What L-BFGS finds from a start; ``options`` are those of SciPy.

    On one thread of BLAS: its matrices are so small that sharing them out takes many times as long.
    """
    given: Any = {"maxiter": iterations, "maxcor": 20, **options}
    with threadpool_limits(1, user_api="blas"):
        return scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=given)


def highest(objective: Objective, first: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """The point to which L-BFGS climbs from ``first``, or from another start if clearly higher.

    Clearly: by more than the log density varies over a normal posterior of this many dimensions;
    less can be a climb that was cut short.

    Raises:
        FitError: when the density is not finite at any start.
    """
    possible = [x for x in others if objective(x)[0] < WALL]
    if not possible and objective(first)[0] >= WALL:
        raise FitError(
            "the fit could not start: the model cannot be solved at the centre of its priors nor "
            "at draws of them, as its log density is not finite there. If its states drive each "
            "other hard, let its file ask for an implicit solver, e.g. solver = "
            'AdaptiveSolver("kvaerno5"), or more max_steps'
        )
    found = climb(objective, first, ITERATIONS)
    if possible:
        short = [climb(objective, x, RIVAL_ITERATIONS) for x in possible]
        best = min(short, key=lambda climbed: climbed.fun)
        rival = climb(objective, best.x, ITERATIONS)
        if rival.fun < found.fun - np.sqrt(len(first) / 2):
            return rival.x
    return found.x


def objective_of(gradients: Gradients) -> Objective:
    """Minus a log density; where it is not finite, a wall."""

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        at = x.astype(jnp.result_type(float))
        (value,), (gradient,) = gradients(at[None])
        if not np.isfinite(value):
            return WALL, np.zeros_like(x)
        return -float(value), -gradient

    return objective


def rough_mode(density: CohortDensity, gradients: Gradients, seed: int) -> np.ndarray:
    """[latent] a point near the highest mode that the starts find.

    Args:
        density: the cohort.
        gradients: of the density that is climbed.
        seed: of the starts.
    """

    first = np.asarray(flat(density.start()))
    # Latents are standard deviations of a prior.
    starts = np.random.default_rng(seed).standard_normal((RIVALS, len(first)), dtype=first.dtype)
    return highest(objective_of(gradients), first, starts).astype(first.dtype)
