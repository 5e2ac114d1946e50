"""Solve a model for many patients at once: the hours clock first, then the days clock it drives.

Arrays have nodes or stages first and lanes (patients, or patients x drug windows) last, so that every
operation is one fused pass over the lanes. One step is rematerialised in the backward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Block, Fraction, Model, initial_state, state_type
from lymphokin.solve.exponential import exponential_step
from lymphokin.solve.timeline import HoursArrays, Timeline


class HoursSolution(NamedTuple):
    """States of the hours blocks at the nodes of each drug window, after any dose there."""

    states: tuple[Any, ...]
    """per state, [node, lane]"""
    slopes: tuple[Any, ...]
    """per state, time derivative per day, [node, lane]"""


class Solution(NamedTuple):
    """What a solve gives: named outputs of the days blocks and the hours solution behind them."""

    outputs: dict[str, jax.Array]
    """per output of a days block, [node, patient], before the event on that node"""
    states: dict[str, jax.Array]
    """per state of a days block, [node, patient], before the event on that node"""
    hours: HoursSolution | None


class _System:
    """Blocks of one clock as functions of the flat tuple of all their states."""

    def __init__(self, blocks: Sequence[Block], p: Any) -> None:
        self.blocks = blocks
        self.p = p
        self.names = [name for block in blocks for name in block.states]
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"two blocks share the name of a state: {sorted(self.names)}")

    def split(self, flat: Sequence[Any]) -> list[Any]:
        parts, i = [], 0
        for block in self.blocks:
            n = len(block.states)
            parts.append(state_type(block)(*flat[i : i + n]))
            i += n
        return parts

    def initial(self, lanes: int) -> tuple[jax.Array, ...]:
        return tuple(
            jnp.broadcast_to(jnp.asarray(value, dtype=float), (lanes,))
            for block in self.blocks
            for value in initial_state(block, self.p)
        )

    def outputs(self, flat: Sequence[Any], upstream: dict[str, Any]) -> dict[str, Any]:
        seen = SimpleNamespace(**upstream)
        shown: dict[str, Any] = {}
        for block, y in zip(self.blocks, self.split(flat), strict=True):
            own = block.outputs(y, self.p, seen)
            shown |= own
            vars(seen).update(own)
        return shown

    def flows(self, flat: Sequence[Any], upstream: dict[str, Any]) -> tuple[tuple, tuple]:
        seen = SimpleNamespace(**upstream)
        inflows, losses = [], []
        for block, y in zip(self.blocks, self.split(flat), strict=True):
            flows = block.flows(y, self.p, seen)
            for name, value in zip(block.states, y, strict=True):
                flow = flows[name]
                zero = jnp.zeros_like(value)
                inflows.append(flow.inflow + zero)
                losses.append(flow.loss + zero)
            vars(seen).update(block.outputs(y, self.p, seen))
        return tuple(inflows), tuple(losses)

    def _event(self, flat: Sequence[Any], changes: Sequence[dict[str, Any]]) -> tuple[Any, ...]:
        parts = self.split(flat)
        changed = [y._replace(**new) for y, new in zip(parts, changes, strict=True)]
        return tuple(value for y in changed for value in y)

    def after_fraction(self, flat: Sequence[Any], fraction: Fraction) -> tuple[Any, ...]:
        parts = self.split(flat)
        return self._event(
            flat,
            [b.on_fraction(y, self.p, fraction) for b, y in zip(self.blocks, parts, strict=True)],
        )

    def after_dose(self, flat: Sequence[Any], amount: Any) -> tuple[Any, ...]:
        parts = self.split(flat)
        return self._event(
            flat, [b.on_dose(y, self.p, amount) for b, y in zip(self.blocks, parts, strict=True)]
        )


def solve_hours(model: Model, p: Any, hours: HoursArrays) -> HoursSolution:
    """States of the hours blocks in every drug window.

    Args:
        p: parameters by attribute, each a scalar or [lane], in model units.
    """
    system = _System(model.on_clock("hours"), p)

    def advance(y: tuple[Any, ...], x: tuple[Any, Any]) -> tuple[Any, Any]:
        step, amount = x
        after, slopes = exponential_step(lambda c, s: system.flows(s, {}), y, step)
        after = system.after_dose(after, amount)
        return after, (after, slopes)

    first = system.after_dose(system.initial(hours.step.shape[1]), jnp.asarray(hours.amount[0]))
    _, (later, slopes) = jax.lax.scan(
        jax.checkpoint(advance), first, (jnp.asarray(hours.step), jnp.asarray(hours.amount[1:]))
    )
    inflow, loss = system.flows([s[-1] for s in later], {})
    end_slopes = [a - b * s[-1] for a, b, s in zip(inflow, loss, later, strict=True)]
    return HoursSolution(
        tuple(jnp.concatenate([a[None], b]) for a, b in zip(first, later, strict=True)),
        tuple(jnp.concatenate([a, b[None]]) for a, b in zip(slopes, end_slopes, strict=True)),
    )


def lag_of(model: Model, p: Any) -> Any:
    """Delay (days) of every dose of the drug that the hours blocks follow."""
    lags = [b.lag for b in model.on_clock("hours") if b.lag]
    return getattr(p, lags[0]) if lags else 0.0


def _interval(offset: Any, elapsed: Any) -> Any:
    """[query, lane] index of the step of the window in which ``elapsed`` falls."""
    reached = (offset[None, :, :] <= elapsed[:, None, :]).sum(axis=1)
    return jnp.clip(reached - 1, 0, offset.shape[0] - 2)


class _Curve(NamedTuple):
    """Cubic Hermite pieces of one state over the windows, with the integral up to each node."""

    values: Any
    slopes: Any
    offset: Any
    integral: Any

    @classmethod
    def through(cls, values: Any, slopes: Any, offset: Any) -> _Curve:
        step = jnp.diff(offset, axis=0)
        pieces = 0.5 * step * (values[1:] + values[:-1]) + step**2 / 12 * (slopes[:-1] - slopes[1:])
        zero = jnp.zeros_like(values[:1])
        return cls(values, slopes, offset, jnp.concatenate([zero, jnp.cumsum(pieces, axis=0)]))

    def at(self, index: Any, elapsed: Any) -> tuple[Any, Any]:
        """Value and integral since the window's start, [query, lane]; zero before it."""
        lane = jnp.arange(self.offset.shape[1])[None, :]
        start, stop = self.offset[index, lane], self.offset[index + 1, lane]
        width = jnp.where(stop > start, stop - start, 1.0)
        s = (elapsed - start) / width
        y0, y1 = self.values[index, lane], self.values[index + 1, lane]
        m0, m1 = self.slopes[index, lane] * width, self.slopes[index + 1, lane] * width
        c2 = 3 * (y1 - y0) - 2 * m0 - m1
        c3 = 2 * (y0 - y1) + m0 + m1
        value = y0 + s * (m0 + s * (c2 + s * c3))
        partial = width * s * (y0 + s * (m0 / 2 + s * (c2 / 3 + s * c3 / 4)))
        began = elapsed >= 0
        return (
            jnp.where(began, value, 0.0),
            jnp.where(began, self.integral[index, lane] + partial, 0.0),
        )


