"""One step of one state, as a line in its own value.

A state obeys y' = P(t) - L(t) y. Given inflow P and loss L at the start, middle and end of a step,
its values at the middle and at the end follow from those at the start: the loss of the start decays
exactly, and what remains, P - (L - L_start) y, is a parabola through its three values, integrated
exactly against that decay. Middle and end stand on both sides, so two linear equations are solved.
Thus a state in equilibrium stays there to rounding, no loss makes a step unstable, and where P and
L are known the end is exact to fourth order in the step (to fifth per step, the middle to fourth).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lymphokin.model import Flow
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
    half = phi(0.5 * step * loss)
    whole = doubled(half)
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


def _gain(weight: Weights, flows: tuple[Flow, Flow, Flow]) -> tuple[Any, Any]:
    """What the inflows add to the value at the middle and at the end."""
    inflows = [flow.inflow for flow in flows]
    if all(isinstance(inflow, int | float) and inflow == 0 for inflow in inflows):
        return 0.0, 0.0
    middle = sum(w * inflow for w, inflow in zip(weight.middle, inflows, strict=True))
    return middle, sum(w * inflow for w, inflow in zip(weight.end, inflows, strict=True))


class _Remainder:
    """Solves for middle and end when the loss there is not the one of the start."""

    def __init__(self, weight: Weights, flows: tuple[Flow, Flow, Flow]) -> None:
        first, within, last = (flow.loss for flow in flows)
        self.mm, self.m1 = weight.middle[1] * (within - first), weight.middle[2] * (last - first)
        self.em, self.e1 = weight.end[1] * (within - first), weight.end[2] * (last - first)
        self.inverse = 1 / ((1 + self.mm) * (1 + self.e1) - self.m1 * self.em)

    def solve(self, middle: Any, end: Any) -> tuple[Any, Any]:
        return (
            self.inverse * ((1 + self.e1) * middle - self.m1 * end),
            self.inverse * ((1 + self.mm) * end - self.em * middle),
        )


def line(weight: Weights, flows: tuple[Flow, Flow, Flow], steady: bool) -> Line:
    """The step of a state with these flows at its start, middle and end.

    Args:
        weight: weights of the loss at the start.
        steady: the loss does not change with time.
    """
    slopes, offsets = (weight.decay_middle, weight.decay_end), _gain(weight, flows)
    if steady:
        return Line(slopes, offsets)
    remainder = _Remainder(weight, flows)
    return Line(remainder.solve(*slopes), remainder.solve(*offsets))


def move(
    weight: Weights, flows: tuple[Flow, Flow, Flow], steady: bool, start: Any
) -> tuple[Any, Any]:
    """Values at the middle and at the end of that step, from the value at its start."""
    gains = _gain(weight, flows)
    middle, end = weight.decay_middle * start + gains[0], weight.decay_end * start + gains[1]
    return (middle, end) if steady else _Remainder(weight, flows).solve(middle, end)


def guess(weight: Weights, flow: Flow, start: Any) -> tuple[Any, Any]:
    """Middle and end if the flow stayed what it is at the start: a guess of second order."""
    return (
        weight.decay_middle * start + sum(weight.middle) * flow.inflow,
        weight.decay_end * start + sum(weight.end) * flow.inflow,
    )
