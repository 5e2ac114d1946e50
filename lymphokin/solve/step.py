"""One step of one state, written as a line in its own value.

A state obeys y' = P(t) - L(t) y. Given the inflow P and the loss L at the start, middle and end of
a step, its values at the middle and at the end are affine in its value at the start. Each follows
from the variation of constants: the mean loss decays exactly, the parabola through the three
inflows is integrated exactly against that decay, and the little by which the loss is not constant is
put into the inflow. So a state in equilibrium stays there to rounding, a fast loss never makes a
step unstable, and where P and L are known the end is exact to fourth order in the step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from lymphokin.model import Flow
from lymphokin.solve.phi import doubled, phi


class Weights(NamedTuple):
    """What a step of constant loss makes of the start value and the three inflows."""

    decay_middle: Any
    decay_end: Any
    middle: tuple[Any, Any, Any]
    """Weights (days) of the inflows at start, middle and end in the value at the middle."""
    end: tuple[Any, Any, Any]
    """The same in the value at the end."""


class Line(NamedTuple):
    """Value at the middle and at the end of a step: ``slope * start + offset`` each."""

    middle_slope: Any
    middle_offset: Any
    end_slope: Any
    end_offset: Any

    def middle(self, start: Any) -> Any:
        return self.middle_slope * start + self.middle_offset

    def end(self, start: Any) -> Any:
        return self.end_slope * start + self.end_offset


def weights(step: Any, loss: Any) -> Weights:
    """Weights of a step (days) over which the loss (1/day) is constant."""
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


def _bounded(excess: Any) -> Any:
    """``excess`` when small (to fifth order), never beyond 2 in size: keeps its exp harmless."""
    square = (0.5 * excess) ** 2
    return excess / jnp.sqrt(jnp.sqrt(1 + square**2))


def is_zero(flow: Any) -> bool:
    """Whether a model wrote a plain 0 for an inflow."""
    return isinstance(flow, int | float) and flow == 0


def line(step: Any, flows: tuple[Flow, Flow, Flow], steady: Weights | None = None) -> Line:
    """The step of a state with these flows at its start, middle and end.

    Args:
        step: days; 0 leaves the state as it is.
        flows: inflow and loss at start, middle and end.
        steady: weights for the loss if that is constant in time.
    """
    (p0, l0), (pm, lm), (p1, l1) = flows
    if steady is not None:
        if all(is_zero(p) for p in (p0, pm, p1)):
            return Line(steady.decay_middle, 0.0, steady.decay_end, 0.0)
        middle = sum(w * p for w, p in zip(steady.middle, (p0, pm, p1), strict=True))
        end = sum(w * p for w, p in zip(steady.end, (p0, pm, p1), strict=True))
        return Line(steady.decay_middle, middle, steady.decay_end, end)
    mean = weights(step, (l0 + 4 * lm + l1) / 6)
    # Loss in the second half beyond half of the loss of the step.
    early = jnp.exp(_bounded(step * (l1 - l0) / 8))
    late = 1 / early
    middle = early * (mean.middle[0] * p0 + mean.middle[2] * p1) + mean.middle[1] * pm
    end = mean.end[0] * p0 + mean.end[1] * late * pm + mean.end[2] * p1
    return Line(early * mean.decay_middle, middle, mean.decay_end, end)


def line_around(step: Any, flows: tuple[Flow, Flow, Flow], rest: Weights, rest_loss: Any) -> Line:
    """The same with the weights of another loss, around which the true one may lie.

    What the loss exceeds the other one is put into the inflow, at the stages' own values, and
    the two equations for middle and end are solved. No exponential is needed.
    """
    (p0, l0), (pm, lm), (p1, l1) = flows
    if rest_loss is None:
        middle = sum(w * p for w, p in zip(rest.middle, (p0, pm, p1), strict=True))
        end = sum(w * p for w, p in zip(rest.end, (p0, pm, p1), strict=True))
        return Line(rest.decay_middle, middle, rest.decay_end, end)
    d0, dm, d1 = l0 - rest_loss, lm - rest_loss, l1 - rest_loss
    mm, m1 = rest.middle[1] * dm, rest.middle[2] * d1
    em, e1 = rest.end[1] * dm, rest.end[2] * d1
    inverse = 1 / ((1 + mm) * (1 + e1) - m1 * em)
    sm, om = rest.decay_middle - rest.middle[0] * d0, sum(w * p for w, p in zip(rest.middle, (p0, pm, p1), strict=True))
    se, oe = rest.decay_end - rest.end[0] * d0, sum(w * p for w, p in zip(rest.end, (p0, pm, p1), strict=True))
    return Line(
        inverse * ((1 + e1) * sm - m1 * se),
        inverse * ((1 + e1) * om - m1 * oe),
        inverse * ((1 + mm) * se - em * sm),
        inverse * ((1 + mm) * oe - em * om),
    )


def around(step, start, flows, rest, rest_loss):
    (p0, l0), (pm, lm), (p1, l1) = flows
    if rest_loss is None:
        n0=p0
    else:
        n0 = p0 - (l0-rest_loss)*start
    am = rest.decay_middle*start + rest.middle[0]*n0 + rest.middle[1]*pm+rest.middle[2]*p1
    ae = rest.decay_end*start + rest.end[0]*n0 + rest.end[1]*pm+rest.end[2]*p1
    if rest_loss is None:
        return am, ae
    dm, d1 = lm - rest_loss, l1 - rest_loss
    mm, m1 = rest.middle[1] * dm, rest.middle[2] * d1
    em, e1 = rest.end[1] * dm, rest.end[2] * d1
    inverse = 1 / ((1 + mm) * (1 + e1) - m1 * em)
    return inverse*((1+e1)*am - m1*ae), inverse*((1+mm)*ae - em*am)


def frozen(start, flow: Flow, rest, rest_loss) -> tuple:
    """First guess of a step: the flow stays what it is at the start."""
    n0 = flow.inflow if rest_loss is None else flow.inflow - (flow.loss-rest_loss)*start
    return rest.decay_middle*start+sum(rest.middle)*n0, rest.decay_end*start+sum(rest.end)*n0
