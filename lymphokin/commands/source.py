"""A run that cannot answer, refused before anything is loaded."""

from __future__ import annotations

import tomllib
from pathlib import Path


def refuse_point(run: Path) -> None:
    """Refuse the run of a single point.

    Raises:
        ValueError: when it is one.
    """
    from lymphokin.infer.fit import require_draws

    config = run / "config.toml"
    if config.is_file():
        require_draws(tomllib.loads(config.read_text("utf-8")), f"a risk from {run}")
