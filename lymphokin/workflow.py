"""The main job, end to end: event table to fit, forecasts, report and run folder."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import pandas as pd
import xarray as xr

from lymphokin.files import write_folder
from lymphokin.infer import (
    COHORT_FILE,
    METHODS,
    Checkpoint,
    CohortDensity,
    Fit,
    NutsSettings,
    Sample,
    Whitening,
    assemble,
    fit_gaussian,
)
from lymphokin.infer.accuracy import halved, solver_error
from lymphokin.infer.density import density_of
from lymphokin.infer.diagnostics import prepare_summary
from lymphokin.infer.nuts import Progress, sample_nuts, settings_fingerprint
from lymphokin.infer.sampler import compile_sampler
from lymphokin.io import Cohort, read_events, write_events
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import load_model
from lymphokin.predict import (
    Forecast,
    arm_contrast,
    chosen_draws,
    fitted_courses,
    forecast,
    prepare_contrast,
    seen_ranges,
)
from lymphokin.predict.contrast import SUPPRESSION
from lymphokin.predict.endpoint_draws import POPULATION_DRAWS
from lymphokin.report import ReportContents, write_report
from lymphokin.solve import StepRule

PACKAGES = ("lymphokin", "jax", "jaxlib", "numpyro", "diffrax", "numpy", "pandas", "arviz-stats")
CURVE_DRAWS = 200
QUICK_POPULATION_DRAWS = 50
"""Population draws behind the risks of an approximation: for a look, in a third of the time."""
ERROR_DRAWS = 8
DENSITY_DRAWS = 1000
FINEST, COARSEST = 1e-9, 1e-2
"""Relative errors of the solver that can be asked for; a count is measured to 14 %."""


@dataclass(frozen=True)
class Job:
    """What to fit and how."""

    model: str = "myeloid_lymphoid"
    fixed: dict[str, float] = field(default_factory=dict)
    settings: NutsSettings = field(default_factory=NutsSettings)
    counts_until: float | None = None
    method: str = "nuts"
    rtol: float | None = None
    """relative error of counts allowed to the solver; None for its default steps"""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"--method {self.method}: expected one of {', '.join(METHODS)}")
        if self.rtol is not None and not FINEST <= self.rtol <= COARSEST:
            raise ValueError(f"--rtol {self.rtol:g}: expected {FINEST:g} to {COARSEST:g}")

    @property
    def steps(self) -> StepRule:
        """Step sizes of the solver."""
        return StepRule() if self.rtol is None else StepRule.for_tolerance(self.rtol)


@dataclass(frozen=True)
class Run:
    """A finished run: the fit, its forecasts, the arms' contrast and where it is kept."""

    folder: Path
    fit: Fit
    cohort: Cohort
    forecast: Forecast
    contrast: pd.DataFrame


class Reporter:
    """Where a run tells what it is doing; the command line shows it, a library user may not."""

    def stage(self, text: str) -> None:
        """A new stage begins."""

    def sampling(self, progress: Progress) -> None:
        """The sampler has finished a chunk."""

    def counting(self, done: int, total: int) -> None:
        """So many of a stage's equal jobs are done."""


def _commit() -> str:
    """Commit of the source checkout, or empty outside one."""
    try:
        found = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def partial_folder(out: Path) -> Path:
    """Where an unfinished run keeps its draws until it is done."""
    return out.with_name(f"{out.name}.unfinished")


