"""Makes a model of blocks that were written in Python, outside a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomli_w

from lymphokin.files import AnyPath
from lymphokin.model.block import Block, ModelError
from lymphokin.model.load import load_model, shipped_models
from lymphokin.model.model import Model
from lymphokin.model.parameters import TableError
from lymphokin.model.source import source_of
from lymphokin.model.table_files import merged_table


def make_model(
    name: str, blocks: Sequence[Block], table: Mapping[str, Any] | AnyPath, begins: str = ""
) -> Model:
    """Make a model of blocks and a parameter table.

    The blocks are written to a model file with all that they use and loaded from it: the model
    that is fitted is the one that a run folder keeps.

    Args:
        name: of the model; not that of a shipped one.
        blocks: instances of subclasses of :class:`lymphokin.model.Block`, in order of flow.
        table: the parameter table: ``parameters``, ``residuals`` and ``correlations`` as in its
            TOML file, or ``{"extends": "myeloid_lymphoid", ...}``; or the path of such a file.

        begins: ``"first record"`` for a model of what has begun already, such as a growing lesion;
            empty where an untreated patient rests.

    Raises:
        ModelError: when the parts do not fit together, or the blocks use what cannot be written
            to a file.

    Example:
        >>> default = lk.model_file("hedos_hcc")
        >>> model = lk.make_model("mine", default.blocks, {"extends": "hedos_hcc"})
        >>> model.name
        'mine'
    """
    if not name.isidentifier() or name in shipped_models():
        raise ModelError(f"model name {name!r}: expected a new name of letters, digits and _")
    try:
        entries = dict(table) if isinstance(table, Mapping) else merged_table(Path(table))
    except TableError as error:
        raise ModelError(str(error)) from None
    source = f'"""Model {name}, made in Python."""\n\n{source_of(tuple(blocks))}'
    source += f"\nbegins = {begins!r}\n" if begins else ""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(source, encoding="utf-8")
        path.with_suffix(".toml").write_text(tomli_w.dumps(entries), encoding="utf-8")
        return load_model(path)