def _handed_down(
    model: Model, p: Any, timeline: Timeline, solution: HoursSolution
) -> dict[str, tuple[jax.Array, jax.Array]]:
    """States that hours blocks hand down: at every node, and a middle value for every step.

    Inside a window the solution is interpolated; after it, the state decays with the loss rate it
    then has, and windows add up. Both are exact for a state that rests at zero, whose own loss is
    constant and whose drive has ended. The middle value is the one with which Simpson's rule gives
    the exact integral over the step, so that steps of a quarter day follow a drive of hours.
    """
    hours, down = timeline.hours, timeline.hand_down
    assert hours is not None
    assert down is not None
    system = _System(model.on_clock("hours"), p)
    offset = jnp.asarray(hours.offset)
    lag = jnp.broadcast_to(lag_of(model, p), hours.start.shape)
    elapsed = down.query_day - hours.start - lag
    index = _interval(offset, elapsed)
    end_day = hours.start + offset[-1] + lag
    since_earlier = end_day - end_day[hours.earlier]
    _, losses = system.flows([s[-1] for s in solution.states], {})
    step = jnp.asarray(timeline.days.step)
    moves = step > 1e-6
    result = {}
    for name in [name for b in model.on_clock("hours") for name in b.hands_down]:
        i = system.names.index(name)
        curve = _Curve.through(solution.states[i], solution.slopes[i], offset)
        value, integral = (x.reshape(-1)[down.source] for x in curve.at(index, elapsed))
        at_end, loss = curve.values[-1], losses[i]
        total = curve.integral[-1] + at_end / loss
        kept = jnp.exp(-loss * since_earlier) * at_end[hours.earlier]
        carry = at_end + (hours.has_earlier * kept).sum(axis=0)
        total = total + (hours.has_earlier * total[hours.earlier]).sum(axis=0)
        ended_loss = loss[down.ended]
        since_end = timeline.days.node_day - end_day[down.ended]
        after = down.has_ended * carry[down.ended] * jnp.exp(-ended_loss * since_end)
        nodes = down.inside * value + after
        integral = down.inside * integral + down.has_ended * total[down.ended] - after / ended_loss
        mean = jnp.diff(integral, axis=0) / jnp.where(moves, step, 1.0)
        middle = 1.5 * mean - 0.25 * (nodes[1:] + nodes[:-1])
        result[name] = (nodes, jnp.where(moves, middle, nodes[1:]))
    return result


