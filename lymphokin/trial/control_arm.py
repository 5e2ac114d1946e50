"""What the literature predicts for a trial's control arm, beside what its design assumes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.literature.posterior import literature_draws
from lymphokin.trial.virtual import DrawnPopulation, Simulator, VirtualDesign

TRIALS = 192


class ControlArm(NamedTuple):
    """Predicted share of the control arm whose count is reported as grade >= 2 at the endpoint."""

    median: float
    low: float
    high: float
    """90 % equal-tailed interval over populations and over the patients of one arm"""
    expected_low: float
    expected_high: float
    """the same for the expected share alone, without the chance of who is measured low"""


def predict_control_arm(
    design: VirtualDesign, model: str = "myeloid_lymphoid", trials: int = TRIALS, seed: int = 0
) -> ControlArm:
    """Prediction of a model calibrated to the literature, each trial a new study.

    The design's own rates play no part in it.
    """
    outcome = Simulator(
        design, DrawnPopulation(literature_draws(model), "literature"), devices=1
    ).run(seed, 0, trials)
    events, analysed = np.asarray(outcome.events)[:, 0], np.asarray(outcome.analysed)[:, 0]
    share = events / np.maximum(analysed, 1)
    expected = np.asarray(outcome.p_measured)[:, 0]
    low, high = np.quantile(share, (0.05, 0.95))
    expected_low, middle, expected_high = np.quantile(expected, (0.05, 0.5, 0.95))
    return ControlArm(
        float(middle), float(low), float(high), float(expected_low), float(expected_high)
    )
