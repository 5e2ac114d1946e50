"""How good probabilities and predictive distributions were, patient by patient; lower is better.

All are proper scores: who forecasts anything but what he believes does worse on average (Gneiting
and Raftery 2007, doi:10.1198/016214506000001437).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def brier(risk: Floats, happened: Flags) -> Floats:
    """[patient] squared distance of the probability from what happened (0 or 1)."""
    return (risk - happened) ** 2


def log_score(risk: Floats, happened: Flags) -> Floats:
    """[patient] minus the natural log of the probability given to what happened, or infinite."""
    with np.errstate(divide="ignore"):
        return -np.where(happened, np.log(risk), np.log1p(-risk))


def crps(draws: Floats, observed: Floats, weights: Floats | None = None) -> Floats:
    """Continuous ranked probability score of a quantity predicted by draws, in its unit.

    The unbiased form: with few draws it is noisy but on average what many draws would give (Ferro
    2014, doi:10.1002/qj.2270; for weighted draws the same correction with the sum of squared
    weights in place of one over their number). It can therefore be slightly negative.

    Args:
        draws: [patient, draw].
        observed: [patient].
        weights: [patient, draw], adding up to 1; equal by default.
    """
    if weights is None:
        weights = np.full(draws.shape, 1 / draws.shape[1])
    order = np.argsort(draws, axis=1)
    x, w = np.take_along_axis(draws, order, 1), np.take_along_axis(weights, order, 1)
    cumulative = np.cumsum(w, axis=1)
    # Sorted, the mean distance of two draws is a single sum.
    apart = 2 * (w * x * (2 * cumulative - w - cumulative[:, -1:])).sum(axis=1)
    off = (w * np.abs(x - observed[:, None])).sum(axis=1)
    return off - 0.5 * apart / (1 - (w**2).sum(axis=1))


def auc(risk: Floats, happened: Flags) -> Floats:
    """Probability that who had the event was given the higher risk; ties count half.

    Args:
        risk: [..., patient].
        happened: [..., patient].

    Returns:
        [...]; NaN where all or none had the event.
    """
    ranks = rankdata(risk, axis=-1)
    events = happened.sum(axis=-1)
    others = happened.shape[-1] - events
    above = (ranks * happened).sum(axis=-1) - events * (events + 1) / 2
    pairs = events * others
    return np.where(pairs > 0, above / np.maximum(pairs, 1), np.nan)


def net_benefit(risk: Floats, happened: Flags, thresholds: Floats) -> Floats:
    """[threshold] net benefit of acting on every patient whose risk is at least the threshold.

    True positives per patient, less false positives weighed by the odds of the threshold (Vickers
    and Elkin 2006, doi:10.1177/0272989X06295361). Higher is better; acting on nobody has 0.
    """
    acted = risk >= thresholds[:, None]
    odds = thresholds / (1 - thresholds)
    return (acted & happened).mean(axis=1) - odds * (acted & ~happened).mean(axis=1)
