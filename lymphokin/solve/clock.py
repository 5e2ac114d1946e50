"""Solve the blocks of one clock: state after state where possible, step after step where not.

A state whose step is a line in its own value, given what has been solved before it, is solved over
all nodes at once; only the product of those lines is left to a recurrence. States that depend on
each other are stepped together, and each step is run again in the backward pass.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Flow
from lymphokin.solve.hardware import steps_per_launch, stored
from lymphokin.solve.recurrence import recurrence
from lymphokin.solve.step import (
    Weights,
    guess,
    is_zero,
    line,
    move,
    stacked_weights,
    steady_line,
)
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
    """Blocks of one clock with parameters: how a step moves their states."""

    def __init__(self, system: System, structure: Structure, lanes: int) -> None:
        self.system = system
        self.structure = structure
        self.rest: Values = {**system.initial(lanes), **dict.fromkeys(structure.handed, 0.0)}

    def flows(self, values: Values, wanted: Collection[str] | None = None) -> dict[str, Flow]:
        """Flows at known values; states not yet solved rest: nothing reads them."""
        full = {**self.rest, **values}
        handed = {name: full[name] for name in self.structure.handed}
        return self.system.flows(full, handed, wanted)

    def advance(
        self, component: Component, step: Any, start: Values, outer: Stages
    ) -> tuple[Values, Values]:
        """States of a component in the middle and at the end of a step.

        Args:
            step: days, of any shape; everything else has that shape or broadcasts to it.
            start: the component's states at the start.
            outer: what else its flows read.
        """
        names = component.states
        flows = self.flows({**outer[0], **start}, names)
        first = stored({name: flows[name] for name in names})
        stacked = stacked_weights(step, [first[name].loss for name in names])
        weight = stored(dict(zip(names, stacked, strict=True)))
        middle, end = dict(start), dict(start)
        for name in component.guessed:
            middle[name], end[name] = guess(weight[name], first[name], start[name])

        @partial(jax.jit, static_argnums=0)
        def update(name: str, middle: Values, end: Values) -> tuple[Any, Any]:
            """Traced once for each state, however often it is updated."""
            within = stored(self.flows({**outer[1], **middle}, [name])[name])
            last = stored(self.flows({**outer[2], **end}, [name])[name])
            steady = name in self.structure.steady
            return stored(move(weight[name], (first[name], within, last), steady, start[name]))

        for name in component.updates:
            middle[name], end[name] = update(name, middle, end)
        return middle, end

    def step(self, start: Values, step: Any, handed: Values) -> Values:
        """All states after one step without events, what is handed down being constant."""
        stages = (dict(handed), dict(handed), dict(handed))
        for component in self.structure.components:
            own = {name: start[name] for name in component.states}
            middle, end = self.advance(component, step, own, stages)
            for stage, values in zip(stages, (own, middle, end), strict=True):
                stage.update(values)
        return stages[2]


def _part(value: Any, where: slice, over_time: int) -> Any:
    """Some of the nodes; what does not change with time (has fewer axes) stays as it is."""
    return value[where] if jnp.ndim(value) == over_time else value


class _Course:
    """A clock on given nodes; ``paths`` fills up component by component."""

    def __init__(self, clock: Clock, step: Any, events: Any, handed: Mapping[str, Path]) -> None:
        self.clock = clock
        self.step = step
        self.events = events
        self.paths = dict(handed)
        self.steady = self._steady()

    def _steady(self) -> dict[str, Weights]:
        """Weights of the states that are solved alone and whose loss is constant."""
        structure, flows = self.clock.structure, self.clock.flows({})
        alone = [c.states[0] for c in structure.components if not c.coupled]
        result: dict[str, Weights] = {}
        for decays in (False, True):  # what only decays needs no phi functions
            names = [
                n for n in alone if n in structure.steady and is_zero(flows[n].inflow) is decays
            ]
            losses = [flows[name].loss for name in names]
            if names:
                result |= zip(names, stacked_weights(self.step, losses), strict=True)
        return result

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

        def flow(values: Values) -> Flow:
            return self.clock.flows(values, [name])[name]

        if reads & self.clock.structure.jumps:
            return flow(start), flow(middle), flow(end)
        on_nodes, axes = flow({n: self.paths[n].before for n in reads}), self.step.ndim
        return (
            Flow(*(_part(x, slice(None, -1), axes) for x in on_nodes)),
            flow(middle),
            Flow(*(_part(x, slice(1, None), axes) for x in on_nodes)),
        )

    def _others(self, component: Component) -> Values:
        """Earlier states that the component's events may read, before the event."""
        return {n: self.paths[n].before for n in component.reads & set(self.clock.system.names)}

    def _changed(self, before: Values, events: Any, others: Values) -> Values:
        """The states ``before`` after an event."""
        changes = self.clock.system.changes({**self.clock.rest, **others, **before}, events)
        return {name: changes.get(name, value) for name, value in before.items()}

    def alone(self, component: Component) -> None:
        """Solve the only state of a component over all nodes at once."""
        (name,) = component.states
        structure, rest = self.clock.structure, self.clock.rest[name]
        flows = self._flows_around(name)
        if name in self.steady:
            first, within, last = (flow.inflow for flow in flows)
            steps = steady_line(self.steady[name], (first, within, last))
        else:
            steps = line(self.step, flows)
        # A lesion's state may have a loss, or an inflow, that all lesions share.
        shape = (self.step.shape[0], *rest.shape)
        slope = jnp.broadcast_to(steps.slopes[1], shape)
        offset = jnp.broadcast_to(jnp.zeros_like(steps.slopes[1]) + steps.offsets[1], shape)
        scale, shift = self._jump(component)
        if name in structure.jumps:
            offset, slope = offset + slope * shift[:-1], slope * scale[:-1]
        before = jnp.concatenate([rest[None], recurrence(slope, offset.at[0].add(slope[0] * rest))])
        after = scale * before + shift if name in structure.jumps else before
        middle = None
        if name in structure.read_within:
            middle = steps.slopes[0] * after[:-1] + steps.offsets[0]
        self.paths[name] = Path(before, after, middle)

    def _jump(self, component: Component) -> tuple[Any, Any]:
        """The line by which events change the only state of a component, [node, lane]."""
        (name,) = component.states
        others = self._others(component)
        zero = jnp.zeros((self.step.shape[0] + 1, *self.clock.rest[name].shape))

        def after(own: Any) -> Any:
            return self._changed({name: own}, self.events, others)[name]

        shift, scale = jax.jvp(after, (zero,), (jnp.ones_like(zero),))
        return scale, shift

    def together(self, component: Component) -> None:
        """Solve the states of a component step by step."""
        clock, names = self.clock, component.states
        within = [name for name in names if name in clock.structure.read_within]
        others = self._others(component)
        first = {name: clock.rest[name] for name in names}

        def advance(before: Values, x: Any) -> tuple[Values, tuple[Values, Values]]:
            step, outer, others, event = x
            start = self._changed(before, event, others)
            middle, end = clock.advance(component, step, start, outer)
            return end, (end, {name: middle[name] for name in within})

        at_starts = jax.tree.map(lambda nodes: nodes[:-1], (others, self.events))
        inputs = (self.step, self._stages(component.reads), *at_starts)
        _, (ends, middles) = jax.lax.scan(
            jax.checkpoint(advance), first, inputs, unroll=steps_per_launch()
        )
        before = {name: jnp.concatenate([first[name][None], ends[name]]) for name in names}
        after = self._changed(before, self.events, others)
        for name in names:
            self.paths[name] = Path(before[name], after[name], middles.get(name))


def solve_clock(
    clock: Clock, step: Any, events: Any, handed: Mapping[str, Path]
) -> dict[str, Path]:
    """Paths of all states of a clock.

    Args:
        step: [step, lane] days; with lesions [step, 1, lane], as all that follows.
        events: what happens on each node, arrays of [node, lane].
        handed: paths of the states that an earlier clock hands down.
    """
    course = _Course(clock, step, events, handed)
    for component in clock.structure.components:
        (course.together if component.coupled else course.alone)(component)
    return {name: course.paths[name] for name in clock.system.names}
