"""How accurate the solver was over a posterior: the same draws solved again with halved steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.population import pack
from lymphokin.solve import StepRule


def halved(density: CohortDensity, rule: StepRule) -> CohortDensity:
    """The same cohort, solved with half the steps of ``rule``."""
    steps = replace(rule, refine=2 * rule.refine)
    packed = pack(density.likelihood.model, density.packed.cohort, rule=steps)
    return CohortDensity(density.likelihood, packed)


def solver_error(density: CohortDensity, x: np.ndarray, rule: StepRule) -> dict[str, float]:
    """Worst relative error of each observed quantity at the cohort's records.

    Args:
        density: the cohort.
        x: [draw, latent] flat posterior draws.
        rule: step sizes with which the cohort is packed.
    """
    worst: dict[str, float] = {}
    ways = (density, halved(density, rule))
    for coarse, exact in zip(*(way.evaluate(x, way.arrays) for way in ways), strict=True):
        for quantity, values in exact.predictions.items():
            errors = [
                float(np.abs(a - b).max())
                for a, b in zip(coarse.predictions[quantity], values, strict=True)
                if a.size
            ]
            worst[quantity] = max([worst.get(quantity, 0.0), *errors])
    return worst
