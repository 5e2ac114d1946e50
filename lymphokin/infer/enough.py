"""Have Markov chains arrived, been drawn for long enough, or should they go on, and how?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lymphokin.infer.chains_apart import chains_apart
from lymphokin.infer.diagnostics import DIVERGENT_SHARE_GOOD, ESS_BAD, RHAT_GOOD, mixing

LONGEST = 8
"""Times as long as was asked that chains become at most (judgement): what needs more is better
helped by another model or prior."""

KEPT = 1.5
"""Draws kept for each effective one that is wanted: what is left of a long run is hardly better
than independent (judgement)."""

ARRIVED = 1.0
"""SDs by which two runs in the same place may differ in their means (judgement): the means of 200
draws worth 10 do by 0.4."""

SHORTER, MOST_SHORTENED = 0.7, 2
"""By how much steps are shortened where too many transitions diverge, and how often at most: to
half in all (judgement). What diverges then is better helped by another model or prior."""

FOR_DRAWS, FOR_STEPS = "for more effective draws", "with shorter steps"
"""How chains go on."""


def arrived(before: np.ndarray, now: np.ndarray, quantities: int) -> bool:
    """Whether two runs, one after the other, are in the same place, so that both may count.

    Args:
        before: [chain, draw, latent] latents, those of the population first.
        now: the same of the later run.
        quantities: of the population.
    """
    early, late = (x[..., :quantities].reshape(-1, quantities) for x in (before, now))
    moved = np.abs(late.mean(axis=0) - early.mean(axis=0))
    return bool((moved <= ARRIVED * late.std(axis=0)).all())


def how_to_go_on(
    x: np.ndarray,
    log_density: np.ndarray,
    diverging: np.ndarray,
    names: Sequence[str],
    ess: float,
    thinning: int,
    shortened: int,
    left: int,
    risk_ess: Callable[[np.ndarray, float], float],
) -> tuple[str, float]:
    """How chains go on that have not drawn enough, or not well: one of :data:`FOR_DRAWS` and
    :data:`FOR_STEPS`; empty where they end. And the effective draws of the patients' risks,
    infinite where nobody looked, as the population lacks something already.

    Where more transitions diverge than a good fit may have, steps are too long for a part of the
    posterior, and more draws of the same steps would not help. Chains do not go on where a chain
    has never moved, where chains sit in different places, where even the longest run would leave
    them far from what can be used, and where so few draws are kept that they could not be worth as
    many. A single chain has no R-hat to judge it by.

    Args:
        x: [chain, draw, latent] latents, those of the population first.
        log_density: [chain, draw].
        diverging: [chain, draw].
        names: of the population's latents.
        ess: bulk effective draws wanted of each of these, and of every patient's risk.
        thinning: one of this many transitions is kept as a draw.
        shortened: how often steps have been shortened.
        left: how many times as long as was asked the chains may yet become.
        risk_ess: from :func:`lymphokin.infer.risk_draws.risk_ess`.
    """
    if log_density.size < KEPT * ess:
        return "", np.inf
    z = x[..., : len(names)]
    found = [mixing(z[..., i]) for i in range(z.shape[-1])]
    rhat = np.max([of["rhat"] for of in found])
    smallest = np.min([of["ess_bulk"] for of in found])
    # Chains that never moved have neither number, and every comparison with it is false.
    possible = np.isfinite(rhat) and bool(smallest * (1 + left / thinning) >= ESS_BAD)
    if not possible or chains_apart(z, log_density, names):
        return "", np.inf
    if diverging.mean() >= DIVERGENT_SHARE_GOOD:
        return FOR_STEPS if left and shortened < MOST_SHORTENED else "", np.inf
    enough = rhat <= RHAT_GOOD and smallest >= ess
    of_risks = risk_ess(x, ess) if enough else np.inf
    enough = enough and of_risks >= ess
    return FOR_DRAWS if not enough and thinning <= left else "", of_risks
