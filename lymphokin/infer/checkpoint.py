"""What an unfinished run has done so far, kept on disk so that it can go on after a stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lymphokin.files import write_text, write_with


class Checkpoint:
    """Named sets of arrays in a folder, each written whole or not at all.

    Args:
        folder: made if it does not exist.
        fingerprint: what identifies the run; JSON values.

    Raises:
        ValueError: when the folder holds an unfinished run with another fingerprint.
    """

    def __init__(self, folder: Path, fingerprint: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        identity = folder / "fingerprint.json"
        text = json.dumps(fingerprint, sort_keys=True, indent=1)
        if identity.exists() and identity.read_text(encoding="utf-8") != text:
            raise ValueError(
                f"{folder} holds an unfinished run of another model, data set or settings; "
                "finish it with those, or delete the folder"
            )
        write_text(identity, text)

    def recall(self, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays stored under ``name``; made and stored if there are none yet."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            arrays = make()
            write_with(path, lambda to: np.savez(to, allow_pickle=False, **arrays))
        with np.load(path) as stored:
            return dict(stored)

    def has(self, name: str) -> bool:
        """Whether arrays are stored under ``name``."""
        return (self.folder / f"{name}.npz").exists()