def run_fit(
    table: Path,
    out: Path,
    job: Job,
    reporter: Reporter | None = None,
    accept: dict[str, str] | None = None,
) -> Run:
    """Read an event table, fit it, forecast every patient, and write the run folder ``out``.

    An interrupted NUTS run is continued by calling again with the same arguments. ``accept``
    names checks of plausibility whose improbable numbers are right, with the reason.

    Raises:
        BadInput: when the table cannot be used.
        FileExistsError: when ``out`` exists.
    """
    reporter = reporter or Reporter()
    if out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    cohort = read_events(table, accept=accept)
    model = load_model(job.model).with_fixed(**job.fixed)
    reporter.stage("packing the cohort")
    density = density_of(model, cohort, job.steps)
    coarse = density.with_long_steps()
    config = {
        "model": job.model,
        "fixed": job.fixed,
        "table": table.name,
        "seed": job.settings.seed,
        "method": job.method,
        **({"nuts": asdict(job.settings)} if job.method == "nuts" else {}),
        "precision": str(jnp.result_type(float)),
        **({} if job.counts_until is None else {"counts_until": job.counts_until}),
        **({} if job.rtol is None else {"rtol": job.rtol}),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    if job.method == "nuts":
        sample = _sampled(density, coarse, job, partial_folder(out), reporter)
    else:
        sample = _approximated(density, coarse, job, reporter)
    reporter.stage("summarising")
    x = sample.x.reshape(-1, sample.x.shape[-1])
    error = solver_error(density, x[:: max(1, len(x) // ERROR_DRAWS)], job.steps)
    visits = endpoint_visits(cohort)
    provenance = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("lymphokin"),
        "commit": _commit(),
        "model": job.model,
        "model_sha256": model.sha256,
        "data_file": cohort.source,
        "data_sha256": cohort.sha256,
        "synthetic_data": cohort.synthetic,
        "seed": job.settings.seed,
        "method": job.method,
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "device": str(jax.devices()[0].device_kind),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "solver_relative_error": error,
        "seen": seen_ranges(cohort, visits),
        "data_warnings": [*cohort.warnings, *density.packed.warnings],
        "data_accepted": dict(cohort.accepted),
    }
    if job.method == "nuts":
        provenance["trajectories_accepted"] = float(sample.statistics["accepted"].mean())
    fit = assemble(density, sample, config, provenance)
    predicted, contrast, contents = describe(fit, density, job.counts_until, reporter)
    reporter.stage("writing the report")

    def fill(folder: Path) -> None:
        fit.write(folder)
        predicted.patients.to_csv(folder / "patients.csv")
        contrast.to_csv(folder / "contrast.csv", index=False)
        write_events(_without_dates(cohort), folder / COHORT_FILE)
        write_report(contents, folder / "report.html")

    write_folder(out, fill)
    if job.method == "nuts":
        shutil.rmtree(partial_folder(out))
    return Run(out, fit, cohort, predicted, contrast)


def _sampled(
    density: CohortDensity, coarse: CohortDensity, job: Job, unfinished: Path, reporter: Reporter
) -> Sample:
    """Markov chains; what an unfinished run has done already is not done again."""
    fingerprint = settings_fingerprint(job.settings) | {
        "model": density.likelihood.model.sha256,
        "data": density.packed.cohort.sha256,
        "fixed": job.fixed,
        "rtol": job.rtol,
        "precision": str(jnp.result_type(float)),
        "version": version("lymphokin"),
    }
    checkpoint = Checkpoint(unfinished, fingerprint)
    reporter.stage("finding where the posterior lies")
    sampler = compile_sampler(density, coarse, job.settings)
    density.prepare_information()
    _prepare_summaries(density, job)
    gradients = sampler.gradients(density, coarse)
    found = checkpoint.recall(
        "whitening", lambda: fit_gaussian(density, gradients, job.settings.seed).arrays()
    )
    reporter.stage("sampling")
    return sample_nuts(
        density,
        coarse,
        sampler,
        Whitening(**found),
        job.settings,
        checkpoint,
        reporter.sampling,
    ).sample()


def _prepare_summaries(density: CohortDensity, job: Job) -> None:
    """Begin to compile, and import, what comes after the draws."""
    density.prepare_natural()
    prepare_summary()
    halved(density, job.steps).prepare_evaluation()
    if _has_contrast(density):
        prepare_contrast(density)


def _has_contrast(density: CohortDensity) -> bool:
    """Whether the model has a suppression to contrast the arms by, and the cohort the drug."""
    sampled = SUPPRESSION in density.hierarchy.population_names
    return sampled and len(density.packed.cohort.doses) > 0


def _approximated(
    density: CohortDensity, coarse: CohortDensity, job: Job, reporter: Reporter
) -> Sample:
    """An approximation; what its draws and forecasts need is compiled from the start."""
    from lymphokin.infer.approximate import approximate  # its libraries take long to import

    coarse.prepare_gradient()
    density.prepare_evaluation()
    _prepare_summaries(density, job)
    return approximate(job.method, density, coarse, job.settings.seed, reporter.stage)


def describe(
    fit: Fit, density: CohortDensity, counts_until: float | None, reporter: Reporter
) -> tuple[Forecast, pd.DataFrame, ReportContents]:
    """Forecasts of every patient, contrast of the arms, and what a report shows of a fit."""
    cohort = density.packed.cohort
    seed = int(fit.config["seed"])
    reporter.stage("forecasting every patient")
    predicted = forecast(
        density,
        fit.population_z(),
        in_fit=True,
        seen=fit.provenance["seen"],
        counts_until=counts_until,
        seed=seed,
        populations=POPULATION_DRAWS if fit.method == "nuts" else QUICK_POPULATION_DRAWS,
    )
    reporter.stage("drawing curves and contrasts")
    x = chosen_draws(fit.x, CURVE_DRAWS, seed)
    curves, levels = fitted_courses(density, x)
    contrast = (
        arm_contrast(density, x, seed)
        if _has_contrast(density)
        else pd.DataFrame(columns=["suppression", "arm", "n", "rate_q05", "rate_q50", "rate_q95"])
    )
    contents = report_contents(fit, cohort, predicted, contrast, curves, levels)
    return predicted, contrast, contents


def _without_dates(cohort: Cohort) -> Cohort:
    """The cohort without calendar dates: a run folder keeps nothing that helps to identify."""
    return replace(cohort, patients=cohort.patients.assign(start_date=None))


def report_contents(
    fit: Fit,
    cohort: Cohort,
    predicted: Forecast,
    contrast: pd.DataFrame,
    curves: xr.Dataset,
    levels: pd.DataFrame | None,
) -> ReportContents:
    """What the report shows of a fit."""
    draws = {}
    for name in fit.summary["name"]:
        before = fit.draws["prior"][name].to_numpy()
        after = fit.draws["posterior"][name].to_numpy().ravel()
        draws[name] = (before[:DENSITY_DRAWS], after)
    convergence = fit.provenance["convergence"]
    approximation = fit.provenance.get("approximation")
    hidden = ("convergence", "approximation", "seen", "data_warnings", "data_accepted")
    if approximation:
        loud = [approximation["verdict"]]
    else:
        loud = [] if convergence["level"] == "good" else [convergence["verdict"]]
    return ReportContents(
        title=f"Lymphopenia forecast: {fit.provenance['data_file']}",
        synthetic=cohort.synthetic,
        created=fit.provenance["created"],
        cohort=cohort,
        counts_until=predicted.counts_until,
        patients=predicted.patients.reset_index(),
        trajectories=curves,
        atra=levels,
        parameters=fit.summary.fillna({"symbol": "", "source": "", "doi": ""}),
        parameter_draws=draws,
        contrast=contrast,
        convergence=convergence,
        provenance={k: v for k, v in fit.provenance.items() if k not in hidden},
        approximation=approximation,
        warnings=(*loud, *predicted.warnings, *fit.provenance["data_warnings"]),
    )
