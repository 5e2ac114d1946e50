"""The shapes that every schedule of a what-if is padded to, so that nothing recompiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lymphokin.solve import StepRule, Treatment
from lymphokin.solve.one_treatment import Shape, TreatmentArrays, treatment_arrays

STEPS = StepRule(after_fraction_days=StepRule.first_days)
"""Curves are drawn from node to node, so nodes are as close after a fraction as after a dose."""
SHAPES = (
    Shape(9, 0, 0, 0),
    Shape(129, 0, 0, 0),
    Shape(513, 0, 0, 0),
    Shape(129, 4, 81, 24),
    Shape(257, 8, 209, 56),
    Shape(641, 8, 641, 160),
)
"""Smallest first: nothing given yet; without a drug; a trial's pulses; more; the most."""
MOST_WINDOWS = max(shape.windows for shape in SHAPES)


def arrays_of(treatment: Treatment, days: Sequence[float], rule: StepRule) -> TreatmentArrays:
    """Padded arrays of a treatment.

    Args:
        treatment: what is given.
        days: days at which the solution is wanted exactly.
        rule: ``STEPS``, with windows as long as the model's drugs last.

    Raises:
        ValueError: when no shape holds it.
    """
    arrays = treatment_arrays(replace(treatment, days=np.asarray(days, float)), SHAPES, rule)
    if arrays is None:
        apart = max(rule.within(window).separate_days for window in rule.windows)
        raise ValueError(
            "this schedule is too long to be computed: courses of a drug less than "
            f"{apart:.3g} days apart count as one, which may last some three weeks, and there may "
            f"be {MOST_WINDOWS}"
        )
    return arrays
