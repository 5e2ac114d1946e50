"""The population behind a what-if on the command line and on the page."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lymphokin.whatif.source import PopulationDraws


def literature_sources() -> dict[str, PopulationDraws]:
    """Of every model that comes calibrated to published cohorts, by name."""
    from lymphokin.literature.posterior import calibrated_models

    return {name: resolve_source(None, name) for name in calibrated_models()}


def refuse_point(run: Path) -> None:
    """Refuse the run of a single point before anything is loaded.

    Raises:
        ValueError: when it is one.
    """
    from lymphokin.infer.fit import require_draws

    config = run / "config.toml"
    if config.is_file():
        require_draws(tomllib.loads(config.read_text("utf-8")), f"a risk from {run}")


def resolve_source(run: Path | None, model: str) -> PopulationDraws:
    """Of a run folder; without one, of published cohorts; for a model without those, its priors.

    Raises:
        FileNotFoundError: when the folder is not a run.
        ValueError: when the model has changed since it was fitted or calibrated.
    """
    from lymphokin.literature.posterior import (
        LiteraturePosterior,
        calibrated_models,
        literature_table,
    )
    from lymphokin.model import load_model
    from lymphokin.whatif.calibration import calibration_of_literature
    from lymphokin.whatif.source import of_literature, of_priors, of_run

    if run is not None:
        return of_run(run)
    if model not in calibrated_models():
        return of_priors(load_model(model))
    literature = LiteraturePosterior.shipped(model)
    tables = {kind: literature_table(model, kind) for kind in ("reproduction", "left_out")}
    reproduced = tables["reproduction"]
    calibration = (
        reproduced
        if reproduced is None
        else calibration_of_literature(reproduced, tables["left_out"])
    )
    how = literature.provenance["details"]["convergence"]
    seen = {name: (low, high) for name, (low, high) in literature.seen.items()}
    return of_literature(
        literature.model(),
        literature.population_z(),
        seen,
        how["rhat_max"],
        how["ess_bulk_min"],
        calibration,
    )
