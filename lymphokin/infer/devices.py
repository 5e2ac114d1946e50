"""How a piece of work is laid out on devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import batched
from operator import itemgetter
from typing import Any

import jax
import numpy as np

from lymphokin.solve.hardware import on_cpu

PATIENTS_AT_ONCE = 50_000
"""Patients that a GPU solves at a time: enough to keep it busy (benchmarks/gpu.py: 40,000 do),
few enough for its memory."""
PARTS_AHEAD = 2
"""Parts of a piece of work that each thread may finish before somebody wants them."""


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


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(jax.local_devices()), "part")


def by_parts(program: Callable[[Any], Any], rows: Any, size: int) -> Iterator[Any]:
    """``program`` of every ``size`` rows, in their order, as NumPy arrays.

    As many at a time as there are devices, but by threads that all use the default one: a program
    that is laid out over several takes a tenth longer to compile, and a processor's cores take no
    notice of which device they are.
    """
    count = len(jax.tree.leaves(rows)[0])
    parts = [jax.tree.map(itemgetter(slice(i, i + size)), rows) for i in range(0, count, size)]

    def run(part: Any) -> Any:
        return jax.tree.map(np.asarray, program(part))

    if len(parts) == 1:
        yield run(parts[0])
        return
    for some in batched(parts, PARTS_AHEAD * len(jax.local_devices())):
        yield from _threads().map(run, some)
