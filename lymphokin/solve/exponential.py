"""One step of an exponential Runge-Kutta method for states written as inflow and loss.

Every state decays exactly with the loss rate it has at the start of the step; only what changes
within the step is approximated, to fourth order (Krogstad 2005, doi:10.1016/j.jcp.2004.08.006,
scheme ETDRK4-B). So a state at equilibrium stays there to rounding, and a fast loss never makes the
step unstable, however far into the tails of the prior the parameters are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

# Below this the phi functions are summed as series (eight terms leave 1e-13), above it the closed
# form loses at most 1e-14 to cancellation.
SERIES_BELOW = 0.25
_PHI3_SERIES = [1 / 6, -1 / 24, 1 / 120, -1 / 720, 1 / 5040, -1 / 40320, 1 / 362880, -1 / 3628800]


class _Phi(NamedTuple):
    """exp and the phi functions of -z."""

    decay: Any
    one: Any
    two: Any
    three: Any


def _phi(z: Any) -> _Phi:
    decay = jnp.exp(-z)
    safe = jnp.where(z < SERIES_BELOW, 1.0, z)
    closed = (0.5 - (1 - (1 - decay) / safe) / safe) / safe
    series = jnp.full_like(z, _PHI3_SERIES[-1])
    for coefficient in reversed(_PHI3_SERIES[:-1]):
        series = series * z + coefficient
    three = jnp.where(z < SERIES_BELOW, series, closed)
    two = 0.5 - z * three
    return _Phi(decay, 1 - z * two, two, three)


def _doubled(phi: _Phi) -> _Phi:
    """The phi functions of -2z from those of -z, without cancellation."""
    return _Phi(
        phi.decay**2,
        0.5 * phi.one * (1 + phi.decay),
        0.25 * (phi.one**2 + 2 * phi.two),
        0.125 * (phi.one * phi.two + phi.two + 2 * phi.three),
    )


def exponential_step(
    flows: Callable[[float, tuple[Any, ...]], tuple[tuple[Any, ...], tuple[Any, ...]]],
    y: tuple[Any, ...],
    step: Any,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Advance all states by one step.

    Args:
        flows: ``(c, y) -> (inflows, losses)`` at the fraction ``c`` (0, 0.5 or 1) of the step.
        y: states, each an array over lanes (patients).
        step: length of the step in days, per lane; 0 leaves the states as they are.

    Returns:
        The states after the step, and their time derivatives at its start.
    """
    start, loss = flows(0.0, y)
    halves = [_phi(0.5 * step * rate) for rate in loss]
    wholes = [_doubled(phi) for phi in halves]

    def remainder(c: float, stage: list[Any]) -> list[Any]:
        inflow, now = flows(c, tuple(stage))
        return [
            gain - (rate - frozen) * value
            for gain, rate, frozen, value in zip(inflow, now, loss, stage, strict=True)
        ]

    first = [
        phi.decay * value + 0.5 * step * phi.one * n0
        for value, phi, n0 in zip(y, halves, start, strict=True)
    ]
    n_first = remainder(0.5, first)
    second = [
        value + step * phi.two * (n1 - n0)
        for value, phi, n0, n1 in zip(first, halves, start, n_first, strict=True)
    ]
    n_second = remainder(0.5, second)
    third = [
        phi.decay * value + step * (phi.one * n0 + 2 * phi.two * (n2 - n0))
        for value, phi, n0, n2 in zip(y, wholes, start, n_second, strict=True)
    ]
    n_third = remainder(1.0, third)
    after = tuple(
        phi.decay * value
        + step
        * (
            n0 * (phi.one - 3 * phi.two + 4 * phi.three)
            + (n1 + n2) * (2 * phi.two - 4 * phi.three)
            + n3 * (4 * phi.three - phi.two)
        )
        for value, phi, n0, n1, n2, n3 in zip(
            y, wholes, start, n_first, n_second, n_third, strict=True
        )
    )
    slopes = tuple(gain - rate * value for gain, rate, value in zip(start, loss, y, strict=True))
    return after, slopes
