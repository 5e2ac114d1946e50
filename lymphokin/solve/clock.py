"""Solve the blocks of one clock: state after state where possible, step after step where not.

A state whose step is a line in its own value, given what has been solved before it, is solved over
all nodes at once; only the product of those lines is left to a recurrence. States that depend on
each other are stepped together, and differentiated as the root of their steps: the derivative of
all steps is taken at once, and again only a linear recurrence is left. Few small operations in a
row is what makes this fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Flow
from lymphokin.solve.linear import coupled_recurrence, recurrence
from lymphokin.solve.step import Weights, frozen, line, weights, around
from lymphokin.solve.structure import Component, Structure
from lymphokin.solve.system import System

type Values = Mapping[str, Any]
"""Values by name: states, and what an earlier clock hands down."""
type Stages = tuple[Values, Values, Values]
"""Values at the start, middle and end of a step."""


class Path(NamedTuple):
    """A value over time."""

    before: Any
    """[node, lane] before the event on the node"""
    after: Any
    """[node, lane] after it"""
    middle: Any
    """[step, lane] in the middle of each step; None where nobody asks"""


class Clock:
    """Blocks of one clock with parameters: how to step them and how to solve a whole course."""

    def __init__(self, system: System, structure: Structure, lanes: int) -> None:
        self.system = system
        self.structure = structure
        self.rest: Values = {**system.initial(lanes), **dict.fromkeys(structure.handed, 0.0)}

    def flows(self, values: Values) -> dict[str, Flow]:
        """Flows at known values; states not yet solved rest, for nobody reads them."""
        full = {**self.rest, **values}
        return self.system.flows(full, {name: full[name] for name in self.structure.handed})

    def steady(self, component: Component, step: Any) -> dict[str, Weights]:
        """Weights of the component's states whose loss is constant."""
        names = [name for name in component.states if component.coupled or name in self.structure.steady]
        flows = self.flows({}) if names else {}
        return {name: weights(step, jnp.asarray(flows[name].loss)) for name in names}

    def advance(
        self,
        component: Component,
        step: Any,
        start: Values,
        outer: Stages,
        steady: Mapping[str, Weights],
    ) -> tuple[Values, Values]:
        """States of a component in the middle and at the end of a step.

        Args:
            step: days, of any shape; everything else has that shape or broadcasts to it.
            start: the component's states at the start.
            outer: what else its flows read.
            steady: weights of states with a constant loss.
        """
        first = B(step, self.flows({**outer[0], **start}))
        rest_ = self.flows({})
        rl = {n: None if n in self.structure.steady else rest_[n].loss for n in component.states}
        middle, end = dict(start), dict(start)
        for name in component.guessed:
            middle[name], end[name] = B(step, frozen(start[name], first[name], steady[name], rl[name]))
        for name in component.updates:
            within = B(step, self.flows({**outer[1], **middle})[name])
            last = B(step, self.flows({**outer[2], **end})[name])
            if os.environ.get("LINE") == "1":
                move = B(step, line(step, (first[name], within, last), steady.get(name) if name in self.structure.steady else None))
                middle[name], end[name] = B(step, (move.middle(start[name]), move.end(start[name])))
            else:
                middle[name], end[name] = B(step, around(step, start[name], (first[name], within, last), steady[name], rl[name]))
        return middle, end

    def step(self, start: Values, step: Any) -> Values:
        """All states after one step without events, nothing being handed down."""
        stages: tuple[dict, dict, dict] = ({}, {}, {})
        for component in self.structure.components:
            own = {name: start[name] for name in component.states}
            middle, end = self.advance(component, step, own, stages, self.steady(component, step))
            for stage, values in zip(stages, (own, middle, end), strict=True):
                stage.update(values)
        return stages[2]


import os
def B(step, x):
    mode = os.environ.get("BAR","0")
    if mode=="2" or (mode=="1" and jnp.ndim(step)==2):
        return jax.lax.optimization_barrier(x)
    return x


def _part(value: Any, where: slice) -> Any:
    """Some of the nodes; what does not change with time stays as it is."""
    return value[where] if jnp.ndim(value) == 2 else value


