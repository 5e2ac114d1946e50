"""Named arrays kept in a file, whole or not at all, and arrays that take little room there.

A damaged file counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from lymphokin.files import write_with


def write_arrays(path: Path, arrays: Mapping[str, ArrayLike]) -> None:
    """Write arrays to a file, whose name ends with ``.npz``."""
    write_with(path, lambda temporary: np.savez(temporary, allow_pickle=False, **arrays))


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None where there is none, or where it is damaged: it is removed.

    Raises:
        OSError: when the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except FileNotFoundError:
        return None
    except OSError:
        raise
    except Exception:  # a damaged file, whatever the reader makes of it; each part has a checksum
        path.unlink(missing_ok=True)
        return None


def shortened(values: np.ndarray, bits: int) -> np.ndarray:
    """Single-precision numbers rounded to some bits of their mantissa; the rest compresses away."""
    dropped = np.finfo(np.float32).nmant - bits
    whole = np.ascontiguousarray(values).view(np.uint32)
    half = np.uint32(1 << (dropped - 1))
    kept = ((whole + half) >> np.uint32(dropped)) << np.uint32(dropped)
    return np.where(np.isfinite(values), kept.view(np.float32), values)
