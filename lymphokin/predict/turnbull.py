"""The survival curve of events that are known to lie in intervals, without any model.

The estimate of greatest likelihood (Turnbull 1976, doi:10.1111/j.2517-6161.1976.tb01597.x), by
self-consistency. With exact times and censoring on the right it is that of Kaplan and Meier.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

MOST_ROUNDS = 5000
SETTLED = 1e-8
"""Change of a probability between two rounds below which the estimate has settled."""


class Steps(NamedTuple):
    """A survival curve that falls somewhere within each of its steps."""

    begin: np.ndarray
    """[step] day on which a fall may begin"""
    end: np.ndarray
    """[step] day by which it has fallen; infinite of what never falls"""
    survival: np.ndarray
    """[step] after it"""


def turnbull(after: np.ndarray, until: np.ndarray) -> Steps:
    """Estimate a survival curve.

    Args:
        after: [patient] last day on which the event is known not to have happened.
        until: [patient] day by which it has, the same day of an exact time; infinite where it is
            not known to have happened.
    """
    # Mass lies only where a left end is followed by a right end. An exact time is a point: its left
    # end comes right before it.
    ends = [(day, 1, day) for day in until]
    begins = [
        (u if a == u else a, 0 if a == u else 2, a) for a, u in zip(after, until, strict=True)
    ]
    order = sorted([*ends, *begins])
    steps = [(one[2], other[2]) for one, other in pairwise(order) if one[1] != 1 and other[1] == 1]
    begin, end = (np.array(side) for side in zip(*dict.fromkeys(steps), strict=True))
    holds = (begin >= after[:, None]) & (end <= until[:, None])
    # A patient who was censored on the day of an exact event was spared it.
    holds &= (begin < end) | (begin > after[:, None]) | (after == until)[:, None]
    mass = np.full(len(begin), 1 / len(begin))
    for _ in range(MOST_ROUNDS):
        share = holds * mass
        share /= share.sum(axis=1, keepdims=True)
        new = share.mean(axis=0)
        settled = np.abs(new - mass).max() < SETTLED
        mass = new
        if settled:
            break
    return Steps(begin, end, np.clip(1 - np.cumsum(mass), 0.0, 1.0))
