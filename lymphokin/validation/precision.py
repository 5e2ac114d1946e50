"""How precise a validation can be with its patients, and how many it would take.

Riley et al. 2021 (doi:10.1002/sim.9025): standard errors of observed over expected events, of the
calibration slope and of the AUC follow from the number of patients, the share with the event and
the distribution of the risks, as if these were right. The numbers of patients are those for which a
95 % interval is as wide as the paper suggests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit

from lymphokin.criticism.forecasts.scores import Floats

WIDTHS = {"observed over expected": 0.2, "calibration slope": 0.2, "AUC": 0.1}
"""Widths of a 95 % interval that are aimed at: of O/E 0.90 to 1.10, of a slope 0.9 to 1.1, of an
AUC 0.05 to either side."""
Z95 = 1.959964
MOST = 1e7
MOST_EXTREME = 1e-6


class Precision(NamedTuple):
    """How precisely one measure can be known."""

    measure: str
    standard_error: float
    """with these patients; of O/E that of its logarithm"""
    width: float
    """of a 95 % interval with these patients"""
    wanted: float
    """width that is aimed at"""
    patients: float
    """for that width; NaN where it is not determined"""


def precision(risk: Floats, prevalence: float, auc: float) -> list[Precision]:
    """Precision of the three measures.

    Args:
        risk: [patient] predicted.
        prevalence: share with the event.
        auc: area under the ROC curve.
    """
    log_odds = logit(np.clip(risk, MOST_EXTREME, 1 - MOST_EXTREME))
    errors: dict[str, Callable[[float], float]] = {
        "observed over expected": lambda n: np.sqrt((1 - prevalence) / (n * prevalence)),
        "calibration slope": lambda n: slope_error(log_odds, n),
        "AUC": lambda n: auc_error(auc, prevalence, n),
    }
    found = []
    for measure, error in errors.items():
        here, wanted = float(error(len(risk))), WIDTHS[measure]
        low = high = Z95 * here
        if measure == "observed over expected":
            low, high = 1 - np.exp(-low), np.exp(high) - 1
        target = np.arcsinh(wanted / 2) if measure == "observed over expected" else wanted / 2
        needed = _solved(error, target / Z95)
        found.append(Precision(measure, here, float(low + high), wanted, needed))
    return found


def slope_error(log_odds: Floats, n: float) -> float:
    """Standard error of the calibration slope of right risks with these log-odds [patient]."""
    p = 1 / (1 + np.exp(-log_odds))
    weight = p * (1 - p)
    level, both, slope = (float((weight * log_odds**k).mean()) for k in (0, 1, 2))
    information = slope * level - both**2
    return float(np.sqrt(level / (n * information))) if information > 0 else float("nan")


def auc_error(auc: float, prevalence: float, n: float) -> float:
    """Standard error of an AUC (Newcombe 2006, doi:10.1002/sim.2324)."""
    half = n / 2 - 1
    spread = 1 + half * (1 - auc) / (2 - auc) + half * auc / (1 + auc)
    return float(np.sqrt(auc * (1 - auc) * spread / (n**2 * prevalence * (1 - prevalence))))


def _solved(error: Callable[[float], float], target: float) -> float:
    """Number of patients at which a standard error is the one aimed at."""
    if not np.isfinite(error(10.0)) or error(10.0) <= target:
        return float("nan")
    return float(np.ceil(brentq(lambda n: error(n) - target, 10.0, MOST)))
