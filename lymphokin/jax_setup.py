"""Settings of JAX that must stand before it starts: called once by the command line.

As a library, lymphokin leaves these to the user's program, except for double precision.
"""

from __future__ import annotations

import atexit
import gc
import os
import re
import sys
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

TROUBLE = re.compile(
    r"Error (?P<doing>reading|writing) persistent compilation cache entry for '(?P<program>[^']+)'"
    r": (?P<error>.*)",
    re.DOTALL,
)
"""What JAX warns of when compiled code cannot be read from disk, or kept there."""

VECTOR_WIDTH = "--xla_cpu_prefer_vector_width=512"
MEMORY_FIRST = "--xla_cpu_scheduler_type=CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"
"""Operations in the order that keeps least in memory, so that values are read while they are in the
cache (4 to 12 % faster); the default order is for running many at a time."""
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
"""Small operations lose more by being shared out than they gain; chains share the cores instead."""


PRECISIONS = ("float64", "float32")


def choose_precision(name: str) -> None:
    """Compute in this floating-point type from now on.

    Raises:
        ValueError: for a type that is not one of ``PRECISIONS``.
    """
    if name not in PRECISIONS:
        raise ValueError(f"precision {name}: expected {' or '.join(PRECISIONS)}")
    wide = name == "float64"
    os.environ["JAX_ENABLE_X64"] = "1" if wide else "0"
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", wide)


def prepare_jax(devices: int | None = None) -> None:
    """A CPU device per core, wide vectors, compiled code kept on disk, less looking for garbage.

    Args:
        devices: CPU devices, and so pieces of work that go on side by side; the number of usable
            cores by default, at most 4.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = devices or min(4, cores or 1)
    flags = [
        f"--xla_force_host_platform_device_count={count}",
        VECTOR_WIDTH,
        MEMORY_FIRST,
        ONE_THREAD,
        *os.environ.get("XLA_FLAGS", "").split(),
    ]
    os.environ["XLA_FLAGS"] = " ".join(dict.fromkeys(flags))
    cache = platformdirs.user_cache_dir("lymphokin")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(cache, "compiled"))
    # Hundreds of small programs take longer to compile than to read, too.
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    # What diffrax cannot solve has no number, and a search or a chain turns back there.
    os.environ.setdefault("EQX_ON_ERROR", "nan")
    _keep_compiled_cache_sound()
    # Tracing makes many small objects that stay; looking through them all again and again for
    # garbage takes a third of its time.
    gc.set_threshold(50_000, 20, 50)
    # And once more at the end, which takes half a second.
    atexit.register(gc.freeze)


def _keep_compiled_cache_sound() -> None:
    """Remove damaged entries of JAX's cache on disk when they are met, so that they are made again.

    JAX warns of a damaged entry, compiles, and leaves the entry where it is, for good. Nor does it
    write an entry whole or not at all.
    """
    show = warnings.showwarning
    said: set[str] = set()

    def mend(message: Warning | str, *rest: Any, **more: Any) -> None:
        trouble = TROUBLE.match(str(message))
        if trouble is None:
            show(message, *rest, **more)
            return
        folder = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
        remove_damaged(folder, trouble["program"])
        if not said and (trouble["doing"] == "writing" or not os.access(folder, os.W_OK)):
            why = trouble["error"].splitlines()[0]
            said.add(why)
            print(f"Compiled programs cannot be kept in {folder} ({why}): every start compiles "
                  "them again.", file=sys.stderr)  # fmt: skip

    warnings.filterwarnings("always", TROUBLE.pattern.split("(?P")[0])
    warnings.showwarning = mend


def remove_damaged(folder: Path, program: str) -> None:
    """Remove the entries of a program that cannot be unpacked; all of them if all can be."""
    entries = list(folder.glob(f"{program}-*-cache"))
    damaged = [entry for entry in entries if not _unpacks(entry)]
    for entry in damaged or entries:
        with suppress(OSError):
            entry.unlink()


def _unpacks(entry: Path) -> bool:
    """Whether an entry is whole, by the checksum of its packing."""
    try:
        zlib.decompress(entry.read_bytes())
    except (OSError, zlib.error):
        return False
    return True
