"""Whether risks come true: intercept and slope of calibration, and predicted against observed.

Both regress what happened on the log-odds of the risk (Van Calster et al. 2019,
doi:10.1186/s12916-019-1466-7). The intercept, with the slope held at 1, is 0 where risks are right
on average and above it where they are too low. The slope is 1 where risks spread as they should and
below it where they are too extreme.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from lymphokin.criticism.forecasts.intervals import TAIL, Estimate
from lymphokin.criticism.forecasts.scores import Flags, Floats
from lymphokin.predict.risk_calibration import predicted_against_observed

GROUPS = 5
"""Groups of patients with similar risk in a table or picture."""
MOST_EXTREME = 1e-6
"""Risks are kept this far from 0 and 1 before their log-odds are taken."""
NEWTON_STEPS = 50
UNKNOWN = Estimate(np.nan, np.nan, np.nan)


class Calibration(NamedTuple):
    """Intercept and slope, NaN where the outcomes do not determine them."""

    intercept: Estimate
    slope: Estimate


def calibration(risk: Floats, happened: Flags) -> Calibration:
    """Intercept and slope of calibration with 90 % Wald intervals.

    The intercept needs both outcomes; the slope also needs risks that do not separate them.
    """
    if happened.all() or not happened.any():
        return Calibration(UNKNOWN, UNKNOWN)
    clipped = np.clip(risk, MOST_EXTREME, 1 - MOST_EXTREME)
    log_odds = np.log(clipped / (1 - clipped))
    ones = np.ones((len(risk), 1))
    intercept = _logistic(ones, happened, log_odds)[0]
    with_event, without = log_odds[happened], log_odds[~happened]
    separated = with_event.min() >= without.max() or with_event.max() <= without.min()
    if separated:
        return Calibration(intercept, UNKNOWN)
    both = np.column_stack([ones[:, 0], log_odds])
    return Calibration(intercept, _logistic(both, happened, np.zeros(len(risk)))[1])


def _logistic(inputs: Floats, happened: Flags, offset: Floats) -> list[Estimate]:
    """Coefficients of a logistic regression by Newton's method.

    Args:
        inputs: [patient, coefficient].
        offset: [patient] log-odds that are taken as given.
    """

    def log_likelihood(at: Floats) -> float:
        linear = offset + inputs @ at
        return float((happened * linear - np.logaddexp(0, linear)).sum())

    coefficients = np.zeros(inputs.shape[1])
    for _ in range(NEWTON_STEPS):
        p = expit(offset + inputs @ coefficients)
        information = inputs.T @ ((p * (1 - p))[:, None] * inputs)
        move = np.linalg.solve(information, inputs.T @ (happened - p))
        while log_likelihood(coefficients + move) < log_likelihood(coefficients) - 1e-12:
            move = move / 2
        coefficients = coefficients + move
    error = norm.ppf(1 - TAIL) * np.sqrt(np.diag(np.linalg.inv(information)))
    return [
        Estimate(float(v), float(v - e), float(v + e))
        for v, e in zip(coefficients, error, strict=True)
    ]


def grouped(risk: Floats, happened: Flags) -> pd.DataFrame:
    """Predicted against observed in groups of about equal size, by rising risk.

    Returns:
        as :func:`lymphokin.predict.risk_calibration.predicted_against_observed`, with
        ``patients`` for the number in each group.
    """
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, GROUPS + 1)))
    if len(edges) < 2:
        edges = np.array([0.0, 1.0])
    return predicted_against_observed(risk, happened, edges.tolist(), "patients")