def solve(model: Model, p: Any, p_lanes: Any, timeline: Timeline) -> Solution:
    """Solve the model for every patient of a timeline.

    Args:
        model: the model.
        p: parameters by attribute, each a scalar or [patient], in model units (days, Gy, mg).
        p_lanes: the same per drug window, each a scalar or [lane] (occasions differ); unused when
            nobody gets a drug.
        timeline: from :func:`lymphokin.solve.build_timeline`.
    """
    days = timeline.days
    patients = days.step.shape[1]
    hours_solution = None
    if timeline.hours is not None and timeline.hand_down is not None:
        hours_solution = solve_hours(model, p_lanes, timeline.hours)
        handed = _handed_down(model, p_lanes, timeline, hours_solution)
    else:
        nodes, steps = jnp.zeros(days.node_day.shape), jnp.zeros(days.step.shape)
        names = [name for b in model.on_clock("hours") for name in b.hands_down]
        handed = dict.fromkeys(names, (nodes, steps))
    system = _System(model.on_clock("days"), p)

    def advance(y: tuple[Any, ...], x: tuple[Any, ...]) -> tuple[Any, Any]:
        step, fraction, upstream = x
        read = [dict(zip(handed, values, strict=True)) for values in zip(*upstream, strict=True)]
        after, _ = exponential_step(
            lambda c, s: system.flows(s, read[round(2 * c)] if read else {}), y, step
        )
        return system.after_fraction(after, fraction), after

    first = system.initial(patients)
    fractions = Fraction(jnp.asarray(days.immune_dose), jnp.asarray(days.share))
    start = system.after_fraction(first, Fraction(*(x[0] for x in fractions)))
    upstream = [(nodes[:-1], middle, nodes[1:]) for nodes, middle in handed.values()]
    _, later = jax.lax.scan(
        jax.checkpoint(advance),
        start,
        (jnp.asarray(days.step), Fraction(*(x[1:] for x in fractions)), upstream),
    )
    states = tuple(jnp.concatenate([a[None], b]) for a, b in zip(first, later, strict=True))
    outputs = system.outputs(states, {name: nodes for name, (nodes, _) in handed.items()})
    return Solution(outputs, dict(zip(system.names, states, strict=True)), hours_solution)


def hours_output_at(
    model: Model, p: Any, hours: HoursArrays, solution: HoursSolution, lane: Any, day: Any
) -> dict[str, jax.Array]:
    """Outputs of the hours blocks at given days, by one exact partial step from the node before.

    Args:
        p: parameters, each a scalar or [lane].
        lane: [record] lane whose window covers the day.
        day: [record] days from the first fraction.

    Returns:
        Per output, [record]; what the blocks show at rest before the drug has arrived.
    """

    def of_records(name: str) -> Any:
        value = jnp.asarray(getattr(p, name))
        return value[lane] if value.ndim else value

    names = getattr(p, "_fields", None) or tuple(vars(p))
    chosen = SimpleNamespace(**{name: of_records(name) for name in names})
    system = _System(model.on_clock("hours"), chosen)
    offset = jnp.asarray(hours.offset)[:, lane]
    elapsed = day - hours.start[lane] - lag_of(model, chosen)
    index = _interval(offset, elapsed[None, :])[0]
    record = jnp.arange(len(lane))
    y = tuple(s[index, lane] for s in solution.states)
    rest = system.initial(len(lane))
    before = elapsed < 0
    y = tuple(jnp.where(before, a, b) for a, b in zip(rest, y, strict=True))
    step = jnp.where(before, 0.0, elapsed - offset[index, record])
    after, _ = exponential_step(lambda c, s: system.flows(s, {}), y, step)
    return system.outputs(after, {})
