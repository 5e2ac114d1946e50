"""Solve the blocks of one clock with an adaptive solver of diffrax, event to event.

Slower than :mod:`lymphokin.solve.clock` by far, and for models that it does not suit: states that
drive each other so hard that no step of a fixed grid is short enough. Nodes, events and what is
handed down between the clocks are the same; between two nodes all states of the clock move
together, with steps that the solver chooses for every lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from lymphokin.model import AdaptiveSolver
from lymphokin.solve.clock import Clock, Path, Stages, Values
from lymphokin.solve.system import System


def advance(solver: AdaptiveSolver, clock: Clock, start: Values, step: Any, handed: Stages) -> Any:
    """All states after a step without events, [lane] each; among lesions see :class:`System`.

    Args:
        start: the states before it, [lane].
        step: [lane] days.
        handed: what an earlier clock hands down at the start, middle and end, [lane].
    """
    import diffrax  # only models that ask for it pay for the import

    names = getattr(clock.system.p, "_fields", None) or tuple(vars(clock.system.p))
    lanes = step.shape[-1:]
    p = {n: _over(getattr(clock.system.p, n), lanes) for n in names}
    start = {name: _over(value, step.shape) for name, value in start.items()}

    def one(start: Values, step: Any, handed: Stages, p: Values, present: Any) -> Any:
        system = System(clock.system.blocks, SimpleNamespace(**p), present)

        def slope(s: Any, y: Values, _: None) -> Any:
            # The parabola through the three values, as the built-in solver reads them.
            weights = ((1 - s) * (1 - 2 * s), 4 * s * (1 - s), s * (2 * s - 1))
            upstream = {
                name: sum(w * stage[name] for w, stage in zip(weights, handed, strict=True))
                for name in handed[0]
            }
            flows = system.flows(y, upstream)
            return {n: step * (flows[n].inflow - flows[n].loss * y[n]) for n in y}

        found = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),  # type: ignore[arg-type]
            solver.method(),
            0.0,
            1.0,
            None,
            start,
            stepsize_controller=diffrax.PIDController(rtol=solver.rtol, atol=solver.atol),
            max_steps=solver.max_steps,
            throw=False,
        )
        done = found.result == diffrax.RESULTS.successful
        return {n: jnp.where(done, y[-1], jnp.nan) for n, y in found.ys.items()}  # type: ignore[union-attr]

    of_lanes = jax.vmap(one, in_axes=-1, out_axes=-1)
    return of_lanes(start, step, handed, p, clock.system.present)


def _over(value: Any, shape: tuple[int, ...]) -> Any:
    """A value that has at least this shape."""
    return jnp.broadcast_to(value, jnp.broadcast_shapes(jnp.shape(value), shape))


def solve_adaptively(
    solver: AdaptiveSolver, clock: Clock, step: Any, events: Any, handed: Mapping[str, Path]
) -> dict[str, Path]:
    """Paths of all states of a clock, as of :func:`lymphokin.solve.clock.solve_clock`."""

    def changed(before: Values, event: Any) -> dict[str, Any]:
        changes = clock.system.changes({**clock.rest, **before}, event)
        return {name: changes.get(name, value) for name, value in before.items()}

    def move(before: Values, x: Any) -> tuple[Values, Values]:
        step, event, stages = x
        end = advance(solver, clock, changed(before, event), step, stages)
        return end, end

    first = {name: clock.rest[name] for name in clock.system.names}
    stages = (
        {name: path.after[:-1] for name, path in handed.items()},
        {name: path.middle for name, path in handed.items()},
        {name: path.before[1:] for name, path in handed.items()},
    )
    at_starts = jax.tree.map(lambda nodes: nodes[:-1], events)
    _, ends = jax.lax.scan(jax.checkpoint(move), first, (step, at_starts, stages))
    before = {name: jnp.concatenate([first[name][None], ends[name]]) for name in first}
    after = changed(before, events)
    return {name: Path(before[name], after[name], None) for name in before}
