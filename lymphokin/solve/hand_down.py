"""What the hours clock hands down to the days clock: states of the drug's windows on other nodes.

The nodes of the two clocks do not meet, for every dose is late by a lag that is a parameter.
Inside a window the solution is interpolated; after it, the state decays with the loss rate it then
has, and windows add up. Both are exact for a state that rests at zero, whose own loss is constant
and whose drive has ended.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Model
from lymphokin.solve.kinetics import fast_states
from lymphokin.solve.phi import phi
from lymphokin.solve.recurrence import recurrence
from lymphokin.solve.system import System
from lymphokin.solve.timeline import Timeline


class HoursSolution(NamedTuple):
    """States of the hours blocks at the nodes of each drug window.

    Where no dose changes a state or its slope, before and after are one array.
    """

    states: tuple[Any, ...]
    """per state, [node, lane], after any dose on the node"""
    slopes: tuple[Any, ...]
    """per state, time derivative per day, [node, lane], after it"""
    states_before: tuple[Any, ...]
    """per state, [node, lane], before it"""
    slopes_before: tuple[Any, ...]
    """per state, time derivative per day, [node, lane], before it"""


class Handed(NamedTuple):
    """A state as the days clock reads it."""

    before: jax.Array
    """[node, patient] before any dose on the node"""
    after: jax.Array
    """[node, patient] after it; the same array where no dose changes the state"""
    middle: jax.Array
    """[step, patient]: with it Simpson's rule gives the exact integral over the step, so that steps
    of a third of a day follow a drive of hours."""


def lag_of(model: Model, p: Any, exposure: Any) -> Any:
    """Delay (days) of every dose in some lanes.

    Args:
        p: parameters by attribute, each a scalar or [lane].
        exposure: [lane] place of its drugs among the model's exposures.
    """
    lags = [getattr(p, e.lag) if e.lag else 0.0 for e in model.exposures]
    if len(lags) == 1:
        return lags[0]
    return sum(jnp.where(exposure == i, lag, 0.0) for i, lag in enumerate(lags))


def interval(offset: Any, elapsed: Any, side: Literal["left", "right"] = "right") -> Any:
    """[query, lane] index of the step of the window in which ``elapsed`` falls.

    Args:
        side: which step a time on a node belongs to: the one that ends there, or that begins.
    """
    find = partial(jnp.searchsorted, side=side, method="scan_unrolled")
    return jax.vmap(find, in_axes=1, out_axes=1)(offset[1:-1], elapsed)


def _decaying(ends: tuple[Any, Any, Any, Any], z: Any, s: Any) -> tuple[Any, Any]:
    """Value and integral at the share ``s`` of a piece, exact for a state that only decays.

    A parabola and a decay with the loss ``z`` of the piece (times its width) through both ends; a
    cubic where ``z`` is 0.

    Args:
        ends: value and slope (times the width) at the start, and at the end.
    """
    y0, m0, y1, m1 = ends
    whole, here = phi(z), phi(z * s)
    ahead = y1 - y0 - m0
    bend = (m1 - m0 - 2 * ahead) / (whole.two - 2 * whole.three)
    c2 = ahead - bend * whole.three
    value = y0 + s * (m0 + s * (c2 + s * bend * here.three))
    return value, s * (y0 + s * (m0 / 2 + s * (c2 / 3 + s * bend * here.four)))


class _Curve:
    """A state over its windows in pieces, with its integral since each window's start.

    Pieces are cubic, and for a state that doses change or bend, or that decays as fast as the drug,
    those of :func:`_decaying`: it is steepest where steps are made for what follows it.
    """

    def __init__(
        self, after: tuple[Any, Any], before: tuple[Any, Any], offset: Any, loss: Any, fast: bool
    ) -> None:
        """Pieces from node to node.

        Args:
            after: values and slopes per day [node, lane] after any dose on the node.
            before: the same before it; each piece ends there.
            offset: [node, lane] days since the window's start.
            loss: [lane] per day, of the state at the window's end.
            fast: whether the state decays nearly as fast as the drug.
        """
        step = jnp.diff(offset, axis=0)
        values, slopes = after
        first, last = (values[:-1], slopes[:-1]), (before[0][1:], before[1][1:])
        self._loss = None if before[1] is slopes and not fast else loss
        if self._loss is None:
            area = 0.5 * step * (first[0] + last[0]) + step**2 / 12 * (first[1] - last[1])
        else:
            ends = first[0], step * first[1], last[0], step * last[1]
            area = step * _decaying(ends, step * self._loss, 1.0)[1]
        reached = recurrence(jnp.ones_like(area), area)
        self.end = values[-1]
        self.total = reached[-1]
        # Side by side, so that one gather per query fetches them all.
        self._pieces = jnp.stack([*first, *last, reached - area], axis=-1)
        self._edges = jnp.stack([offset[:-1], step], axis=-1)

    def at(self, index: Any, elapsed: Any) -> tuple[Any, Any]:
        """Value and integral since the window's start, [query, lane]; zero before it.

        Args:
            index: from :func:`interval`.
        """
        lane = jnp.arange(elapsed.shape[1])[None, :]
        start, step = jnp.moveaxis(self._edges[index, lane], -1, 0)
        pieces = jax.lax.split(self._pieces[index, lane], (1,) * 5, axis=2)
        y0, m0, y1, m1, before = (x[..., 0] for x in pieces)
        width = jnp.where(step > 0, step, 1.0)
        s = (elapsed - start) / width
        m0, m1 = m0 * width, m1 * width
        if self._loss is not None:
            value, part = _decaying((y0, m0, y1, m1), width * self._loss, s)
            part = width * part
            return self._begun(elapsed, value, before + part)
        c2 = 3 * (y1 - y0) - 2 * m0 - m1
        c3 = 2 * (y0 - y1) + m0 + m1
        value = y0 + s * (m0 + s * (c2 + s * c3))
        part = width * s * (y0 + s * (m0 / 2 + s * (c2 / 3 + s * c3 / 4)))
        return self._begun(elapsed, value, before + part)

    def _begun(self, elapsed: Any, value: Any, integral: Any) -> tuple[Any, Any]:
        began = elapsed >= 0
        return jnp.where(began, value, 0.0), jnp.where(began, integral, 0.0)


def hand_down(
    model: Model, p: Any, timeline: Timeline, solution: HoursSolution
) -> dict[str, Handed]:
    """States that hours blocks hand down.

    Args:
        p: parameters by attribute, each a scalar or [lane].
    """
    hours = timeline.hours
    assert hours is not None
    system = System(model.on_clock("hours"), p)
    offset = jnp.asarray(hours.offset)
    lag = jnp.broadcast_to(lag_of(model, p, hours.exposure), hours.start.shape)
    end_day = hours.start + offset[-1] + lag
    # Zero where there is no such window, so that no exponential overflows.
    since_earlier = hours.has_earlier * (end_day - end_day[hours.earlier])
    flows = system.flows(dict(zip(system.names, (s[-1] for s in solution.states), strict=True)), {})
    step = jnp.asarray(timeline.days.step)
    moves = step > 1e-6
    fast = fast_states(model)
    result = {}
    for exposure, down in zip(model.exposures, timeline.hand_down, strict=True):
        handed = [name for block in exposure.blocks for name in block.hands_down]
        if not handed:
            continue
        elapsed = down.query_day - hours.start - lag
        index = interval(offset, elapsed)
        since_end = down.has_ended * (timeline.days.node_day - end_day[down.ended])
        for name in handed:
            i = system.names.index(name)
            before = solution.states_before[i], solution.slopes_before[i]
            loss = jnp.broadcast_to(flows[name].loss, hours.start.shape)
            begins = solution.states[i], solution.slopes[i]
            curve = _Curve(begins, before, offset, loss, name in fast)
            value, integral = (x.reshape(-1)[down.source] for x in curve.at(index, elapsed))
            total = curve.total + curve.end / loss
            kept = jnp.exp(-loss * since_earlier) * curve.end[hours.earlier]
            carry = curve.end + (hours.has_earlier * kept).sum(axis=0)
            total = total + (hours.has_earlier * total[hours.earlier]).sum(axis=0)
            after_loss = loss[down.ended]
            after = down.has_ended * carry[down.ended] * jnp.exp(-after_loss * since_end)
            nodes = nodes_before = down.inside * value + after
            if solution.states_before[i] is not solution.states[i]:
                ending = interval(offset, elapsed, "left")
                value, _ = curve.at(ending, elapsed)
                value = jnp.where(elapsed > 0, value, 0.0).reshape(-1)[down.source]
                nodes_before = down.inside * value + after
            integral = (
                down.inside * integral + down.has_ended * total[down.ended] - after / after_loss
            )
            if down.kept is None:
                change = jnp.diff(integral, axis=0)
            else:
                nodes, change = down.kept * nodes, integral[1:] - (down.kept * integral)[:-1]
            mean = change / jnp.where(moves, step, 1.0)
            middle = 1.5 * mean - 0.25 * (nodes_before[1:] + nodes[:-1])
            result[name] = Handed(nodes_before, nodes, jnp.where(moves, middle, nodes[1:]))
    return result
