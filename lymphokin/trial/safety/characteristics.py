"""How a safety rule behaves at a true event rate: exactly, by following every number of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact.nuisance import binomial
from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import SafetyRule


@dataclass(frozen=True)
class Characteristics:
    """Operating characteristics at each true rate, all outcomes known at every look."""

    rates: NDArray[np.float64]
    looks: tuple[int, ...]
    stop_limits: tuple[int | None, ...]
    """fewest events that stop, per look"""
    hold_limits: tuple[int | None, ...]
    """fewest events that hold or stop, per look"""
    stopped: NDArray[np.float64]
    """[look, rate] probability of stopping at that look"""
    held: NDArray[np.float64]
    """[rate] probability that some look asks to hold (enrolment then goes on) or stops"""
    patients: NDArray[np.float64]
    """[rate] expected number of patients"""
    events: NDArray[np.float64]
    """[rate] expected number of events"""


def characteristics(
    rule: SafetyRule, looks: Sequence[int], rates: Sequence[float]
) -> Characteristics:
    """Operating characteristics of a rule.

    Args:
        rule: the rule.
        looks: numbers of patients at which the data are looked at, rising; the last is the size of
            the run-in.
        rates: true event rates.
    """
    demands = Demands("safety looks")
    for look in looks:
        demands.want("patients", looks=look)
    rising = all(a < b for a, b in pairwise(looks))
    demands.that(bool(looks) and rising, "looks", list(looks), "rising numbers of patients")
    for rate in rates:
        demands.want("rate", rates=rate)
    demands.enforce()
    p = np.asarray(rates, dtype=float)
    stops = tuple(rule.limit(n) for n in looks)
    holds = tuple(rule.limit(n, "hold") for n in looks)
    size = looks[-1] + 1
    # state: [held before, events, rate]
    state = np.zeros((2, size, len(p)))
    state[0, 0] = 1.0
    stopped, patients, events = [], np.zeros(len(p)), np.zeros(len(p))
    number = np.arange(size)[:, None]
    for i, look in enumerate(looks):
        fresh = binomial(look - (looks[i - 1] if i else 0), p)
        state = _add(state, fresh)
        here = state.sum(axis=0)
        over = number >= _or_never(stops[i], size)
        ended = here * over
        stopped.append(ended.sum(axis=0))
        leaving = here if i == len(looks) - 1 else ended
        patients += look * leaving.sum(axis=0)
        events += (number * leaving).sum(axis=0)
        warned = number >= _or_never(holds[i], size)
        state[1] += state[0] * warned
        state[0] *= ~warned
        state *= ~over
    held = state[1].sum(axis=0) + np.sum(stopped, axis=0)
    return Characteristics(
        p, tuple(looks), stops, holds, np.asarray(stopped), held, patients, events
    )


def _or_never(limit: int | None, size: int) -> int:
    """A limit on the number of events; one that is never reached where there is none."""
    return size if limit is None else limit


def _add(state: NDArray[np.float64], fresh: NDArray[np.float64]) -> NDArray[np.float64]:
    """State after more patients; ``fresh``: [event, rate] probability of their events."""
    out = np.zeros_like(state)
    for k in range(len(fresh)):
        out[:, k:] += state[:, : state.shape[1] - k] * fresh[k]
    return out
