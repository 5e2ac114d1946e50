"""Traced programs kept on disk: a command starts without tracing the model again.

JAX keeps compiled code on disk, but finds it by the traced program, and tracing takes longer than
loading the code. What is kept here are the traced programs (StableHLO), named after all that they
follow from: lymphokin's own source, the versions of the libraries that are traced, the model, the
devices and the shapes.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import export
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import lymphokin
from lymphokin.files import write_bytes
from lymphokin.model import Model

FOLDER = "traced"
DIGEST_BYTES = hashlib.sha256().digest_size
PACKAGES = ("jax", "jaxlib", "numpyro")
"""Whose code ends up in a program."""

_compilers = ThreadPoolExecutor(2, "compiler")
"""Two at a time: XLA works on parts of a program in parallel, but not all the time."""


class _Program(NamedTuple):
    """A traced program on flat arguments and results."""

    call: Callable[..., Any]
    result: Any
    """Pytree like the function's result, of the places of its leaves."""


def traced(
    function: Callable[..., Any],
    name: str,
    model: Model,
    devices: Sequence[Any],
    arguments: tuple[Any, ...],
    options: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """A function, traced now unless an earlier process has done so, and compiled beside what
    follows: a call waits for it.

    Tracing keeps Python busy and compiling does not, so programs that will be needed are best asked
    for one after the other, before any is called.

    Args:
        function: jittable; lays its work out on ``devices`` itself.
        name: distinguishes it from other functions of the same model and arguments.
        model: what ``function`` solves.
        devices: on which it runs; of one, it must be the default.
        arguments: an example of the arguments, or their shapes; those are the same in all calls.
        options: of XLA's compiler.
    """
    leaves, structure = jax.tree.flatten(arguments)
    place = _place(name, model, devices, leaves, str(structure))
    program = None if place is None else _read(place)
    if program is None:
        program = _trace(function, structure, leaves, place)
    run = jax.jit(program.call)
    everywhere = None
    if len(devices) > 1:
        everywhere = NamedSharding(Mesh(np.asarray(devices), ("device",)), PartitionSpec())
        run = jax.jit(program.call, in_shardings=everywhere)
    compiling = _compilers.submit(run.lower(*leaves).compile, dict(options or {}))
    order, form = jax.tree.flatten(program.result)

    def call(*given: Any) -> Any:
        leaves, run = jax.tree.leaves(given), compiling.result()
        found = run(*(leaves if everywhere is None else jax.device_put(leaves, everywhere)))
        return jax.tree.unflatten(form, [found[i] for i in order])

    return call


def _trace(
    function: Callable[..., Any], structure: Any, leaves: list[Any], place: Path | None
) -> _Program:
    form: list[Any] = []

    @jax.jit
    def flat(*leaves: Any) -> tuple[Any, ...]:
        found, result = jax.tree.flatten(function(*jax.tree.unflatten(structure, leaves)))
        form[:] = [jax.tree.unflatten(result, range(len(found)))]
        return tuple(found)

    if place is None:
        jax.eval_shape(flat, *leaves)
        return _Program(flat, form[0])
    program = export.export(flat)(*leaves)
    _write(place, pickle.dumps((form[0], program.serialize())))
    return _Program(program.call, form[0])


def _place(
    name: str, model: Model, devices: Sequence[Any], leaves: list[Any], structure: str
) -> Path | None:
    """File of a program, or None: of a model without a file, or with a solver of diffrax, as
    implicit ones call back into Python.
    """
    compiled = jax.config.jax_compilation_cache_dir
    if not compiled or not model.sha256 or model.solver is not None:
        return None
    known = (
        _source_sha256(),
        [version(package) for package in PACKAGES],
        jax.config.jax_enable_x64,
        name,
        model.name,
        model.sha256,
        repr(model.table),
        [(d.platform, d.device_kind) for d in devices],
        structure,
        [(leaf.shape, str(leaf.dtype)) for leaf in jax.eval_shape(lambda *v: v, *leaves)],
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


def _read(place: Path) -> _Program | None:
    """The program in a file; None where there is none, or where it is damaged: it is removed."""
    try:
        content = place.read_bytes()
    except OSError:
        return None
    digest, kept = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(kept).digest() != digest:
        with suppress(OSError):
            place.unlink()
        return None
    form, program = pickle.loads(kept)
    return _Program(export.deserialize(bytearray(program)).call, form)


def _write(place: Path, kept: bytes) -> None:
    """Keep a program behind its hash. A full disk only costs time."""
    with suppress(OSError):
        write_bytes(place, hashlib.sha256(kept).digest() + kept)
