"""The TOML files of a parameter table, and their entries put together.

``extends`` names another table, beside the file or shipped, from which entries are inherited; an
entry of one's own replaces single keys, ``remove = true`` takes the whole entry out.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lymphokin.model.parameters import TableError
from lymphokin.shipped import models_path


def table_files(path: Path) -> tuple[Path, ...]:
    """The file of a table and those of the tables it extends, its own first.

    Raises:
        TableError: when one cannot be read, or extends itself.
    """
    files = [path.resolve()]
    while parent := _toml(files[-1]).get("extends"):
        if not isinstance(parent, str):
            raise TableError(f"{files[-1].name}: extends must name a table, not {parent!r}")
        beside = files[-1].with_name(f"{parent}.toml")
        table = (beside if beside.is_file() else models_path() / beside.name).resolve()
        if table in files:
            circle = " extends ".join(file.name for file in (*files, table))
            raise TableError(f"{path.name}: a table cannot extend itself: {circle}")
        if not table.is_file():
            raise TableError(
                f"{files[-1].name}: extends {parent!r}, but there is no {table.name} beside it or "
                "among the shipped models"
            )
        files.append(table)
    return tuple(files)


def merged_table(path: Path) -> dict[str, Any]:
    """The entries of a table and of those that it extends, as one table that extends none.

    Raises:
        TableError: when a file cannot be read.
    """
    raw: dict[str, Any] = {}
    for file in reversed(table_files(path)):
        raw = _merge(raw, _toml(file))
    raw.pop("extends", None)
    return raw


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        if isinstance(value, dict) and value.get("remove"):
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TableError(f"{path.name}: {error}") from error
