"""A linear recurrence over the nodes, whose derivative is one more recurrence and nothing else."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lymphokin.solve.hardware import on_cpu


def _one_by_one(slope: Any, offset: Any, reverse: bool) -> Any:
    def advance(value: Any, x: tuple[Any, Any]) -> tuple[Any, Any]:
        after = x[0] * value + x[1]
        return after, after

    return jax.lax.scan(advance, jnp.zeros_like(offset[0]), (slope, offset), reverse=reverse)[1]


def _by_halves(slope: Any, offset: Any, reverse: bool) -> Any:
    def join(first: tuple[Any, Any], then: tuple[Any, Any]) -> tuple[Any, Any]:
        return then[0] * first[0], then[0] * first[1] + then[1]

    return jax.lax.associative_scan(join, (slope, offset), reverse=reverse)[1]


def _run(slope: Any, offset: Any, reverse: bool) -> Any:
    # On a GPU every step is a launch, however small; by halves they are log2 as many.
    return (_one_by_one if on_cpu() else _by_halves)(slope, offset, reverse)


def recurrence(slope: Any, offset: Any) -> Any:
    """``y[n] = slope[n] * y[n - 1] + offset[n]`` with ``y[-1] = 0``; all [step, lane]."""

    def residual(y: Any) -> Any:
        before = jnp.concatenate([jnp.zeros_like(y[:1]), y[:-1]])
        return y - slope * before

    def solve(_: Any, b: Any) -> Any:
        return _run(slope, b, reverse=False)

    def transposed(_: Any, b: Any) -> Any:
        later = jnp.concatenate([slope[1:], jnp.zeros_like(slope[:1])])
        return _run(later, b, reverse=True)

    return jax.lax.custom_linear_solve(residual, offset, solve, transposed)
