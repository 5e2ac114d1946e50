"""How a piece of work is laid out on devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from lymphokin.solve.hardware import on_cpu

PATIENTS_AT_ONCE = 50_000
"""Patients that a GPU solves at a time: enough to keep it busy (benchmarks/gpu.py: 40,000 do),
few enough for its memory."""


def devices_for(pieces: int) -> list[Any]:
    """The most devices that share ``pieces`` equal pieces of work evenly."""
    devices = jax.local_devices()
    count = max(n for n in range(1, min(len(devices), pieces) + 1) if pieces % n == 0)
    return devices[:count]


def each(function: Callable[[Any], Any], rows: Any, patients: int = 1) -> Any:
    """``function`` of every row: on a CPU one after the other, which keeps it in the cache and lets
    each end as soon as it can; on a GPU together, which costs little more than one.

    Args:
        patients: that a row solves; a GPU takes rows of :data:`PATIENTS_AT_ONCE` at a time.
    """
    batch = None if on_cpu() else max(1, PATIENTS_AT_ONCE // patients)
    return jax.lax.map(function, rows, batch_size=batch)
