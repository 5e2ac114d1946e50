"""Have Markov chains been drawn for long enough, or should they go on?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lymphokin.infer.chains_apart import chains_apart
from lymphokin.infer.diagnostics import ESS_BAD, RHAT_GOOD, mixing

LONGEST = 8
"""Times as long as was asked that chains become at most (judgement): what needs more is better
helped by another model or prior."""

KEPT = 1.5
"""Draws kept for each effective one that is wanted: what is left of a long run is hardly better
than independent (judgement)."""


def going_on_helps(
    x: np.ndarray, log_density: np.ndarray, names: Sequence[str], ess: float, length: int
) -> bool:
    """Whether chains that have not drawn enough would after a longer run.

    They would not where a chain has never moved, where chains sit in different places, where even
    the longest run would leave them far from what can be used, and where so few draws are kept that
    they could not be worth as many. A single chain has no R-hat to judge it by.

    Args:
        x: [chain, draw, latent] latents, those of the population first.
        log_density: [chain, draw].
        names: of the population's latents.
        ess: bulk effective draws wanted of each of these.
        length: how many times as long as was asked the chains are already.
    """
    kept = log_density.size
    if length >= LONGEST or kept < KEPT * ess:
        return False
    z = x[..., : len(names)]
    found = [mixing(z[..., i]) for i in range(z.shape[-1])]
    rhat = np.max([of["rhat"] for of in found])
    smallest = np.min([of["ess_bulk"] for of in found])
    if rhat <= RHAT_GOOD and smallest >= ess:
        return False
    # Chains that never moved have neither number, and every comparison with it is false.
    possible = np.isfinite(rhat) and bool(smallest * LONGEST / length >= ESS_BAD)
    return possible and not chains_apart(z, log_density, names)
