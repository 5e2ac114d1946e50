"""Who depends on whom in the blocks of one clock, and the order in which to solve them.

A model says only what flows; which states can be solved on their own, one after the other, is read
off the traced program. Dependence is judged by what enters a formula, never by its value, so it
holds for every parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from lymphokin.model import Block, Fraction
from lymphokin.solve.system import Events, System

LOCAL_ORDER = {"hours": 5, "days": 7}
"""Power of the step to which the updates of coupled states must bring the error of one step. Five
matches the quadrature; days steps are long against an exchange of cells and need two more."""


@dataclass(frozen=True)
class Component:
    """States that must be solved together, and how."""

    states: tuple[str, ...]
    coupled: bool
    """False for one state whose step is a line in its own value: no iteration is needed."""
    updates: tuple[str, ...]
    """States in the order in which one step computes them, until all have the full order."""
    guessed: frozenset[str]
    """States that are read before they have been computed."""
    reads: frozenset[str]
    """Earlier states and handed-down values that the flows and events read."""


@dataclass(frozen=True)
class Structure:
    """Order of solution of one clock."""

    components: tuple[Component, ...]
    handed: tuple[str, ...]
    """States that an earlier clock hands down."""
    steady: frozenset[str]
    """States whose loss does not change with time."""
    jumps: frozenset[str]
    """States, and handed-down values, that an event changes."""
    reads: Mapping[str, frozenset[str]]
    """States and handed-down values that each state's flow reads."""
    read_within: frozenset[str]
    """States whose value at the middle of a step another component needs."""