class _Course:
    """A clock on given nodes; ``paths`` fills up component by component."""

    def __init__(self, clock: Clock, step: Any, events: Any, handed: Mapping[str, Path]) -> None:
        self.clock = clock
        self.step = step
        self.events = events
        self.paths = dict(handed)

    def _stages(self, names: frozenset[str]) -> Stages:
        paths = {name: path for name, path in self.paths.items() if name in names}
        return (
            {name: path.after[:-1] for name, path in paths.items()},
            {name: path.middle for name, path in paths.items()},
            {name: path.before[1:] for name, path in paths.items()},
        )

    def _flows_around(self, name: str) -> tuple[Flow, Flow, Flow]:
        """Flows of a state at the start, middle and end of every step."""
        reads = self.clock.structure.reads[name]
        start, middle, end = self._stages(reads)
        within = self.clock.flows(middle)[name]
        if reads & self.clock.structure.jumps:
            return self.clock.flows(start)[name], within, self.clock.flows(end)[name]
        nodes = {n: self.paths[n].before for n in reads}
        flow = self.clock.flows(nodes)[name]
        return (
            Flow(*(_part(x, slice(None, -1)) for x in flow)),
            within,
            Flow(*(_part(x, slice(1, None)) for x in flow)),
        )

    def _others(self, component: Component) -> Values:
        """Earlier states that the component's events may read, before the event."""
        return {n: self.paths[n].before for n in component.reads & set(self.clock.system.names)}

    def _changed(self, component: Component, before: Values, events: Any, others: Values) -> Values:
        """The component's states after an event."""
        changes = self.clock.system.changes({**self.clock.rest, **others, **before}, events)
        return {name: changes.get(name, value) for name, value in before.items()}

    def alone(self, component: Component) -> None:
        """Solve the only state of a component over all nodes at once."""
        (name,) = component.states
        structure, rest = self.clock.structure, self.clock.rest[name]
        steady = self.clock.steady(component, self.step)
        move = line(self.step, self._flows_around(name), steady.get(name))
        others = self._others(component)
        slope, offset = jnp.broadcast_to(move.end_slope, self.step.shape), move.end_offset
        jump: tuple[Any, Any] | None = None
        if name in structure.jumps:
            zero = jnp.zeros((self.step.shape[0] + 1, self.step.shape[1]))

            def after(own: Any) -> Any:
                return self._changed(component, {name: own}, self.events, others)[name]

            shift, scale = jax.jvp(after, (zero,), (jnp.ones_like(zero),))
            offset = offset + slope * shift[:-1]
            slope = slope * scale[:-1]
            jump = scale, shift
        offset = (jnp.zeros_like(slope) + offset).at[0].add(slope[0] * rest)
        before = jnp.concatenate([rest[None], recurrence(slope, offset)])
        after_event = before if jump is None else jump[0] * before + jump[1]
        middle = move.middle(after_event[:-1]) if name in structure.read_within else None
        self.paths[name] = Path(before, after_event, middle)

    def together(self, component: Component) -> None:
        """Solve the states of a component step by step."""
        clock, names = self.clock, component.states
        within = [name for name in names if name in clock.structure.read_within]
        outer = self._stages(component.reads)
        others = self._others(component)
        earlier = {name: value[:-1] for name, value in others.items()}
        events = jax.tree.map(lambda x: x[:-1], self.events)
        steady = clock.steady(component, self.step)
        inside = os.environ.get("INS") == "1"
        inputs = (self.step, outer, earlier, events, {} if inside else steady)

        def move(before: Values, inputs: Any) -> tuple[Values, Values]:
            step, outer, others, event, steady = inputs
            start = self._changed(component, before, event, others)
            if inside:
                steady = B(step, clock.steady(component, step))
            return clock.advance(component, step, start, outer, steady)

        def advance(before: Values, x: Any) -> tuple[Values, tuple[Values, Values]]:
            middle, end = move(before, x)
            return end, (end, {name: middle[name] for name in within})

        first = {name: clock.rest[name] for name in names}

        def residual(y: tuple[Values, Values]) -> tuple[Values, Values]:
            ends, middles = y
            before = {n: jnp.concatenate([first[n][None], ends[n][:-1]]) for n in names}
            middle, end = move(before, inputs)
            return (
                {n: ends[n] - end[n] for n in names},
                {n: middles[n] - middle[n] for n in within},
            )

        shape = self.step
        guess = ({n: jnp.zeros_like(shape) for n in names}, {n: jnp.zeros_like(shape) for n in within})
        mode = os.environ.get("MODE", "root")
        if mode == "root":
            ends, middles = jax.lax.custom_root(
                residual,
                guess,
                lambda *_: jax.lax.scan(advance, first, inputs)[1],
                _solve_steps,
            )
        elif mode == "remat":
            ends, middles = jax.lax.scan(jax.checkpoint(advance), first, inputs)[1]
        else:
            ends, middles = jax.lax.scan(advance, first, inputs)[1]
        before = {n: jnp.concatenate([first[n][None], ends[n]]) for n in names}
        after = self._changed(component, before, self.events, others)
        for name in names:
            self.paths[name] = Path(before[name], after[name], middles.get(name))


def _solve_steps(
    residual: Callable[[tuple[Values, Values]], tuple[Values, Values]], b: tuple[Values, Values]
) -> tuple[Values, Values]:
    """Solve the linearised steps: each depends on the states at the end of the step before."""
    names, within = list(b[0]), list(b[1])
    ones = {n: jnp.stack([jnp.full_like(b[0][n], float(n == m)) for m in names]) for n in names}
    none = {n: jnp.zeros((len(names), *b[1][n].shape)) for n in within}
    ends, middles = jax.vmap(residual)((ones, none))
    slopes = tuple(tuple(ones[i][k] - ends[i][k] for i in names) for k in range(len(names)))
    solved = dict(zip(names, coupled_recurrence(slopes, [b[0][n] for n in names]), strict=True))
    before = [jnp.concatenate([jnp.zeros_like(v[:1]), v[:-1]]) for v in solved.values()]
    return solved, {
        n: b[1][n] - sum(row * v for row, v in zip(middles[n], before, strict=True))
        for n in within
    }


def solve_clock(clock: Clock, step: Any, events: Any, handed: Mapping[str, Path]) -> dict[str, Path]:
    """Paths of all states of a clock.

    Args:
        step: [step, lane] days.
        events: what happens on each node, arrays of [node, lane].
        handed: paths of the states that an earlier clock hands down.
    """
    course = _Course(clock, step, events, handed)
    for component in clock.structure.components:
        (course.together if component.coupled else course.alone)(component)
    return {name: course.paths[name] for name in clock.system.names}
