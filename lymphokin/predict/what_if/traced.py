"""Traced programs kept on disk: the page starts without tracing the model again.

JAX keeps compiled code on disk, but finds it by the traced program, and tracing takes longer than
loading the code. What is kept here are the traced programs (StableHLO), named after all that they
follow from: lymphokin's own source, the versions of JAX, the model, the devices and the shapes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import jax
import numpy as np
from jax import export
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import lymphokin
from lymphokin.model import Model

FOLDER = "traced"


def traced(
    function: Callable[..., Any],
    name: str,
    model: Model,
    devices: Sequence[Any],
    arguments: tuple[Any, ...],
) -> Callable[..., Any]:
    """A compiled function, traced only if no earlier process has done so.

    Args:
        function: jittable; lays its work out on ``devices`` itself.
        name: tells it from other functions of the same model and arguments.
        model: what ``function`` solves.
        devices: on which it runs.
        arguments: an example of the arguments; their shapes are those of all calls.

    Returns:
        a function of arguments like these, which gives the leaves of what ``function`` gives.
    """
    leaves, structure = jax.tree.flatten(arguments)

    @jax.jit
    def flat(*leaves: Any) -> tuple[Any, ...]:
        return tuple(jax.tree.leaves(function(*jax.tree.unflatten(structure, leaves))))

    place = _place(name, model, devices, leaves, str(structure))
    program = None if place is None else _read(place)
    if program is None:
        program = export.export(flat)(*leaves)
        if place is not None:
            _write(place, program)
    everywhere = NamedSharding(Mesh(np.asarray(devices), ("lane",)), PartitionSpec())
    run = jax.jit(program.call, in_shardings=everywhere)
    return lambda *given: run(*jax.tree.leaves(given))


def _place(
    name: str, model: Model, devices: Sequence[Any], leaves: list[Any], structure: str
) -> Path | None:
    """File of a program; None where nothing is kept or the model did not come from a file."""
    compiled = jax.config.jax_compilation_cache_dir
    if not compiled or not model.sha256:
        return None
    known = (
        _source_sha256(),
        version("jax"),
        version("jaxlib"),
        jax.config.jax_enable_x64,
        name,
        model.name,
        model.sha256,
        repr(model.table),
        [(d.platform, d.device_kind) for d in devices],
        structure,
        [(np.shape(leaf), str(np.asarray(leaf).dtype)) for leaf in leaves],
    )
    return Path(compiled) / FOLDER / hashlib.sha256(repr(known).encode()).hexdigest()


@cache
def _source_sha256() -> str:
    """Of every source file of the package: a changed line makes every kept program stale."""
    found = hashlib.sha256()
    root = Path(lymphokin.__file__).parent
    for path in sorted(root.rglob("*.py")):
        found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _read(place: Path) -> Any:
    try:
        return export.deserialize(bytearray(place.read_bytes()))
    except FileNotFoundError:
        return None
    except Exception:  # a damaged file, whatever the reader makes of it: trace again
        return None


def _write(place: Path, program: Any) -> None:
    """Keep a program; the file appears complete or not at all. A full disk only costs time."""
    temporary = place.with_name(f"{place.name}.{uuid4().hex}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(program.serialize())
        os.replace(temporary, place)
    except OSError:
        temporary.unlink(missing_ok=True)
