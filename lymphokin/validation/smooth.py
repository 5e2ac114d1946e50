"""The calibration curve without groups: observed share against predicted risk, smooth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.criticism.forecasts.scores import Flags, Floats

SPAN = 0.75
"""Share of the patients that a point of the curve looks at (Austin and Steyerberg 2014,
doi:10.1002/sim.5941, whose loess takes this default)."""
PLACES = 41
RESAMPLES = 500
TAIL = 0.05


class SmoothCurve(NamedTuple):
    """The observed share as a smooth function of the risk, each [place]."""

    risk: Floats
    observed: Floats
    low: Floats
    """5 % over resampled patients"""
    high: Floats
    mean_error: float
    """mean distance of the curve from the diagonal over the patients (integrated calibration
    index; Austin and Steyerberg 2019, doi:10.1002/sim.8281)"""


def smooth_curve(risk: Floats, happened: Flags, seed: int) -> SmoothCurve:
    """Local linear fit (loess) of what happened [patient] on the risk [patient], with a 90 % band.

    The band is the percentile bootstrap over patients, from the lowest to the highest risk.
    """
    rng, n = np.random.default_rng(seed), len(risk)
    places = np.linspace(risk.min(), risk.max(), PLACES)
    drawn = rng.integers(n, size=(RESAMPLES, n))
    curves = np.stack([_loess(risk[some], happened[some], places) for some in drawn])
    low, high = np.quantile(curves, (TAIL, 1 - TAIL), axis=0)
    error = float(np.abs(_loess(risk, happened, risk) - risk).mean())
    return SmoothCurve(places, _loess(risk, happened, places), low, high, error)


def _loess(x: Floats, y: Flags, places: Floats) -> Floats:
    """[place] local linear fits with tricube weights, kept between 0 and 1."""
    distance = np.abs(places[:, None] - x)
    count = max(2, int(np.ceil(SPAN * len(x))))
    width = np.partition(distance, count - 1, axis=1)[:, count - 1 : count]
    weight = np.clip(1 - (distance / np.maximum(1.0001 * width, 1e-12)) ** 3, 0, None) ** 3
    total = weight.sum(axis=1)
    middle = (weight @ x) / total
    level = (weight @ y) / total
    off = x - middle[:, None]
    spread = (weight * off**2).sum(axis=1)
    slope = (weight * off) @ y / np.where(spread > 1e-12, spread, np.inf)
    return np.clip(level + slope * (places - middle), 0.0, 1.0)
