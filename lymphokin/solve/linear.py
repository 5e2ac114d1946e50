"""Linear recurrences over the nodes, differentiable in every mode at the cost of one more recurrence.

The derivative of a linear recurrence is a linear recurrence, run forwards or backwards; telling JAX
so keeps its derivative free of everything else that happens in a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


def _run(slope: Any, offset: Any, reverse: bool) -> Any:
    def advance(value: Any, x: tuple[Any, Any]) -> tuple[Any, Any]:
        after = x[0] * value + x[1]
        return after, after

    return jax.lax.scan(advance, jnp.zeros_like(offset[0]), (slope, offset), reverse=reverse)[1]


def recurrence(slope: Any, offset: Any) -> Any:
    """``y[n] = slope[n] * y[n - 1] + offset[n]`` with ``y[-1] = 0``; all [step, lane]."""

    def residual(y: Any) -> Any:
        before = jnp.concatenate([jnp.zeros_like(y[:1]), y[:-1]])
        return y - slope * before

    def transposed(_: Any, b: Any) -> Any:
        later = jnp.concatenate([slope[1:], jnp.zeros_like(slope[:1])])
        return _run(later, b, reverse=True)

    return jax.lax.custom_linear_solve(
        residual, offset, lambda _, b: _run(slope, b, reverse=False), transposed
    )


def coupled_recurrence(slopes: Any, offsets: Sequence[Any]) -> tuple[Any, ...]:
    """The same for several states: ``y_i[n] = sum_k slopes[k][i][n] y_k[n - 1] + offsets_i[n]``."""

    def advance(value: tuple[Any, ...], x: tuple[Any, Any]) -> tuple[Any, Any]:
        slope, offset = x
        after = tuple(
            sum((row[i] * v for row, v in zip(slope, value, strict=True)), start=o)
            for i, o in enumerate(offset)
        )
        return after, after

    first = tuple(jnp.zeros_like(o[0]) for o in offsets)
    return jax.lax.scan(advance, first, (slopes, tuple(offsets)))[1]
