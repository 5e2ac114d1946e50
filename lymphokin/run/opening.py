"""Opens a run folder, and runs no code that the user has not named.

A folder from somebody else is data. The model files that come with lymphokin are trusted; any other
model is Python code, in the folder or at a path that the folder names.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lymphokin.files import AnyPath
from lymphokin.io import BadInput, Cohort, read_events
from lymphokin.model import Model, load_model, shipped_models
from lymphokin.run.fit import Fit
from lymphokin.run.folder import (
    COHORT_FILE,
    CONFIG_FILE,
    MODEL_FOLDER,
    NEEDED,
    PROVENANCE_FILE,
    read_sites_of,
    read_summary,
    refuse_changed,
)


class UntrustedModelError(ValueError):
    """Opening the run would run code that the user has not named.

    Attributes:
        files: model files that the user may read and then name.
    """

    def __init__(self, message: str, files: Sequence[Path]) -> None:
        super().__init__(message)
        self.files: tuple[Path, ...] = tuple(files)


def open_run(
    folder: AnyPath, model: Model | AnyPath | Sequence[Model | AnyPath] | None = None
) -> Fit:
    """Open a run folder.

    A model that is not one of lymphokin's own is Python code, which must be named to be run.

    Args:
        folder: the run folder.
        model: the model of the run where it is not a shipped one: a model, or the path of its
            file, such as the copy that lies in the run folder; of several, the one that fits.

    Raises:
        FileNotFoundError: when the folder is not a run folder.
        UntrustedModelError: when the run's model is not a shipped one and was not named.
        ValueError: when a file of the folder is damaged, or the model has changed since the fit.

    Example:
        >>> fit = lk.open_run(run_folder)
        >>> len(fit.cohort)
        7
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a run folder: there is no such folder")
    for name in NEEDED:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} is not a run folder: it has no {name}")
    with _damaged(folder):
        provenance = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
        hashes = dict(provenance.get("files_sha256", {}))
    for name in NEEDED:
        refuse_changed(folder / name, hashes.get(name))
    with _damaged(folder):
        config = tomllib.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        summary = read_summary(folder)
        recorded, fixed = provenance["model_sha256"], dict(config["fixed"])
        named, _ = str(config["model"]), provenance["convergence"]["level"]
        source = {"source": provenance["data_file"], "sha256": provenance["data_sha256"]}
        accepted = provenance.get("data_accepted", {})
    chosen = _model_of(folder, named, recorded, _as_models(model)).with_fixed(**fixed)
    sites = read_sites_of(folder, provenance)
    with _damaged(folder):
        if "pool" in provenance:
            cohort = Cohort.of_nobody(synthetic=bool(provenance["synthetic_data"]))
        else:
            cohort = read_events(folder / COHORT_FILE, accept=accepted, model=chosen, sites=sites)
        cohort = replace(cohort, sites=sites, **source)
    return Fit(summary, config, provenance, chosen, cohort, folder)


@contextmanager
def _damaged(folder: Path) -> Iterator[None]:
    """Say of whatever cannot be read that the folder is damaged."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
        raise ValueError(
            f"{folder} is damaged: expected a run as lymphokin saves it, found {error}"
        ) from None


def _as_models(
    model: Model | AnyPath | Sequence[Model | AnyPath] | None,
) -> tuple[Model | AnyPath, ...]:
    if model is None:
        return ()
    single = isinstance(model, Model | str) or not isinstance(model, Sequence)
    return (model,) if single else tuple(model)  # type: ignore[arg-type, return-value]


def _model_of(folder: Path, named: str, recorded: str, models: Sequence[Model | AnyPath]) -> Model:
    """The model of a run: a shipped one, or one that the user named."""
    if named in shipped_models():
        candidates: Sequence[Model | AnyPath] = (named,)
    elif models:
        candidates = models
    else:
        copy = folder / MODEL_FOLDER / Path(named).name
        files = [path for path in (copy, Path(named)) if path.is_file()]
        where = f" Its file is {files[0]}: read it, and name it if you trust it." if files else ""
        raise UntrustedModelError(
            f"the model of {folder} is not one of lymphokin's own, and opening the run would run "
            f"its code.{where}",
            files,
        )
    for candidate in candidates:
        loaded = candidate if isinstance(candidate, Model) else load_model(candidate)
        if loaded.sha256 == recorded:
            return loaded
    shown_names = ", ".join(c.name if isinstance(c, Model) else str(c) for c in candidates)
    raise ValueError(
        f"model {shown_names} has changed since the fit in {folder}, or is another one; fit "
        "again, or restore it"
    )
