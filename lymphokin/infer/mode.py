"""Where a posterior is highest, found from several starts.

The densities of hard models have minor modes. So some prior draws climb a little beside the
prior's centre; the one that got highest goes on climbing, and is taken if it ends clearly higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.optimize
from threadpoolctl import ThreadpoolController

from lymphokin.infer.density import CohortDensity, Gradients
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.noncentred_density import NoncentredDensity, NoncentredGradients

ITERATIONS = 80
RIVALS = 16
RIVAL_ITERATIONS = 20
"""In the hardest posterior at hand, that of hares and lynxes, they bring one start in three to the
highest mode; so 16 starts miss it once in some 200 seeds."""
RENEWALS = 2
"""Climbs after the first where lesions follow the population. In the second synthetic trial the
first ends where all lesions are alike, one renewal leads away and a third changes little."""
WALL = 1e100
"""Minus the log density where it is not finite: finite, so that a line search turns back."""

type Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Minus a log density and its gradient, [latent]."""


def climb(objective: Objective, start: np.ndarray, iterations: int, **options: float) -> Any:
    """What L-BFGS finds from a start; ``options`` are those of SciPy.

    On one thread of BLAS: its matrices are so small that sharing them out takes many times as long.
    """
    given: Any = {"maxiter": iterations, "maxcor": 20, **options}
    with _thread_pools().limit(limits=1, user_api="blas"):
        return scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=given)


@cache
def _thread_pools() -> ThreadpoolController:
    """Those of this process: finding them takes longer than a short climb."""
    return ThreadpoolController()


def highest(objective: Objective, first: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """As the first of :func:`climbed`."""
    return climbed(objective, first, others, 1, len(first))[0]


def climbed(
    objective: Objective, first: np.ndarray, others: Iterable[np.ndarray], most: int, leading: int
) -> list[np.ndarray]:
    """The points to which L-BFGS climbs from ``first`` and from some other starts.

    The first point is that from ``first``, or from the highest other start if clearly higher:
    by more than the log density varies over a normal posterior of this many dimensions; less can be
    a climb that was cut short.

    Args:
        objective: minus the log density.
        first: a start.
        others: starts that climb a little; of these the highest goes on, and those that are
            furthest from the ones chosen so far.
        most: how many go on.
        leading: coordinates, from the first on, whose distance counts.

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
    if not possible:
        return [found.x]
    short = [climb(objective, x, RIVAL_ITERATIONS) for x in possible]
    chosen = [min(short, key=lambda short: short.fun)]
    while len(chosen) < min(most, len(short)):
        near = [x.x[:leading] for x in chosen]
        distance = [min(np.linalg.norm(x.x[:leading] - one) for one in near) for x in short]
        chosen.append(short[int(np.argmax(distance))])
    ends = [climb(objective, start.x, ITERATIONS) for start in chosen]
    if ends[0].fun < found.fun - np.sqrt(len(first) / 2):
        return [ends[0].x, found.x, *(end.x for end in ends[1:])]
    return [found.x, *(end.x for end in ends)]


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
    return _climbs(density, gradients, seed, 1)[0]


def rough_modes(
    density: CohortDensity, gradients: NoncentredGradients, seed: int, most: int
) -> list[np.ndarray]:
    """Points near the modes that the starts find, that of :func:`rough_mode` first.

    Args:
        density: the cohort.
        gradients: of the density that is climbed, however far it is non-centred.
        seed: of the starts.
        most: starts that climb to the end, besides the prior's centre.

    Returns:
        [latent] points, as the parameter table writes them; several may be of one mode.
    """
    space = NoncentredDensity.about(density)
    climbs = _climbs(density, lambda u: gradients(u, space.noncentring), seed, most)
    if any(density.hierarchy.lesion_effects_that_follow):
        return [_climbed_again(space, gradients, u) for u in climbs]
    return list(space.latents(np.stack(climbs))[0])


def _climbed_again(
    space: NoncentredDensity, gradients: NoncentredGradients, u: np.ndarray
) -> np.ndarray:
    """[latent] where a climb leads that ended at ``u`` [latent], as the parameter table writes it.

    What records say of a lesion depends on their error. Where a climb has raised the error until
    lesions may be alike, they say next to nothing; taken relative to that the climb leads on.
    """
    for _ in range(RENEWALS):
        x, _ = space.latents(u[None])
        space = space.around(u)
        noncentring, start = space.noncentring, space.noncentred(x)[0]
        objective = objective_of(lambda v, renewed=noncentring: gradients(v, renewed))
        u = climb(objective, start, ITERATIONS).x.astype(u.dtype)
    return space.latents(u[None])[0][0]


def _climbs(density: CohortDensity, gradients: Gradients, seed: int, most: int) -> list[np.ndarray]:
    first = density.centre
    # Latents are standard deviations of a prior.
    starts = np.random.default_rng(seed).standard_normal((RIVALS, len(first)), dtype=first.dtype)
    quantities = len(density.hierarchy.quantities)
    found = climbed(objective_of(gradients), first, starts, most, quantities)
    return [x.astype(first.dtype) for x in found]
