"""Solve a model for many patients at once: the hours clock first, then the days clock it drives.

Arrays have nodes or stages first and lanes (patients, or patients x drug windows) last, so that every
operation is one fused pass.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Fraction, Model
from lymphokin.solve.clock import Clock, Path, solve_clock
from lymphokin.solve.structure import structure_of
from lymphokin.solve.system import System
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


def _clock(model: Model, p: Any, clock: Literal["hours", "days"], lanes: int) -> Clock:
    blocks = model.on_clock(clock)
    handed = tuple(name for b in model.on_clock("hours") for name in b.hands_down)
    parameters = tuple(parameter.name for parameter in model.table)
    structure = structure_of(blocks, parameters, handed if clock == "days" else ())
    return Clock(System(blocks, p), structure, lanes)


def solve_hours(model: Model, p: Any, hours: HoursArrays) -> HoursSolution:
    """States of the hours blocks in every drug window.

    Args:
        p: parameters by attribute, each a scalar or [lane], in model units.
    """
    clock = _clock(model, p, "hours", hours.step.shape[1])
    paths = solve_clock(clock, jnp.asarray(hours.step), jnp.asarray(hours.amount), {})
    states = {name: path.after for name, path in paths.items()}
    flows = clock.flows(states)
    slopes = [flows[name].inflow - flows[name].loss * y for name, y in states.items()]
    return HoursSolution(tuple(states.values()), tuple(slopes))


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
    system = System(model.on_clock("hours"), p)
    offset = jnp.asarray(hours.offset)
    lag = jnp.broadcast_to(lag_of(model, p), hours.start.shape)
    elapsed = down.query_day - hours.start - lag
    index = _interval(offset, elapsed)
    end_day = hours.start + offset[-1] + lag
    since_earlier = end_day - end_day[hours.earlier]
    ended = dict(zip(system.names, (s[-1] for s in solution.states), strict=True))
    flows = system.flows(ended, {})
    step = jnp.asarray(timeline.days.step)
    moves = step > 1e-6
    result = {}
    for name in [name for b in model.on_clock("hours") for name in b.hands_down]:
        i = system.names.index(name)
        curve = _Curve.through(solution.states[i], solution.slopes[i], offset)
        value, integral = (x.reshape(-1)[down.source] for x in curve.at(index, elapsed))
        at_end = curve.values[-1]
        loss = jnp.broadcast_to(flows[name].loss, at_end.shape)
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
    clock = _clock(model, p, "days", patients)
    fractions = Fraction(jnp.asarray(days.immune_dose), jnp.asarray(days.share))
    given = {name: Path(nodes, nodes, middle) for name, (nodes, middle) in handed.items()}
    paths = solve_clock(clock, jnp.asarray(days.step), fractions, given)
    states = {name: path.before for name, path in paths.items()}
    upstream = {name: nodes for name, (nodes, _) in handed.items()}
    return Solution(clock.system.outputs(states, upstream), states, hours_solution)


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
    clock = _clock(model, chosen, "hours", len(lane))
    offset = jnp.asarray(hours.offset)[:, lane]
    elapsed = day - hours.start[lane] - lag_of(model, chosen)
    index = _interval(offset, elapsed[None, :])[0]
    record = jnp.arange(len(lane))
    before = elapsed < 0
    start = {
        name: jnp.where(before, clock.rest[name], states[index, lane])
        for name, states in zip(clock.system.names, solution.states, strict=True)
    }
    step = jnp.where(before, 0.0, elapsed - offset[index, record])
    return clock.system.outputs(clock.step(start, step), {})
