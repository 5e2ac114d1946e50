"""How accurate the solver was over a posterior: the same draws solved again with halved steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lymphokin.infer.posterior import Posterior
from lymphokin.population import pack
from lymphokin.solve import StepRule


def solver_error(posterior: Posterior, x: np.ndarray, rule: StepRule) -> dict[str, float]:
    """Worst relative error of each observed quantity at the cohort's records.

    Args:
        posterior: the cohort.
        x: [draw, latent] flat posterior draws.
        rule: step sizes with which the cohort is packed.
    """
    model, cohort = posterior.likelihood.model, posterior.packed.cohort
    halved = pack(model, cohort, rule=replace(rule, refine=2 * rule.refine)).arrays
    worst: dict[str, float] = {}
    parts = zip(posterior.evaluate(x, posterior.arrays), posterior.evaluate(x, halved), strict=True)
    for coarse, exact in parts:
        for quantity, values in exact.predictions.items():
            errors = [
                float(np.abs(a - b).max())
                for a, b in zip(coarse.predictions[quantity], values, strict=True)
                if a.size
            ]
            worst[quantity] = max([worst.get(quantity, 0.0), *errors])
    return worst
