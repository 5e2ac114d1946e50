"""Predicted probabilities against what happened, and how well the risks of a run came true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv

from lymphokin.pages.messages import say
from lymphokin.population.provenance import CalibrationGroup, RiskCalibration

LIMITS = (0.0, 0.2, 0.5, 0.8, 1.0)
"""Groups of predicted risk: few, since trials are small (judgement)."""
LEAST_PATIENTS = 20
TAIL = 0.05
"""Probability on each side of the 90 % intervals."""


def predicted_against_observed(
    probability: NDArray[np.float64],
    happened: NDArray[np.bool_],
    edges: Sequence[float],
    counted: str,
) -> pd.DataFrame:
    """Predicted against observed, by groups of the predicted probability.

    Args:
        probability: [case] predicted.
        happened: [case] whether it came true.
        edges: limits of the groups, from the lowest to the highest; a limit belongs to the group
            above it, the last to the last group.
        counted: name of the column with the number of cases.

    Returns:
        one row per group that holds a case: ``low``, ``high``, the number, mean ``predicted``,
        ``observed`` share, and ``observed_q05`` and ``observed_q95``: its exact 90 % interval
        (Clopper and Pearson 1934, doi 10.1093/biomet/26.4.404).
    """
    which = np.clip(np.digitize(probability, edges) - 1, 0, len(edges) - 2)
    rows = []
    for i in np.unique(which):
        inside = which == i
        n, k = int(inside.sum()), int(happened[inside].sum())
        rows.append(
            {
                "low": edges[i],
                "high": edges[i + 1],
                counted: n,
                "predicted": float(probability[inside].mean()),
                "observed": k / n,
                "observed_q05": float(betaincinv(k, n - k + 1, TAIL)) if k else 0.0,
                "observed_q95": float(betaincinv(k + 1, n - k, 1 - TAIL)) if k < n else 1.0,
            }
        )
    return pd.DataFrame(rows)


def calibration_of_run(
    forecasts: pd.DataFrame | None, counts_until: float | None
) -> RiskCalibration | None:
    """Predicted risk against what happened among a run's patients.

    Args:
        forecasts: of the fitted patients, as in ``patients.csv``; None before the fit is saved.
        counts_until: last day of the counts behind them; None: all before the visit.

    Returns:
        None where the outcome of too few patients is known.
    """
    if forecasts is None:
        return None
    known = forecasts.dropna(subset=["observed_grade2"])
    if len(known) < LEAST_PATIENTS:
        return None
    happened = (known["observed_grade2"].astype(str) == "True").to_numpy()
    risk = known["p_grade2_measured"].to_numpy(float)
    groups = [
        CalibrationGroup(
            patients=row["patients"],
            risk=round(row["predicted"], 2),
            happened=round(row["observed"], 2),
            low=round(row["observed_q05"], 2),
            high=round(row["observed_q95"], 2),
        )
        for row in predicted_against_observed(risk, happened, LIMITS, "patients").to_dict("records")
    ]
    found = {"known": len(known), "had": int(happened.sum()), "sum": round(float(risk.sum()), 1)}
    if counts_until is None:
        return RiskCalibration(message=say("calibration.before_visit", **found), groups=groups)
    message = say("calibration.until_day", **found, day=float(counts_until))
    return RiskCalibration(message=message, groups=groups)
