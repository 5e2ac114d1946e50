"""How far a measurement lies from the true value, in the words of the report."""

from __future__ import annotations

import math

import numpy as np

from lymphokin.model import CategoryEffect, Residual
from lymphokin.pages import wording
from lymphokin.population.residual import log_probability_below

_WIDE = 0.25
"""SD of the logarithm above which the report speaks of a factor rather than a percentage."""


def scatter(residual: Residual, unit: str) -> str:
    """Say how far a measurement typically lies from the true value, such as "about 18 %".

    Args:
        residual: of the quantity.
        unit: of the quantity, as people write it.
    """
    if residual.error == "log_normal" and residual.sd > _WIDE:
        return f"a factor of about {math.exp(residual.sd):.1f}"
    if residual.error in ("log_normal", "proportional"):
        return f"about {wording.percent(residual.sd)}"
    size = f"about {wording.number(residual.sd, 2)} {unit}"
    if residual.error == "combined":
        return f"{size} and {wording.percent(residual.proportional_sd)}"
    return size


def chance_below(residual: Residual, true: float, limit: float) -> float:
    """Compute the probability that a measurement of the true value is reported below a limit."""
    sd = np.array([value for value, _ in residual.sds.values()])
    return math.exp(float(log_probability_below(residual, math.log(limit), math.log(true), sd)))


def tube_effect(residual: Residual | None) -> CategoryEffect | None:
    """Find the effect of the blood tube on measurements, if the model knows one."""
    effects = () if residual is None else residual.effects
    tubes = [e for e in effects if isinstance(e, CategoryEffect) and e.column == "tube"]
    return tubes[0] if tubes else None
