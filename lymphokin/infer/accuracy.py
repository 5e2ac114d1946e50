"""How accurate the solver was over a posterior: the same draws solved again with halved steps.

Chains can mix perfectly around wrong numbers, so the verdict of a fit speaks of the solver, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isnan
from typing import NamedTuple

import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.population import pack
from lymphokin.solve import StepRule

ACCURATE, WRONG = 0.01, 0.05
"""Largest relative error of a prediction that is small against a count's measurement error of 14 %,
and from which it is a third of that error and more (judgement)."""


class Accuracy(NamedTuple):
    """The verdict on the solver."""

    level: str
    """good | caution | bad, as of convergence"""
    sentence: str
    """what was measured, and the way on; empty when the solver is accurate"""

    @property
    def verdict(self) -> str:
        """What a user of the fit must know; empty when there is nothing."""
        return f"Do not use this fit. {self.sentence}" if self.level == "bad" else self.sentence


def judge_accuracy(errors: Mapping[str, float], adaptive: bool = False) -> Accuracy:
    """The verdict on a solver's errors.

    Args:
        errors: worst relative error of each observed quantity, from :func:`solver_error`.
        adaptive: whether the model asks for an adaptive solver already.
    """
    worst = max(errors, key=errors.__getitem__, default="")
    error = errors.get(worst, 0.0)
    if error <= ACCURATE:
        return Accuracy("good", "")
    size = f"by {100 * error:.0f} %" if error < 1 else "by 100 % or more"
    way_on = (
        "give the model's AdaptiveSolver a smaller rtol"
        if adaptive
        else "allow the solver a smaller relative error (rtol), or write solver = "
        'AdaptiveSolver("kvaerno5") into the model file'
    )
    return Accuracy(
        "bad" if error > WRONG else "caution",
        f"The equations are not solved accurately: with halved steps predictions of {worst} change "
        f"{size} (up to {100 * ACCURATE:.0f} % is fine). To mend it, {way_on}.",
    )


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
                _largest(a - b)
                for a, b in zip(coarse.predictions[quantity], values, strict=True)
                if a.size
            ]
            worst[quantity] = max([worst.get(quantity, 0.0), *errors])
    return worst


def _largest(difference: np.ndarray) -> float:
    """Largest size; infinite where there is no number."""
    size = float(np.abs(difference).max())
    return inf if isnan(size) else size
