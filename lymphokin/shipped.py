"""Where the shipped data sets and model files lie.

An installed wheel carries them inside the package (`lymphokin/_shipped/`); in a checkout they
lie next to it (`data/`, `models/`).
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _root() -> Path:
    installed = _PACKAGE / "_shipped"
    return installed if installed.is_dir() else _PACKAGE.parent


def data_path(name: str) -> Path:
    """Path of a shipped data file, e.g. `data_path("immune_dose_by_site.csv")`.

    `name` is relative to the data folder. Raises FileNotFoundError when there is no such file.
    """
    path = _root() / "data" / name
    if not path.exists():
        raise FileNotFoundError(f"lymphokin ships no data file {name!r} (looked in {path.parent})")
    return path


def models_path() -> Path:
    """Folder of the shipped model files and their parameter tables."""
    return _root() / "models"
