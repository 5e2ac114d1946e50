"""The phi functions of exponential integrators, stable for every rate and easy to differentiate.

With x = -z, phi_0(x) = exp(x) and phi_k(x) is the integral over s from 0 to 1 of
exp((1 - s) x) s**(k - 1) / (k - 1)!, the weight with which a drive growing like s**(k - 1) counts
at the end of a step. Their derivatives are phi functions again (:func:`slopes`).
"""

from __future__ import annotations

from math import factorial
from typing import Any, NamedTuple

import jax.numpy as jnp

# Below this the phi functions are summed as series (the terms left out are 1e-14 of the sum), above
# it the closed forms lose at most 1e-14 to cancellation.
SERIES_BELOW = 0.25
_SERIES_TERMS = 9


class Phi(NamedTuple):
    """exp(-z) and phi_1 to phi_4 of -z."""

    decay: Any
    one: Any
    two: Any
    three: Any
    four: Any


def phi(z: Any) -> Phi:
    """The phi functions of -z, elementwise."""
    decay = jnp.exp(-z)
    small = jnp.abs(z) < SERIES_BELOW
    inverse = 1 / jnp.where(small, 1.0, z)
    one = (1 - decay) * inverse
    two = (1 - one) * inverse
    three = (0.5 - two) * inverse
    four = (1 / 6 - three) * inverse
    series = jnp.zeros_like(z)
    for k in reversed(range(_SERIES_TERMS)):
        series = 1 / factorial(k + 4) - z * series
    three_series = 1 / 6 - z * series
    two_series = 0.5 - z * three_series
    return Phi(
        decay,
        jnp.where(small, 1 - z * two_series, one),
        jnp.where(small, two_series, two),
        jnp.where(small, three_series, three),
        jnp.where(small, series, four),
    )


def slopes(at: Phi) -> tuple[Any, Any, Any, Any]:
    """Derivatives by z of exp(-z) and phi_1 to phi_3 of -z."""
    return -at.decay, at.two - at.one, 2 * at.three - at.two, 3 * at.four - at.three


def doubled(half: Phi) -> Phi:
    """The phi functions of -2z from those of -z, without cancellation."""
    return Phi(
        half.decay**2,
        0.5 * half.one * (1 + half.decay),
        0.25 * (half.one**2 + 2 * half.two),
        0.125 * (half.one * half.two + half.two + 2 * half.three),
        (half.decay * half.four + half.one / 6 + half.two / 2 + half.three + half.four) / 16,
    )
