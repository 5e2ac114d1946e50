"""A model: an ordered list of blocks and the parameter table that belongs to them."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np

from lymphokin.model.block import Block, Fraction
from lymphokin.model.parameters import ParameterTable, TableError, read_table
from lymphokin.shipped import models_path


class ModelError(ValueError):
    """A model file that cannot be used; the message says what is wrong and where."""


class _Recorder:
    """Stands for the parameters or outputs and remembers which were read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            raise AttributeError(name) from None
        self.read.add(name)
        return value


@dataclass(frozen=True)
class Model:
    """Blocks in order of flow, with their parameter table.

    ``sha256`` identifies the model and table files, for provenance.
    """

    name: str
    blocks: tuple[Block, ...]
    table: ParameterTable
    description: str = ""
    sha256: str = ""

    def on_clock(self, clock: str) -> tuple[Block, ...]:
        """Blocks that are solved on this clock, ``"hours"`` or ``"days"``, in order."""
        return tuple(block for block in self.blocks if block.clock == clock)

    @property
    def observed(self) -> tuple[str, ...]:
        """Quantities that the laboratory measures: those with a residual in the table."""
        return tuple(self.table.residuals)

    def with_fixed(self, **values: float) -> Model:
        """The model with parameters fixed at values in table units, e.g. ``suppression=0``."""
        return replace(self, table=self.table.fixed(**values)) if values else self

    def reads(self) -> dict[str, frozenset[str]]:
        """Parameters that each block reads, found by running the block once at the medians."""
        values = {p.name: p.median * p.per_day for p in self.table}
        fraction = Fraction(immune_dose=1.0, share=1.0)
        seen: dict[str, Any] = {}
        used: dict[str, frozenset[str]] = {}
        with jax.ensure_compile_time_eval():
            self._run_once(values, fraction, seen, used)
        return used

    def _run_once(
        self,
        values: Mapping[str, Any],
        fraction: Fraction,
        seen: dict[str, Any],
        used: dict[str, frozenset[str]],
    ) -> None:
        for block in self.blocks:
            p, u = _Recorder(values), _Recorder(seen)
            try:
                y = initial_state(block, p)
                block.flows(y, p, u)
                block.on_fraction(y, p, fraction)
                block.on_dose(y, p, 1.0)
                shown = block.outputs(y, p, u)
            except AttributeError as error:
                raise ModelError(
                    f"block {block.name} of model {self.name} asks for {error}, which is neither a "
                    "parameter of the table nor a state or output of a block above it"
                ) from error
            seen |= {name: np.float64(value) for name, value in shown.items()}
            seen |= {name: np.float64(getattr(y, name)) for name in block.hands_down}
            used[block.name] = frozenset(p.read | ({block.lag} if block.lag else set()))

    @cached_property
    def exposure_only(self) -> frozenset[str]:
        """Parameters that only hours blocks read: they say nothing about an untreated patient."""
        reads = self.reads()
        hours = {name for b in self.on_clock("hours") for name in reads[b.name]}
        days = {name for b in self.on_clock("days") for name in reads[b.name]}
        return frozenset(hours - days)


def state_type(block: Block) -> Any:
    """Named tuple of the block's states (a pytree with attribute access)."""
    return namedtuple(f"{block.name}State", list(block.states))


def initial_state(block: Block, p: Any) -> Any:
    """States of an untreated patient with parameters ``p``."""
    values = [s.initial(p) if callable(s.initial) else s.initial for s in block.states.values()]
    return state_type(block)(*values)


def check_model(model: Model) -> Model:
    """Refuse a model whose parts do not fit together, with every problem in one message."""
    problems = []
    used = frozenset().union(*model.reads().values())
    problems += [
        f"parameter {p.name} is in the table but no block reads it"
        for p in model.table
        if p.name not in used
    ]
    shown = {name for block in model.blocks for name in block.shows}
    problems += [
        f"residual {quantity!r} has no block that shows it"
        for quantity in set(model.observed) - shown
    ]
    problems += [
        f"{block.name}.{name} is handed down, so it must rest at zero"
        for block in model.blocks
        for name in block.hands_down
        if block.states[name].initial != 0.0
    ]
    clocks = [block.clock for block in model.blocks]
    if clocks != sorted(clocks, reverse=True):
        problems.append("blocks on the hours clock must come before those on the days clock")
    if problems:
        raise ModelError(f"model {model.name}: " + "; ".join(problems))
    return model


def shipped_models() -> tuple[str, ...]:
    """Names of the models that come with lymphokin."""
    return tuple(sorted(p.stem for p in models_path().glob("*.py")))


def _file_of(name: str | Path) -> Path:
    path = Path(name)
    if path.suffix != ".py":
        path = models_path() / f"{name}.py"
    if not path.is_file():
        raise ModelError(
            f"no model {str(name)!r}: give a path to a .py file or one of "
            f"{', '.join(shipped_models())}"
        )
    return path


def model_file(name: str | Path) -> ModuleType:
    """The Python module of a model file, so that another model can build on its blocks."""
    path = _file_of(name).resolve()
    module_name = (
        f"lymphokin_model_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    )
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise ModelError(f"{path.name}: {type(error).__name__}: {error}") from error
    return module


def load_model(name: str | Path) -> Model:
    """Load a model by the name of a shipped one or the path of a model file.

    The parameter table is the ``.toml`` file of the same name beside it.

    Raises:
        ModelError: when the file is missing, does not run, or its parts do not fit together.
    """
    path = _file_of(name)
    module = model_file(path)
    table_path = path.with_suffix(".toml")
    if not hasattr(module, "blocks"):
        raise ModelError(f"{path.name} must define `blocks`, a tuple of Block instances")
    try:
        table = read_table(table_path)
    except TableError as error:
        raise ModelError(str(error)) from error
    digest = hashlib.sha256(path.read_bytes() + table_path.read_bytes()).hexdigest()
    description = (module.__doc__ or "").strip().partition("\n")[0]
    return check_model(Model(path.stem, tuple(module.blocks), table, description, digest))
