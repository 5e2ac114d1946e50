"""What an unfinished run has done so far, kept on disk so that it can go on after a stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lymphokin.arrays import read_arrays, write_arrays
from lymphokin.files import write_text
from lymphokin.strict_json import json_text


class Checkpoint:
    """Named sets of arrays in a folder, each written whole or not at all.

    Args:
        folder: made when there is something to keep.
        fingerprint: what identifies the run; JSON values.

    Raises:
        ValueError: when the folder holds an unfinished run with another fingerprint.
    """

    def __init__(self, folder: Path, fingerprint: dict[str, Any]) -> None:
        self.folder = folder
        self._identity = folder / "fingerprint.json"
        self._text = json_text(fingerprint, sort_keys=True)
        if self._identity.exists() and self._identity.read_text(encoding="utf-8") != self._text:
            raise ValueError(
                f"{folder} holds an unfinished run of another model, data set or settings; "
                "finish it with those, or delete the folder"
            )

    def recall(self, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays stored under ``name``; made and stored if there are none yet.

        A file that is damaged counts as none: what it held is made again.
        """
        arrays = read_arrays(self._path(name))
        if arrays is None:
            arrays = {key: np.asarray(array) for key, array in make().items()}
            if not self._identity.exists():
                write_text(self._identity, self._text)
            write_arrays(self._path(name), arrays)
        return arrays

    def has(self, name: str) -> bool:
        """Whether arrays are stored under ``name``."""
        return read_arrays(self._path(name)) is not None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"
