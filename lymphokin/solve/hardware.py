"""What is cheap differs: a CPU stores a value sooner than it computes it again, a GPU computes
sooner than it launches another operation.

The default backend decides, which is that of the whole process.
"""

from __future__ import annotations

from typing import Any

import jax


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
