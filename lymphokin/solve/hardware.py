"""What is cheap differs: a CPU stores a value sooner than it computes it again, a GPU computes
sooner than it launches another operation.

The default backend decides, which is that of the whole process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

ROWS_AT_ONCE = 8
"""Rows that a CPU takes together: as many as fit one of its widest registers."""


def on_cpu() -> bool:
    """Whether programs run on a CPU."""
    return jax.default_backend() == "cpu"


def stored(values: Any) -> Any:
    """``values``, on a CPU computed once for all who read them.

    XLA would rather compute a value again for each of its readers than store it, and over a chain
    of updates that explodes (4 times the time of a step). On a GPU, where everything that is stored
    is one more launch, it does right.
    """
    return jax.lax.optimization_barrier(values) if on_cpu() else values


def steps_per_launch() -> int:
    """How many steps of a loop over time are one piece of program."""
    return 1 if on_cpu() else 4


def in_parts(function: Callable[[Any], Any], rows: Any) -> Any:
    """``function`` of arrays [row], elementwise; on a CPU a few rows at a time.

    A loop is one piece of machine code; its operations one by one would each be started anew, which
    for few rows takes longer than they do (a gradient of the shipped trial takes 0.95 of the time).
    """
    count = len(jax.tree.leaves(rows)[0])
    if not on_cpu() or count <= ROWS_AT_ONCE or count % ROWS_AT_ONCE:
        return function(rows)
    parts = jax.tree.map(lambda x: x.reshape(-1, ROWS_AT_ONCE), rows)
    return jax.tree.map(lambda x: x.reshape(count), jax.lax.map(jax.checkpoint(function), parts))
