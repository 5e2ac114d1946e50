"""Where prior and data disagree: population quantities whose posterior lies far from the prior."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from lymphokin.infer.learnt import LEARNT_PARTLY
from lymphokin.model import Model
from lymphokin.pages.wording import fixed, joined
from lymphokin.population.quantities import sampled_quantities

BELOW = 0.05
"""Probability, over all quantities of a kind together, below which a posterior lies too far out
(the level at which a check asks for a look)."""
OF_RESIDUALS = ("residual_sd", "proportional_sd")


class Conflict(NamedTuple):
    """A population quantity whose posterior lies far in the tail of its prior."""

    name: str
    distance: float
    """of the posterior mean from the prior's centre, in prior SDs of the latent"""
    p: float
    """probability of a posterior mean at least as far out if prior and model were right, times the
    number of quantities"""


def prior_conflicts(model: Model, z: np.ndarray) -> list[Conflict]:
    """Quantities of which prior and data disagree, the worst first.

    Under the prior predictive distribution a posterior mean of a latent varies with the variance
    that the data removed; so it is compared with a normal of that variance (exact for a normal
    model). Quantities that the data say little of cannot conflict. Residuals are counted apart:
    what a model misses ends there first.

    Args:
        model: the model.
        z: [draw, quantity] population latents of the posterior.
    """
    quantities = sampled_quantities(model)
    found: list[Conflict] = []
    for residual in (False, True):
        own = [i for i, q in enumerate(quantities) if (q.kind in OF_RESIDUALS) == residual]
        mean, removed = z[:, own].mean(axis=0), 1 - z[:, own].var(axis=0)
        judged = removed >= LEARNT_PARTLY
        score = np.abs(mean[judged]) / np.sqrt(removed[judged])
        p = np.minimum(1.0, 2 * stats.norm.sf(score) * judged.sum())
        names = [quantities[i].name for i in np.asarray(own, int)[judged]]
        found += [
            Conflict(*row) for row in zip(names, mean[judged].tolist(), p.tolist(), strict=True)
        ]
    return sorted((c for c in found if c.p < BELOW), key=lambda c: c.p)


def in_a_sentence(conflicts: Sequence[Conflict], unmeasured: Collection[str] = ()) -> str:
    """What conflicts mean for a reader; empty without one.

    Args:
        conflicts: from :func:`prior_conflicts`.
        unmeasured: names of quantities of which no record of their own block speaks.
    """
    if not conflicts:
        return ""

    def described(conflict: Conflict) -> str:
        side = "above" if conflict.distance > 0 else "below"
        not_seen = ", and not measured here" if conflict.name in unmeasured else ""
        away = fixed(abs(conflict.distance), 1)
        return f"{conflict.name} ({away} prior SDs {side} its prior{not_seen})"

    return (
        f"Prior and data disagree about {joined(map(described, conflicts))}. Either the prior does "
        "not hold for these patients, or the model misses something that this makes up for."
    )
