"""How long and how closely a drug must be followed: by its own kinetics, over the prior.

A state of the hours clock matters as long as it can still move what is handed down or shown. It may
take several compartments to empty: the slowest mode of all of them together, over individuals of
the prior, says how long a window lasts after its last dose. The fastest, at the medians, says how
short steps must be. What is handed down needs no following on its own account: after a window it
decays exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import NamedTuple

import jax
import numpy as np
from scipy.special import gammainccinv

from lymphokin.model import Block, Model, initial_state
from lymphokin.model.individuals import individuals
from lymphokin.solve.steps import StepRule, Window
from lymphokin.solve.system import System

FAST_PER_DAY = 42.0
"""Steps of a rule are made for modes up to this rate, a half-life of 0.4 h; the time of a faster
drug is stepped through as finely as that. The drug of the default model has 28, with priors after
published cohorts 41."""
MARGIN = 0.1
"""Share of the tolerance that may be left when a drug is followed no longer (judgement)."""
FAST_SHARE = 0.2
"""Part of the drug's fastest rate from which on what is handed down follows it closely: below, a
cubic gives its area to 5e-5 (measured, one to three compartments in a row)."""
STILL = 1e-9
"""A state moves when its slope (unit per day) changes by more, which is rounding."""
MOST_DAYS = 180.0
"""A drug is not followed for longer, as one that never leaves (judgement)."""


def following(rule: StepRule, model: Model) -> StepRule:
    """A rule for the drugs of a model.

    Windows last as long as their drug, and no shorter than they did; their steps are as short as a
    fast drug needs. Without a drug, or with one like that of the default model, the rule stays.
    """
    windows = rule.windows
    if model.on_clock("hours"):
        known = Known(model)
        windows = tuple(
            Window(
                exposure.drugs,
                _at_least(rule.tail_days, _kinetics(known, i, rule.tolerance).days),
                min(1.0, FAST_PER_DAY / _kinetics(known, i, rule.tolerance).fastest),
            )
            for i, exposure in enumerate(model.exposures)
        )
    infused = tuple(sorted(model.infused))
    return replace(
        rule,
        windows=windows,
        on_days=model.taken_on_days(),
        infused=infused,
        from_first_record=bool(model.begins),
    )


def _at_least(usual: float, days: float) -> float:
    """Days beyond the usual ones; 0 where those are enough."""
    return days if days > usual else 0.0


def fast_states(model: Model) -> frozenset[str]:
    """States handed down that, at the medians, decay nearly as fast as the drug itself.

    They follow its bends, where slower ones are smooth.
    """
    found = (_fast_states(Known(model), i) for i in range(len(model.exposures)))
    return frozenset().union(*found)


@lru_cache(maxsize=64)
def _fast_states(known: Known, exposure: int) -> frozenset[str]:
    blocks = known.model.exposures[exposure].blocks
    medians = {p.name: p.median * p.per_day for p in known.model.table}
    handed = [name for block in blocks for name in block.hands_down]
    with jax.ensure_compile_time_eval():
        states = _followed(blocks, medians)
        if not states:
            return frozenset()
        least = FAST_SHARE * float(_rates(blocks, medians, states).max())
        return frozenset(n for n in handed if _rates(blocks, medians, [n]).max() >= least)


class _Kinetics(NamedTuple):
    """What the drug of a model asks of the steps."""

    days: float
    """after a dose until less than a share of the tolerance is left of any state that matters"""
    fastest: float
    """rate (1/day) of the fastest mode at the medians"""


class Known:
    """A model as the key of what was computed of it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._key = model.blocks, repr(model.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=64)
def _kinetics(known: Known, exposure: int, tolerance: float) -> _Kinetics:
    model = known.model
    blocks = model.exposures[exposure].blocks
    medians = {p.name: p.median * p.per_day for p in model.table}
    reads = model.reads()
    names = frozenset().union(*(reads[block.name] for block in blocks))
    with jax.ensure_compile_time_eval():
        states = _followed(blocks, medians)
        if not states:
            return _Kinetics(0.0, FAST_PER_DAY)
        fastest = float(_rates(blocks, medians, states).max())
        people = individuals(model, names=names)
        slowest = float(min(_rates(blocks, p, states).min() for p in people))
    # Compartments in a row with one rate: the share that has not left is that of a gamma
    # distribution, and no other rates leave more.
    times = float(gammainccinv(len(states), MARGIN * tolerance))
    days = min(MOST_DAYS, times / slowest) if slowest > 0 else MOST_DAYS
    return _Kinetics(days, max(fastest, FAST_PER_DAY))


def _system(blocks: Sequence[Block], p: Mapping[str, float]) -> tuple[System, dict[str, float]]:
    """The hours clock of one individual, and its states at rest."""
    own = SimpleNamespace(**p)
    states = [initial_state(block, own)._asdict() for block in blocks]
    return System(blocks, own), {n: float(v) for part in states for n, v in part.items()}


def _slopes(system: System, y: Mapping[str, float]) -> dict[str, float]:
    flows = system.flows(y, {})
    return {name: float(flow.inflow - flow.loss * y[name]) for name, flow in flows.items()}


def _followed(blocks: Sequence[Block], p: Mapping[str, float]) -> tuple[str, ...]:
    """States that, away from rest alone, move what is handed down or shown."""
    system, rest = _system(blocks, p)
    handed = {name for block in blocks for name in block.hands_down}
    shown, still = system.outputs(rest, {}), _slopes(system, rest)
    found = []
    for name in system.names:
        moved = {name}
        while True:
            y = {n: v + (1 + abs(v)) * (n in moved) for n, v in rest.items()}
            slopes = _slopes(system, y)
            more = {n for n in slopes if abs(slopes[n] - still[n]) > STILL} - moved
            if not more:
                break
            moved |= more
        changed = any(float(value) != float(shown[n]) for n, value in system.outputs(y, {}).items())
        if changed or moved & handed - {name}:
            found.append(name)
    return tuple(found)


def _rates(blocks: Sequence[Block], p: Mapping[str, float], states: Sequence[str]) -> np.ndarray:
    """Rates (1/day) of the modes of some states near rest."""
    system, rest = _system(blocks, p)
    still = _slopes(system, rest)
    columns = []
    for name in states:
        step = 1e-6 * (1 + abs(rest[name]))
        slopes = _slopes(system, {**rest, name: rest[name] + step})
        columns.append([(slopes[other] - still[other]) / step for other in states])
    return -np.linalg.eigvals(np.asarray(columns).T).real
