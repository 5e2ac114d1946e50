"""Doses that were given before a steady state, as many as it takes to come there.

A drug that has been given for ever has settled to within a share of the tolerance once the slowest
mode of all that it moves, over individuals of the prior, has decayed to that.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import gammainccinv

from lymphokin.model import Model, ModelError, initial_state, state_type
from lymphokin.model.block import cumulative, upstream
from lymphokin.model.individuals import individuals
from lymphokin.solve.kinetics import MARGIN, Known

MOST_DOSES = 1000
"""Doses before a steady state that are solved; more are refused (judgement)."""
PLACES = 3
"""Random states at which it is tried what moves what."""


def doses_before(model: Model, drug: str, interval: float, tolerance: float) -> int:
    """Number of doses after which a steady state has come, within a share of the tolerance.

    Args:
        model: the model.
        drug: one that it takes.
        interval: days from one dose to the next.
        tolerance: relative error of what is solved.

    Raises:
        ModelError: when what the drug moves never settles, or it takes more than 1000 doses.
    """
    days = _settling_days(Known(model), drug, tolerance)
    count = np.ceil(days / interval)
    if not count <= MOST_DOSES:
        how_long = f"takes {days:,.0f} days" if np.isfinite(days) else "never comes"
        raise ModelError(
            f"the steady state of {drug} every {interval:g} days {how_long} in model {model.name}, "
            f"more than {MOST_DOSES} doses: write the doses that were given, with II and ADDL"
        )
    return int(count)


@lru_cache(maxsize=64)
def _settling_days(known: Known, drug: str, tolerance: float) -> float:
    """Days until all that a drug moves has settled; infinite if it never does."""
    model = known.model
    added_up = {cumulative(name) for name in model.hazards}
    with jax.ensure_compile_time_eval():
        names = [n for b in model.blocks for n in b.states if n not in added_up]
        moved = _moved(model, drug, names)
        people = individuals(model)
        values = {n: jnp.array([person[n] for person in people]) for n in people[0]}
        every = jax.vmap(lambda p: jax.jacfwd(lambda y: _slopes(model, y, p))(_rest(model, p)))(
            values
        )
        place = [n for n in names if n in moved]
        jacobian = np.stack(
            [np.stack([np.asarray(every[i][j]) for j in place], axis=-1) for i in place], axis=-2
        )
    slowest = float((-np.real(np.linalg.eigvals(jacobian))).min())
    if not slowest > 0:
        return np.inf
    return float(gammainccinv(len(place), MARGIN * tolerance)) / slowest


def _moved(model: Model, drug: str, names: list[str]) -> set[str]:
    """States that a drug changes, by itself or through others."""
    medians = {p.name: p.median * p.per_day for p in model.table}
    rng, moved = np.random.default_rng(0), set[str]()
    for block in model.blocks:
        if drug in block.drugs:
            y, p = initial_state(block, SimpleNamespace(**medians)), SimpleNamespace(**medians)
            nothing = dict.fromkeys(block.drugs, 0.0)
            before, after = (block.dosed(y, p, given) for given in (nothing, nothing | {drug: 1.0}))
            moved |= {n for n in after if not np.allclose(after[n], before.get(n, getattr(y, n)))}
            moved |= set(block.states) if drug in model.infused else set()
    reads: dict[str, set[str]] = {n: set() for n in names}
    for _ in range(PLACES):
        y = {n: float(rng.uniform(0.3, 2.0)) for b in model.blocks for n in b.states}
        jacobian = jax.jacfwd(lambda y: _slopes(model, y, medians))(y)
        for n in names:
            reads[n] |= {m for m in names if float(jacobian[n][m]) != 0}
    while more := {n for n in names if reads[n] & moved} - moved:
        moved |= more
    return moved & set(names)


def _rest(model: Model, values: dict[str, Any]) -> dict[str, Any]:
    """States of an untreated individual by name."""
    p = SimpleNamespace(**values)
    rest = {n: v for b in model.blocks for n, v in initial_state(b, p)._asdict().items()}
    return {n: jnp.asarray(v, float) for n, v in rest.items()}


def _slopes(model: Model, y: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Change per day of every state of both clocks, without events."""
    p = SimpleNamespace(**values)
    seen: dict[str, Any] = {name: c.missing for name, c in model.table.varying.items()}
    slopes: dict[str, Any] = {}
    for block in model.blocks:
        own = state_type(block)(*(y[name] for name in block.states))
        u = upstream(seen, block.drugs)
        flows = block.every_flow(own, p, u)
        slopes |= {n: flows[n].inflow - flows[n].loss * y[n] for n in block.states}
        seen |= block.outputs(own, p, u) | {name: y[name] for name in block.hands_down}
    return slopes
