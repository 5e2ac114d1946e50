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
from lymphokin.solve.phi import doubled, phi, slopes


class Weights(NamedTuple):
    """What a constant loss makes, over half a step and over the whole, of start and inflows."""

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


def _combined(half: Sequence[Any], whole: Sequence[Any]) -> tuple[Any, ...]:
    """Weights per day of the step, in the order of :class:`Weights`.

    Linear in the phi functions, so it makes their derivatives into those of the weights, too.

    Args:
        half: exp and phi_1 to phi_3 at the loss over half the step.
        whole: the same at the loss over the whole step.
    """
    decay_middle, h1, h2, h3 = half
    decay_end, w1, w2, w3 = whole
    middle = 0.5 * (h1 - 1.5 * h2 + h3), h2 - h3, 0.5 * (h3 - 0.5 * h2)
    end = w1 - 3 * w2 + 4 * w3, 4 * w2 - 8 * w3, 4 * w3 - w2
    return decay_middle, decay_end, *middle, *end


@jax.custom_jvp
def _per_day(half_loss: Any) -> tuple[Any, ...]:
    """Weights per day of the step, by the loss over half of it."""
    # Otherwise a CPU computes the phi functions again for each weight.
    half = stored(phi(half_loss))
    return _combined(half[:4], doubled(half)[:4])


@_per_day.defjvp
def _per_day_jvp(
    primals: tuple[Any], tangents: tuple[Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    # All derivatives from the same few numbers: no branch that was not taken is met, and going back
    # the many weights' contributions to the loss are one sum.
    half = stored(phi(primals[0]))
    whole = doubled(half)
    (change,) = tangents
    rises = _combined(slopes(half), [2 * slope for slope in slopes(whole)])
    return _combined(half[:4], whole[:4]), tuple(rise * change for rise in rises)


def weights(step: Any, loss: Any) -> Weights:
    """Weights of a step (days) with a constant loss (1/day)."""
    decay_middle, decay_end, *per_day = _per_day(stored(0.5 * step * loss))
    m0, m1, m2, e0, e1, e2 = (step * weight for weight in per_day)
    return Weights(decay_middle, decay_end, (m0, m1, m2), (e0, e1, e2))


def _without_loss(step: Any) -> Weights:
    """Weights of a step (days) of what nothing takes away."""
    middle, end = (5 / 24, 1 / 3, -1 / 24), (1 / 6, 2 / 3, 1 / 6)
    one = jnp.ones_like(step)
    return Weights(one, one, tuple(w * step for w in middle), tuple(w * step for w in end))


def stacked_weights(step: Any, losses: Sequence[Any]) -> list[Weights]:
    """Weights of several states at once: fewer and larger operations.

    States of the patient and of lesions have different shapes, and are taken apart. What has no
    loss needs no phi functions.
    """
    full = [loss + jnp.zeros_like(step) for loss in losses]
    found = {i: _without_loss(step) for i, loss in enumerate(losses) if is_zero(loss)}
    shapes = dict.fromkeys(of.shape for i, of in enumerate(full) if i not in found)
    for shape in shapes:
        own = [i for i, of in enumerate(full) if of.shape == shape and i not in found]
        found |= zip(own, _stacked(step, [full[i] for i in own]), strict=True)
    return [found[i] for i in range(len(full))]


def _stacked(step: Any, losses: Sequence[Any]) -> list[Weights]:
    """Weights of states whose losses have one shape."""
    stacked = weights(step, jnp.stack(losses))
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
    if inflows[0] is inflows[1] is inflows[2]:
        return sum(weight.middle) * inflows[0], sum(weight.end) * inflows[0]
    middle, end = (
        sum(w * inflow for w, inflow in zip(weights, inflows, strict=True))
        for weights in (weight.middle, weight.end)
    )
    # A parabola through steep inflows may dip below them all; what only flows in may not take away.
    lowest = reduce(jnp.minimum, inflows, 0.0)
    return jnp.maximum(middle, sum(weight.middle) * lowest), end


@jax.custom_jvp
def _bounded(excess: Any) -> Any:
    """``excess`` when small (to fifth order), never beyond 2 in size: keeps its exp harmless."""
    return excess * _share(excess)


def _share(excess: Any) -> Any:
    return 1 / jnp.sqrt(jnp.sqrt(1 + (0.5 * excess) ** 4))


@_bounded.defjvp
def _bounded_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    share = _share(primals[0])
    return primals[0] * share, tangents[0] * share**5


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
    excess = _bounded(step * (l1 - l0) / 8)
    late, early = jnp.exp(excess), jnp.exp(-excess)
    middle, _ = _gain(weight, (late * p0, pm, late * p1))
    _, end = _gain(weight, (p0, early * pm, p1))
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
