"""How accurate the solver was over a posterior: the same draws solved again with halved steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lymphokin.infer.posterior import Posterior
from lymphokin.population import pack
from lymphokin.solve import StepRule


def solver_error(posterior: Posterior, x: np.ndarray) -> dict[str, float]:
    """Worst relative error of each observed quantity at the cohort's records.

    Args:
        x: [draw, latent] flat posterior draws.
    """
    model, cohort = posterior.likelihood.model, posterior.packed.cohort
    halved = pack(model, cohort, rule=replace(StepRule(), refine=2)).arrays
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
