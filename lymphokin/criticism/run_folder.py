"""A finished run opened for checks: the fit and its cohort, or one message why not."""

from __future__ import annotations

from pathlib import Path

from lymphokin.infer import COHORT_FILE, CohortDensity, Fit
from lymphokin.infer.density import density_of
from lymphokin.io import BadInput, read_events


def open_run(folder: Path) -> tuple[Fit, CohortDensity]:
    """The fit of a run folder and the posterior of its cohort.

    Raises:
        FileNotFoundError: when it is no run folder.
        ValueError: when a file of it is damaged, the model has changed since, or the fit is a
            single point.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a run folder: there is no such folder")
    if not (folder / COHORT_FILE).is_file():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no {COHORT_FILE}")
    try:
        fitted = Fit.load(folder)
        x = fitted.x
        fitted.provenance["convergence"]["level"]
    except FileNotFoundError:
        raise
    except Exception as error:  # each reader has errors of its own
        raise ValueError(
            f"{folder} is damaged: expected a run as `lymphokin fit` wrote it, found {error}"
        ) from None
    fitted.require_draws(f"checking or comparing {folder}")
    try:
        density = density_of(fitted.model(), read_events(folder / COHORT_FILE), fitted.steps())
    except BadInput as error:
        raise ValueError(f"{folder} is damaged: {error}") from None
    latents = sum(part.size for part in density.start())
    if x.shape[1] != latents:
        raise ValueError(
            f"{folder} is damaged: {COHORT_FILE} and posterior.nc are of different cohorts "
            f"({latents} unknowns against {x.shape[1]})"
        )
    return fitted, density
