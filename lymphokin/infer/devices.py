"""How many devices share a piece of work."""

from __future__ import annotations

from typing import Any

import jax


def devices_for(pieces: int) -> list[Any]:
    """The most devices that share ``pieces`` equal pieces of work evenly."""
    devices = jax.local_devices()
    count = max(n for n in range(1, min(len(devices), pieces) + 1) if pieces % n == 0)
    return devices[:count]
