"""Whether predictive probabilities come true, and what stopping by them would cost and save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from lymphokin.predict.risk_calibration import predicted_against_observed

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Limits of the groups."""


def calibration_table(
    probability: NDArray[np.float64], happened: NDArray[np.bool_]
) -> pd.DataFrame:
    """Predictive probabilities of trials against their ends, in narrow groups near 0 and 1.

    Returns:
        as :func:`lymphokin.predict.risk_calibration.predicted_against_observed`, with ``trials``
        for the number in each group.
    """
    return predicted_against_observed(probability, happened, EDGES, "trials")


@dataclass(frozen=True)
class CalibrationTest:
    """How far predictions are from what chance allows if they are right.

    ``brier`` and its expectation under the predictions; ``z`` and ``p`` of their difference
    (Spiegelhalter 1986, doi 10.1002/sim.4780050506); ``mean_z`` and ``mean_p`` of the number that
    happened against the number predicted.
    """

    brier: float
    expected_brier: float
    z: float
    p: float
    mean_z: float
    mean_p: float

    @classmethod
    def of(cls, probability: NDArray[np.float64], happened: NDArray[np.bool_]) -> CalibrationTest:
        """Both tests, two-sided."""
        spread = probability * (1 - probability)
        miss = (happened - probability) * (1 - 2 * probability)
        z = miss.sum() / np.sqrt(((1 - 2 * probability) ** 2 * spread).sum())
        mean_z = (happened - probability).sum() / np.sqrt(spread.sum())
        return cls(
            float(((happened - probability) ** 2).mean()),
            float(spread.mean()),
            float(z),
            float(2 * norm.sf(abs(z))),
            float(mean_z),
            float(2 * norm.sf(abs(mean_z))),
        )


def stopping_table(looks: pd.DataFrame, patients: int, limits: Sequence[float]) -> pd.DataFrame:
    """What it would mean to stop for futility when the predictive probability is below a limit.

    Args:
        looks: rehearsed looks, from :meth:`lymphokin.trial.interim.rehearsal.Rehearsal.run`.
        patients: patients of the design.
        limits: predictive probabilities.

    Returns:
        one row per limit: ``stopped`` (share of trials), ``power`` and ``power_with_look``
        (share significant without and with stopping), ``power_lost``, and
        ``patients_saved`` per trial on average.
    """
    significant = looks["significant"].to_numpy(bool)
    rows = []
    for limit in limits:
        stops = looks["predictive_probability"].to_numpy() < limit
        saved = np.where(stops, patients - looks["enrolled"], 0)
        rows.append(
            {
                "limit": limit,
                "stopped": stops.mean(),
                "power": significant.mean(),
                "power_with_look": (significant & ~stops).mean(),
                "power_lost": (significant & stops).mean(),
                "patients_saved": saved.mean(),
            }
        )
    return pd.DataFrame(rows)
