"""The source of blocks that were written in a notebook or a script, as a model file of their own.

A model file stands alone. The source therefore holds the classes of the blocks and what they use:
imports, plain constants, functions and base classes.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from lymphokin.model.block import Block, ModelError
from lymphokin.shipped import models_path

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_OF_MODEL_FILE = "lymphokin_model_"
"""Names of the modules that :func:`lymphokin.model.model_file` makes begin so."""


def source_of(blocks: tuple[Block, ...]) -> str:
    """Python source that defines ``blocks`` again.

    Raises:
        ModelError: naming what cannot be written down, such as a block with values of its own or
            a class whose source is not to be had.
    """
    collected = _Collected()
    calls = []
    for block in blocks:
        if vars(block):
            raise ModelError(
                f"block {block.name} holds values of its own ({', '.join(vars(block))}): make them "
                "parameters of the table, or write the model to a file"
            )
        collected.add(type(block).__name__, type(block))
        calls.append(f"{type(block).__name__}()")
    body = "\n\n\n".join(collected.definitions)
    return f"{collected.header()}\n\n\n{body}\n\n\nblocks = ({', '.join(calls)},)\n"


class _Collected:
    """Statements that define names, in an order in which they can run."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}
        self._imports: list[str] = []
        self._constants: list[str] = []
        self.definitions: list[str] = []

    def header(self) -> str:
        """Imports and constants."""
        return "\n".join([*sorted(set(self._imports)), "", *self._constants]).rstrip()

    def add(self, name: str, value: Any) -> None:
        """Define ``name``, and before it all that its definition uses."""
        if name in self._seen:
            if self._seen[name] is not value:
                raise ModelError(f"two different things are called {name}: rename one of them")
            return
        self._seen[name] = value
        if isinstance(value, ModuleType):
            self._add_module(name, value)
        elif isinstance(value, type | FunctionType):
            self._add_definition(name, value)
        elif _is_plain(value):
            self._constants.append(f"{name} = {value!r}")
        elif callable(value) and _importable(getattr(value, "__module__", None)):
            self._imports.append(_from(value.__module__, getattr(value, "__name__", name), name))
        else:
            raise ModelError(
                f"{name} ({type(value).__name__}) is used by a block but cannot be written to a "
                "model file: make it a number, a function, or an import"
            )

    def _add_module(self, name: str, module: ModuleType) -> None:
        if module.__name__.startswith(_OF_MODEL_FILE):
            self._constants.append(f"{name} = {self._model_file(module)}")
        else:
            whole = f"import {module.__name__}"
            self._imports.append(whole if name == module.__name__ else f"{whole} as {name}")

    def _model_file(self, module: ModuleType) -> str:
        """Call that gives the module of a model file: a shipped one by name, others by path."""
        self._imports.append("from lymphokin.model import model_file")
        path = Path(module.__file__ or "")
        shipped = path.is_relative_to(models_path().resolve())
        return f"model_file({path.stem if shipped else str(path)!r})"

    def _add_definition(self, name: str, value: type | FunctionType) -> None:
        if value.__module__.startswith(_OF_MODEL_FILE):
            module = sys.modules[value.__module__]
            self._constants.append(f"{name} = {self._model_file(module)}.{value.__name__}")
            return
        if _importable(value.__module__):
            self._imports.append(_from(value.__module__, value.__name__, name))
            return
        try:
            source = textwrap.dedent(inspect.getsource(value))
        except (OSError, TypeError):
            raise ModelError(
                f"the source of {name} is not to be had: write the model to a file and load that"
            ) from None
        within = vars(sys.modules[value.__module__])
        for used in _names_in(source):
            if used in within and used != name:
                self.add(used, within[used])
        self.definitions.append(source.rstrip())


def _names_in(source: str) -> list[str]:
    """Names that a definition reads, in order of appearance, builtins left out."""
    names = (
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
    return [name for name in dict.fromkeys(names) if not hasattr(builtins, name)]


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(_is_plain(k) and _is_plain(v) for k, v in value.items())
    return isinstance(value, _PLAIN)


def _importable(module: str | None) -> bool:
    """Whether a module can be imported elsewhere, too: it is installed, or part of Python."""
    if module is None or module == "__main__" or module.startswith(_OF_MODEL_FILE):
        return False
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names or root == "lymphokin":
        return True
    return "site-packages" in str(getattr(sys.modules.get(root), "__file__", None))


def _from(module: str, attribute: str, name: str) -> str:
    renamed = "" if attribute == name else f" as {name}"
    return f"from {module} import {attribute}{renamed}"
