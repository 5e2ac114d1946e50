"""Individuals drawn from the prior of a model: who is plausible before any data."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from lymphokin.model.model import Model

INDIVIDUALS = 32
"""How many are tried: what happens to one in ten is missed once in 30 times."""


def individuals(
    model: Model, count: int = INDIVIDUALS, names: Collection[str] | None = None
) -> list[dict[str, float]]:
    """Parameters of each individual by name, in model units; the same in every call.

    Args:
        model: the model.
        count: number of individuals.
        names: of the parameters that are wanted; None for all.
    """
    rng = np.random.default_rng(0)
    found: list[dict[str, float]] = [{} for _ in range(count)]
    for p in model.table:
        population, subject = rng.standard_normal((2, count))
        if names is not None and p.name not in names:
            continue
        sd = float(np.hypot(p.between_subject_sd, p.between_lesion_sd))
        own = np.asarray(p.typical(population)) + sd * subject
        for person, value in zip(found, own.tolist(), strict=True):
            person[p.name] = float(p.to_natural(value)) * p.per_day
    return found
