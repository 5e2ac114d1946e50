"""Hamiltonian Monte Carlo whose trajectories have a random length, instead of NUTS, as ours moves.

In the space that a fit's map whitens: trajectories follow the density with long steps, and where
one ends faces the accurate density, as in `lymphokin/infer/transition.py`. The step size follows
the acceptance as there. Written in NumPy, so that nothing but the densities is compiled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from contenders.samplers import TARGET, Drawn
from lymphokin.infer.nuts import FIRST_STEP, step_correction

SHORTEST = 0.2
"""Of the longest trajectory: lengths are uniform between the two."""
TOGETHER = 25
"""Transitions after which the step size follows the acceptance."""

type ValueAndSlope = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def jittered_hmc(
    followed: ValueAndSlope,
    accurate: ValueAndSlope,
    size: int,
    chains: int,
    draws: int,
    warmup: int,
    longest: float,
) -> Drawn:
    """Draws of chains that begin where the map says that the posterior is.

    Args:
        followed: log density with long steps, and its gradient.
        accurate: the accurate one.
        size: latents.
        longest: length of the longest trajectory, in SDs of the map.
    """
    x, gradients = np.empty((chains, draws, size)), np.zeros(2)
    rng = np.random.default_rng(0)
    at = rng.standard_normal((chains, size))
    now = [(*followed(y), accurate(y)[0]) for y in at]
    step, accepted = FIRST_STEP, []
    for i in range(-warmup, draws):
        for chain in range(chains):
            (value, slope, exact), y = now[chain], at[chain]
            count = int(np.ceil(rng.uniform(SHORTEST, 1.0) * longest / step))
            momentum = rng.standard_normal(size)
            energy = 0.5 * momentum @ momentum - value
            end, new, force = y, value, slope
            for _ in range(count):
                half = momentum + 0.5 * step * force
                end = end + step * half
                new, force = followed(end)
                momentum = half + 0.5 * step * force
            lost = 0.5 * momentum @ momentum - new - energy
            accepted.append(np.exp(-max(lost, 0.0)) if np.isfinite(lost) else 0.0)
            gradients[int(i >= 0)] += count
            if rng.uniform() < accepted[-1]:
                truth = accurate(end)[0]
                if np.log(rng.uniform()) < (truth - new) - (exact - value):
                    at[chain], now[chain] = end, (new, force, truth)
            if i >= 0:
                x[chain, i] = at[chain]
        if i < 0 and len(accepted) >= TOGETHER * chains:
            step *= step_correction(float(np.mean(accepted)), TARGET)
            accepted = []
    return Drawn(x, *gradients)