def _entering(jaxpr: Any, entering: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Which inputs enter each output of a jaxpr; calls of functions are opened, loops are not."""
    known = dict(zip(jaxpr.invars, entering, strict=True))
    nothing: frozenset[int] = frozenset()

    def of(atom: Any) -> frozenset[int]:
        return nothing if hasattr(atom, "val") else known.get(atom, nothing)

    for eqn in jaxpr.eqns:
        ins = [of(atom) for atom in eqn.invars]
        inner = eqn.params.get("jaxpr")
        if eqn.primitive.name in ("jit", "pjit", "closed_call") and inner is not None:
            outs = _entering(inner.jaxpr, ins)
        else:
            outs = [nothing.union(*ins)] * len(eqn.outvars)
        known.update(zip(eqn.outvars, outs, strict=True))
    return [of(atom) for atom in jaxpr.outvars]


def _dependence(
    function: Callable[[dict[str, Any]], dict[str, Any]], names: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Per output of ``function({name: number})``, the names that enter it."""
    order = sorted(names)
    outputs: list[str] = []

    def flat(*values: Any) -> list[Any]:
        result = function(dict(zip(order, values, strict=True)))
        outputs[:] = list(result)
        return [jnp.asarray(value) for value in result.values()]

    jaxpr = jax.make_jaxpr(flat)(*(1.0 for _ in order)).jaxpr
    entering = _entering(jaxpr, [frozenset([i]) for i in range(len(order))])
    return {
        name: frozenset(order[i] for i in indices)
        for name, indices in zip(outputs, entering, strict=True)
    }


def _updates(
    states: Sequence[str], reads: Mapping[str, frozenset[str]], full: int
) -> tuple[str, ...]:
    """Updates of one step until every state has the full order; each gains one by integrating."""
    order = dict.fromkeys(states, 2)
    updates: list[str] = []
    while not updates or min(order.values()) < full:
        for state in states:
            gained = 1 + min((order[s] for s in reads[state] & set(states)), default=full)
            if state not in updates or order[state] < min(gained, full):
                updates.append(state)
                order[state] = gained
    return tuple(updates)


def _guessed(updates: Sequence[str], reads: Mapping[str, frozenset[str]]) -> frozenset[str]:
    done: set[str] = set()
    guessed: set[str] = set()
    for state in updates:
        guessed |= (reads[state] & set(updates)) - done
        done.add(state)
    return frozenset(guessed)


def _groups(names: Sequence[str], needs: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """States that need each other, in groups; a group comes after all that it needs."""
    reach = {name: needs[name] & set(names) for name in names}
    for middle in names:
        for name in names:
            if middle in reach[name]:
                reach[name] |= reach[middle]
    groups: list[tuple[str, ...]] = []
    solved: set[str] = set()
    while len(solved) < len(names):
        for name in names:
            group = {other for other in reach[name] if name in reach[other]} | {name}
            if name not in solved and reach[name] <= solved | group:
                groups.append(tuple(other for other in names if other in group))
                solved |= group
    return groups


@lru_cache(maxsize=64)
def structure_of(
    blocks: tuple[Block, ...],
    parameters: tuple[str, ...],
    handed: tuple[str, ...] = (),
    handed_jumps: frozenset[str] = frozenset(),
    together: bool = False,
    resets: bool = False,
) -> Structure:
    """Structure of the blocks of one clock.

    Args:
        parameters: names of all parameters.
        handed: names of the states that an earlier clock hands down.
        handed_jumps: those of them that an event of that clock changes.
        together: put all states into one component, to check the solver against itself.
        resets: whether events set all states back.
    """
    names = System(blocks, None).names
    local = frozenset((*names, *handed))
    irradiated = blocks[0].clock == "days"
    fraction = Fraction._fields if irradiated else ()
    doses = {name: f"dose of {name}" for name in System(blocks, None).drugs}
    events = (*fraction, *doses.values())
    traced = (*names, *handed, *(f"parameter {name}" for name in parameters), *events)

    def system(values: Mapping[str, Any]) -> System:
        p = {name: values[f"parameter {name}"] for name in parameters}
        return System(blocks, SimpleNamespace(**p))

    def flow(kind: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        def function(values: Mapping[str, Any]) -> dict[str, Any]:
            upstream = {name: values[name] for name in handed}
            flows = system(values).flows(values, upstream)
            return {name: getattr(f, kind) for name, f in flows.items()}

        return function

    def jump(values: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: values[dose] for name, dose in doses.items()}
        irradiation = Fraction(*(values[name] for name in fraction)) if irradiated else None
        return system(values).changes(values, Events(irradiation, given))

    def jump_slope(values: Mapping[str, Any]) -> dict[str, Any]:
        def of(name: str, own: Any) -> Any:
            return jump({**values, name: own})[name]

        return {
            name: jax.jvp(partial(of, name), (values[name],), (1.0,))[1] for name in jump(values)
        }

    inflow, loss = _dependence(flow("inflow"), traced), _dependence(flow("loss"), traced)
    jumps, bends = _dependence(jump, traced), _dependence(jump_slope, traced)
    reads = {name: (inflow[name] | loss[name]) & local for name in names}
    needs = {name: reads[name] | (jumps.get(name, frozenset()) & local) for name in names}
    groups = [names] if together else _groups(names, needs)
    full = LOCAL_ORDER[blocks[0].clock]
    components = []
    for group in groups:
        alone = len(group) == 1 and not together
        own = group[0]
        updates = min(
            (_updates(group[i:] + group[:i], reads, full) for i in range(len(group))),
            key=lambda order: (sum(bool(loss[name] & local) for name in order), len(order)),
        )
        components.append(
            Component(
                states=group,
                coupled=not alone or own in reads[own] | bends.get(own, frozenset()),
                updates=updates,
                guessed=_guessed(updates, reads),
                reads=frozenset().union(*(needs[name] for name in group)) - set(group),
            )
        )
    return Structure(
        components=tuple(components),
        handed=handed,
        steady=frozenset(name for name in names if not loss[name] & local),
        jumps=frozenset(names if resets else jumps) | handed_jumps,
        reads=reads,
        read_within=frozenset(
            name
            for group in groups
            for reader in group
            for name in reads[reader] - set(group)
            if name in names
        ),
    )
