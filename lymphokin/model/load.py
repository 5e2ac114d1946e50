"""Loads models from their files, and identifies each by the hash of all the files it is made of."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lymphokin.files import AnyPath
from lymphokin.model.block import Block, ModelError
from lymphokin.model.losses import refuse_negative_losses
from lymphokin.model.model import Model, check_model
from lymphokin.model.parameters import TableError
from lymphokin.model.solver import AdaptiveSolver
from lymphokin.model.table import read_table
from lymphokin.model.table_files import table_files
from lymphokin.shipped import models_path


@dataclass(frozen=True)
class _Loaded:
    """A model file that was run, and the sha256 of it and of every model file it builds on."""

    module: ModuleType
    sources: dict[Path, str]

    @property
    def current(self) -> bool:
        """Whether the files are still those that were run."""
        return all(
            path.is_file() and _sha256(path.read_bytes()) == digest
            for path, digest in self.sources.items()
        )


_loaded: dict[Path, _Loaded] = {}
_models: dict[Path, Model] = {}
"""Models that were put together and checked, by their file."""
_running: dict[Path, dict[Path, str]] = {}
"""Model files being run, outermost first, each with the sources found so far."""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def shipped_models() -> tuple[str, ...]:
    """Names of the models that come with lymphokin.

    Example:
        >>> "hedos_hcc" in lk.shipped_models()
        True
    """
    return tuple(sorted(p.stem for p in models_path().glob("*.py")))


def _file_of(name: AnyPath) -> Path:
    path = Path(name)
    if path.suffix != ".py":
        path = models_path() / f"{name}.py"
    if not path.is_file():
        raise ModelError(
            f"no model {str(name)!r}: give a path to a .py file or one of "
            f"{', '.join(shipped_models())}"
        )
    return path


def model_file(name: AnyPath) -> ModuleType:
    """The Python module of a model file, so that another model can build on its blocks.

    A file is run once, and again only if it or a file it builds on has changed.

    Raises:
        ModelError: when the file is missing, does not run, or builds on itself.

    Example:
        >>> default = lk.model_file("myeloid_lymphoid")
        >>> default.blocks[-1].name
        'Lymphoid'
    """
    return _load(_file_of(name).resolve()).module


def _load(path: Path) -> _Loaded:
    if path in _running:
        raise ModelError(f"{path.name} builds on itself")
    loaded = _loaded.get(path)
    if loaded is None or not loaded.current:
        loaded = _loaded[path] = _run(path)
    if _running:
        next(reversed(_running.values())).update(loaded.sources)
    return loaded


def _run(path: Path) -> _Loaded:
    content = path.read_bytes()
    module = ModuleType(f"lymphokin_model_{path.stem}_{_sha256(str(path).encode())[:8]}")
    module.__file__ = str(path)
    sources = _running[path] = {path: _sha256(content)}
    sys.modules[module.__name__] = module
    try:
        exec(compile(content, str(path), "exec"), vars(module))
    except Exception as error:
        del sys.modules[module.__name__]
        reason = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        raise ModelError(f"{path.name}: {reason}") from error
    finally:
        del _running[path]
    return _Loaded(module, sources)


def load_model(name: AnyPath) -> Model:
    """Load a model by the name of a shipped one or the path of a model file.

    The parameter table is the ``.toml`` file of the same name beside it.

    Raises:
        ModelError: when the file is missing, does not run, or its parts do not fit together.

    Example:
        >>> model = lk.load_model("myeloid_lymphoid")
        >>> model.observables["alc"].unit
        '1e9/L'
        >>> less_sensitive = model.with_fixed(radiosensitivity=0.1)
    """
    path = _file_of(name)
    loaded = _load(path.resolve())
    table_path = path.with_suffix(".toml")
    try:
        tables = table_files(table_path)
        digests = [_sha256(file.read_bytes()) for file in tables]
    except TableError as error:
        raise ModelError(str(error)) from error
    digest = _sha256("\n".join([*sorted(loaded.sources.values()), *digests]).encode())
    model = _models.get(path.resolve())
    if model is None or model.sha256 != digest:
        model = _models[path.resolve()] = _put_together(path, loaded, tables, digest)
    return model


def _put_together(path: Path, loaded: _Loaded, tables: tuple[Path, ...], digest: str) -> Model:
    blocks = getattr(loaded.module, "blocks", None)
    if (
        not isinstance(blocks, tuple)
        or not blocks
        or not all(isinstance(block, Block) for block in blocks)
    ):
        raise ModelError(f"{path.name} must define `blocks`, a tuple of Block instances")
    try:
        table = read_table(tables[0])
    except TableError as error:
        raise ModelError(str(error)) from error
    about = (loaded.module.__doc__ or "").strip()
    solver = getattr(loaded.module, "solver", None)
    if not isinstance(solver, AdaptiveSolver | None):
        raise ModelError(f"{path.name}: `solver` must be an AdaptiveSolver, not {solver!r}")
    own = [file for file in (*loaded.sources, *tables) if _is_own(file)]
    files = {file.name: file.read_text(encoding="utf-8") for file in own}
    begins = getattr(loaded.module, "begins", "")
    first_line = about.partition("\n")[0]
    model = Model(path.stem, blocks, table, first_line, digest, about, solver, begins, files)
    try:
        check_model(model)
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error
    # The tests have tried those that come with lymphokin.
    return refuse_negative_losses(model) if files else model


def _is_own(file: Path) -> bool:
    """Whether a file does not come with lymphokin."""
    return not file.is_relative_to(models_path().resolve())
