"""What drives a number: how much of the spread of the endpoint's count each unknown explains."""

from __future__ import annotations

import numpy as np

from lymphokin.whatif.answers import Driver
from lymphokin.whatif.lanes import LaneSolver
from lymphokin.whatif.risk import ranks

SHOWN = 8
LEAST_SHARE = 0.01
RIDGE = 0.02


def drivers(solver: LaneSolver, parameters: np.ndarray, log_count: np.ndarray) -> list[Driver]:
    """Parameters of the patient by their share of the variance of ln count, largest first.

    The share is slope times correlation (Pratt 1987) on the ranks of the draws: shares add up
    to what a regression explains.

    Args:
        parameters: [parameter, draw] of the patient.
        log_count: [draw] ln true count at the endpoint.
    """
    varies = parameters.std(axis=1) > 1e-9 * np.abs(parameters).max(axis=1).clip(1e-300)
    names = [n for n, v in zip(solver.parameters, varies, strict=True) if v]
    if not names or log_count.std() < 1e-9:
        return []
    x, y = ranks(parameters[varies]), ranks(log_count)
    x, y = ((v - v.mean(axis=-1, keepdims=True)) / v.std(axis=-1, keepdims=True) for v in (x, y))
    correlation = x @ y / len(y)
    slope = np.linalg.solve(x @ x.T / len(y) + RIDGE * np.eye(len(x)), correlation)
    share = np.clip(slope * correlation, 0.0, None)
    share = share / max(1.0, share.sum())
    drives = [
        Driver(
            name=name,
            meaning=solver.model.table[name].meaning,
            share=round(float(part), 2),
            raises_risk=bool(along < 0),
        )
        for name, part, along in zip(names, share, slope, strict=True)
        if part >= LEAST_SHARE
    ]
    return sorted(drives, key=lambda d: -d.share)[:SHOWN]
