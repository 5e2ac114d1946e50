"""Standard normals that are spread more evenly than random ones, kept on disk.

Making them needs ``scipy.stats``, which takes as long to import as JAX: a process that finds them
beside JAX's compiled programs starts without it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
from scipy.special import ndtri

from lymphokin.arrays import read_arrays, write_arrays

FOLDER = "normals"


@lru_cache(maxsize=32)
def normals(count: int, dimensions: int, seed: int) -> np.ndarray:
    """[dimension, draw] standard normals from a scrambled Sobol sequence."""
    kept = _place(f"{version('scipy')}-{count}-{dimensions}-{seed}.npz")
    draws = None if kept is None else _read(kept, (dimensions, count))
    if draws is None:
        draws = _made(count, dimensions, seed)
        if kept is not None:
            with suppress(OSError):  # a full disk only costs time
                write_arrays(kept, {"draws": draws})
    draws.flags.writeable = False  # it is kept for the next question
    return draws


def _made(count: int, dimensions: int, seed: int) -> np.ndarray:
    from scipy.stats import qmc

    power = int(np.ceil(np.log2(max(count, 2))))
    uniform = qmc.Sobol(dimensions, rng=np.random.default_rng(seed)).random_base2(power)[:count]
    return ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)).T


def _place(name: str) -> Path | None:
    """The file of some normals, beside JAX's compiled programs; None where these are not kept."""
    compiled = jax.config.jax_compilation_cache_dir
    return Path(compiled) / FOLDER / name if compiled else None


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Normals from a file; None where there is no file or it is damaged."""
    try:
        stored = read_arrays(path)
    except OSError:
        return None
    draws = None if stored is None else stored.get("draws")
    return draws if draws is not None and draws.shape == shape else None
