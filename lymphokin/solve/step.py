"""One step of one state y' = P(t) - L(t) y, from P and L at its start, middle and end.

Variation of constants: a loss decays exactly, and the parabola through the three inflows is
integrated exactly against that decay. Thus a state in equilibrium stays there to rounding, no loss
makes a step unstable, and where P and L are known the end is exact to fourth order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Flow
from lymphokin.solve.hardware import stored
from lymphokin.solve.phi import doubled, phi


class Weights(NamedTuple):
    """What a constant loss makes, over half a step and over all of it, of start and inflows."""

    decay_middle: Any
    decay_end: Any
    middle: tuple[Any, Any, Any]
    """Weights (days) of the inflows at start, middle and end in the value at the middle."""
    end: tuple[Any, Any, Any]
    """The same in the value at the end."""


class Line(NamedTuple):
    """Values at the middle and at the end of a step: ``slope * start + offset``."""

    slopes: tuple[Any, Any]
    offsets: tuple[Any, Any]


def weights(step: Any, loss: Any) -> Weights:
    """Weights of a step (days) with a constant loss (1/day)."""
    # Otherwise a CPU computes the phi functions again for each weight, and their derivative within
    # the sums over time, which it does slowly.
    half = stored(phi(stored(0.5 * step * loss)))
    whole = stored(doubled(half))
    return Weights(
        half.decay,
        whole.decay,
        (
            0.5 * step * (half.one - 1.5 * half.two + half.three),
            step * (half.two - half.three),
            0.5 * step * (half.three - 0.5 * half.two),
        ),
        (
            step * (whole.one - 3 * whole.two + 4 * whole.three),
            step * (4 * whole.two - 8 * whole.three),
            step * (4 * whole.three - whole.two),
        ),
    )


def stacked_weights(step: Any, losses: Sequence[Any]) -> list[Weights]:
    """Weights of several states at once: fewer and larger operations."""
    stacked = weights(step, jnp.stack([loss + jnp.zeros_like(step) for loss in losses]))
    # The derivative of a split is one concatenation, that of x[i] a sum of padded arrays.
    split = partial(jax.lax.split, sizes=(1,) * len(losses))
    leaves, structure = jax.tree.flatten(stacked)
    each = zip(*(split(leaf) for leaf in leaves), strict=True)
    return [jax.tree.unflatten(structure, [leaf[0] for leaf in own]) for own in each]


def is_zero(inflow: Any) -> bool:
    """Whether the model wrote a plain 0."""
    return isinstance(inflow, int | float) and inflow == 0


def _gain(weight: Weights, inflows: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    """What the inflows add to the value at the middle and at the end."""
    if all(is_zero(inflow) for inflow in inflows):
        return 0.0, 0.0
    middle, end = (
        sum(w * inflow for w, inflow in zip(weights, inflows, strict=True))
        for weights in (weight.middle, weight.end)
    )
    # A parabola through steep inflows may dip below them all; what only flows in may not take away.
    lowest = reduce(jnp.minimum, inflows, 0.0)
    return jnp.maximum(middle, sum(weight.middle) * lowest), end


def _bounded(excess: Any) -> Any:
    """``excess`` when small (to fifth order), never beyond 2 in size: keeps its exp harmless."""
    square = (0.5 * excess) ** 2
    return excess / jnp.sqrt(jnp.sqrt(1 + square**2))


def steady_line(weight: Weights, inflows: tuple[Any, Any, Any]) -> Line:
    """The step of a state whose loss is constant and whose inflows are known.

    Args:
        weight: weights of the loss.
        inflows: at the start, middle and end.
    """
    return Line((weight.decay_middle, weight.decay_end), _gain(weight, inflows))


def line(step: Any, flows: tuple[Flow, Flow, Flow]) -> Line:
    """The step of a state whose flows at its start, middle and end are known.

    The mean loss decays exactly; where the true loss differs from it, the inflows are worth as much
    more or less as they decay differently until the value is read.

    Args:
        step: days; 0 leaves the state as it is.
    """
    (p0, l0), (pm, lm), (p1, l1) = flows
    weight = weights(step, (l0 + 4 * lm + l1) / 6)
    # Half of the step's loss less the loss of its first half.
    late = jnp.exp(_bounded(step * (l1 - l0) / 8))
    middle, _ = _gain(weight, (late * p0, pm, late * p1))
    _, end = _gain(weight, (p0, pm / late, p1))
    return Line((late * weight.decay_middle, weight.decay_end), (middle, end))


def move(
    weight: Weights, flows: tuple[Flow, Flow, Flow], steady: bool, start: Any
) -> tuple[Any, Any]:
    """Values at the middle and at the end of a step whose flows are still being improved.

    The loss of the start decays exactly. What the loss later exceeds it, times the value itself,
    counts as an outflow; so middle and end stand on both sides of two linear equations.

    Args:
        weight: weights of the loss at the start.
        start: value at the start.
    """
    (p0, l0), (pm, lm), (p1, l1) = flows
    gains = _gain(weight, (p0, pm, p1))
    middle, end = weight.decay_middle * start + gains[0], weight.decay_end * start + gains[1]
    if steady:
        return middle, end
    mm, m1 = weight.middle[1] * (lm - l0), weight.middle[2] * (l1 - l0)
    em, e1 = weight.end[1] * (lm - l0), weight.end[2] * (l1 - l0)
    inverse = 1 / ((1 + mm) * (1 + e1) - m1 * em)
    return inverse * ((1 + e1) * middle - m1 * end), inverse * ((1 + mm) * end - em * middle)


def guess(weight: Weights, flow: Flow, start: Any) -> tuple[Any, Any]:
    """Middle and end if the flow stayed what it is at the start: a guess of second order."""
    return (
        weight.decay_middle * start + sum(weight.middle) * flow.inflow,
        weight.decay_end * start + sum(weight.end) * flow.inflow,
    )
