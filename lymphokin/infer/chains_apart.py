"""Chains that sit in different places: which, at which log density, and in what they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lymphokin.infer.nested_rhat import starts_of
from lymphokin.pages.wording import fixed, joined

NAMED = 3
"""Quantities that are named."""
SEPARATE = 2.0
"""Distance between the means of chains, in SDs within a chain, from which they sit in different
places: two normals that far apart have two modes (Schilling, Watkins and Watkins 2002,
doi:10.1198/00031300265)."""


def chains_apart(
    z: np.ndarray,
    log_density: np.ndarray,
    names: Sequence[str],
    log_evidence: Sequence[float] = (),
) -> str:
    """What separates chains that never met, in a sentence; empty where none do.

    Args:
        z: [chain, draw, quantity] population latents.
        log_density: [chain, draw].
        names: of the quantities.
        log_evidence: of the modes that the starts found, the largest first.
    """
    if len(z) < 2 or starts_of(len(z)) != len(z):
        return ""
    mean, within = z.mean(axis=1), np.sqrt(z.var(axis=1).mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.nan_to_num(np.ptp(mean, axis=0) / within)
    if distance.max() < SEPARATE:
        return ""
    order = np.argsort(-distance)
    along = mean[:, order[0]]
    ranked = np.argsort(along)
    cut = int(np.diff(along[ranked]).argmax()) + 1
    parts = (ranked[:cut].tolist(), ranked[cut:].tolist())
    groups: list[list[int]] = sorted((sorted(part) for part in parts), key=len, reverse=True)

    def described(group: list[int]) -> str:
        numbers = joined(str(i + 1) for i in group)
        return f"{numbers} (mean log density {fixed(log_density[group].mean(), 1)})"

    where = " and ".join(described(group) for group in groups)
    far = joined(names[int(i)] for i in order[:NAMED] if distance[i] >= SEPARATE)
    sentence = f"Chains {where} sit in different places, furthest apart in {far}."
    weights = np.exp(np.asarray(log_evidence) - max(log_evidence, default=0.0))
    if len(weights) > 1:
        shares = joined(fixed(w, 2) for w in weights / weights.sum())
        sentence += f" The modes that were found have weights of roughly {shares}."
    return sentence
