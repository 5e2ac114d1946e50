"""`lymphokin check`: does a finished fit describe its data, and what did they teach it?"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lymphokin.commands.options import ModelFile

if TYPE_CHECKING:
    from lymphokin.infer import Checkpoint, CohortDensity
    from lymphokin.progress import Reporter
    from lymphokin.run import Fit

FEWEST_SIMULATIONS = 20
"""Ranks in fewer trials than this show nothing."""


def check(
    run: Annotated[Path, typer.Argument(help="Run folder of a fit.")],
    out: Annotated[
        Path | None,
        typer.Option(help="HTML file, JSON beside it; default: check.html of the run, replaced."),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Posterior draws, each a simulated trial.", min=500)
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers; recorded.")] = 0,
    predictive: Annotated[
        bool,
        typer.Option(
            "--predictive", help="Judge forecasts of left-out patients; page check_predictive.html."
        ),
    ] = False,
    folds: Annotated[
        int,
        typer.Option(
            help="With --predictive: fit again so many times, each without a part of the patients; "
            "page check_folds.html.",
            min=0,
        ),
    ] = 0,
    sbc: Annotated[
        int,
        typer.Option(
            "--sbc", help="Calibrate by so many simulated trials; page check_sbc.html.", min=0
        ),
    ] = 0,
    model_file: ModelFile = [],  # noqa: B006
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a fit: residuals, predictive checks, and what the data taught.

    Every check says fine, look or wrong, with the number that it rests on; the exit code is 0
    whatever they say. With --predictive, instead: how good are the forecasts of each patient by a
    fit that has not seen that patient, beside three benchmarks? Patients are left out one by one,
    by weights; with --folds K in K parts, by K fits. With --sbc N, instead: in N trials
    like this one, simulated from the prior and fitted, does the truth lie where the fit says? That
    takes N fits; run the same command again to continue.

    Examples: lymphokin check runs/trial --out runs/trial_check.html

    lymphokin check runs/trial --predictive --folds 5

    lymphokin check runs/small --sbc 200
    """  # fmt: skip
    from lymphokin.progress import shown
    from lymphokin.run import open_run

    console = Console(stderr=True)
    if predictive and sbc:
        raise ValueError("--predictive and --sbc: expected one of them, each writes its own page")
    if sbc and sbc < FEWEST_SIMULATIONS:
        raise ValueError(f"--sbc {sbc}: expected at least {FEWEST_SIMULATIONS} simulated trials")
    if folds and not predictive:
        raise ValueError("--folds: expected together with --predictive")
    asked = {"check_folds": folds, "check_predictive": predictive, "check_sbc": sbc, "check": True}
    name = next(page for page, wanted in asked.items() if wanted)
    path = out or run / f"{name}.html"
    if out is not None and (out.suffix != ".html" or not out.parent.is_dir()):
        raise ValueError(
            f"--out {path}: expected a name that ends with .html in an existing folder"
        )
    with shown(True) as reporter:
        reporter.stage("reading the run")
        fitted = open_run(run, model_file)
        fitted.require_draws(f"checking {run}")
        density = fitted.density
        about = {
            "run": run.resolve().name,
            "model": fitted.provenance["model"],
            "data_file": fitted.provenance["data_file"],
            "synthetic": fitted.provenance["synthetic_data"],
            "created": fitted.provenance["created"],
            "convergence": {k: fitted.provenance["convergence"][k] for k in ("level", "verdict")},
            "seed": seed,
        }
        if predictive:
            said, files = _judge(path, fitted, density, folds, about, reporter)
        elif sbc:
            said, files = _simulate(path, fitted, density, sbc, about, reporter)
        else:
            said, files = _criticise(path, fitted, density, draws, about, reporter)
    if json_:
        print(json.dumps({**said, "files": [str(f) for f in files]}, indent=2))
        return
    show(Console(width=None if sys.stdout.isatty() else 110), said)
    console.print(f"Checks: {files[0]}", soft_wrap=True)


def _criticise(
    path: Path, fitted: Fit, density: CohortDensity, draws: int, about: dict, reporter: Reporter
) -> tuple[dict, list[Path]]:
    """Check the fit against its own data: what was found, and the files it was written to."""
    from lymphokin.criticism.criticise import criticise
    from lymphokin.criticism.page import render_check, result, write_check
    from lymphokin.criticism.sections import sections_of

    reporter.stage("simulating the trial again, from each posterior draw")
    found = criticise(fitted, density, draws, about["seed"])
    about = about | {"draws": found.draws}
    reporter.stage("drawing")
    said = result(found.verdicts, about)
    return said, write_check(path, render_check(sections_of(found), about), said)


def _judge(
    path: Path, fitted: Fit, density: CohortDensity, folds: int, about: dict, reporter: Reporter
) -> tuple[dict, list[Path]]:
    """Judge forecasts of left-out patients: what was found, and the files it was written to."""
    from lymphokin.criticism.forecasts.predict_left_out import (
        patients_in_folds,
        predict_by_folds,
        predict_left_out,
    )
    from lymphokin.criticism.forecasts.prediction_sections import prediction_sections
    from lymphokin.criticism.forecasts.prediction_verdicts import prediction_verdicts, read_first
    from lymphokin.criticism.page import render_check, result, write_check

    seed, kept = about["seed"], None
    if folds:
        # What is judged is the model on this cohort, fitted anew: not the draws of the run.
        about = {k: v for k, v in about.items() if k != "convergence"} | {"folds": folds}
        patients, fold = patients_in_folds(density, folds, seed)
        checkpoint = _checkpoint(path, fitted, {"seed": seed, "folds": folds})
        reporter.stage("fitting without each part of the patients")
        found = predict_by_folds(
            density,
            patients,
            fold,
            seed,
            checkpoint,
            lambda done: reporter.counting(done, folds),
        )
        kept = checkpoint.folder
    else:
        found = predict_left_out(fitted, density, seed, reporter.stage)
    reporter.stage("drawing")
    cautions = read_first(found)
    page = render_check(prediction_sections(found), about, cautions, "predictive.html.j2")
    scores = json.loads(found.scores.to_json(orient="records"))
    said = {**result(prediction_verdicts(found), about), "read_first": cautions, "scores": scores}
    tables = {"scores": found.scores, "forecasts": found.forecasts}
    files = write_check(path, page, said, tables)
    if kept is not None:
        shutil.rmtree(kept)
    return said, files


def _checkpoint(path: Path, fitted: Fit, chosen: dict[str, int]) -> Checkpoint:
    """Where a check of many fits keeps the finished ones, beside its page."""
    from importlib.metadata import version

    from lymphokin.infer import Checkpoint

    identity = {k: fitted.provenance[k] for k in ("model_sha256", "data_sha256")}
    identity |= {name: fitted.config.get(name) for name in ("fixed", "rtol")}
    identity |= {"version": version("lymphokin")}
    return Checkpoint(path.with_name(f"{path.stem}.unfinished"), {**identity, **chosen})


def _simulate(
    path: Path, fitted: Fit, density: CohortDensity, trials: int, about: dict, reporter: Reporter
) -> tuple[dict, list[Path]]:
    """Fit trials simulated from the prior: what was found, and the files it was written to."""
    from lymphokin.criticism.page import render_check, result, write_check
    from lymphokin.criticism.simulation.simulation_calibration import (
        calibrate_by_simulation,
        judge_simulations,
    )
    from lymphokin.criticism.simulation.simulation_sections import simulation_sections

    checkpoint = _checkpoint(path, fitted, {"seed": about["seed"]})
    reporter.stage("fitting simulated trials")
    found = calibrate_by_simulation(
        density,
        trials,
        about["seed"],
        checkpoint,
        lambda done: reporter.counting(done, trials),
        rule=fitted.steps,
    )
    reporter.stage("drawing")
    # Only the design of the fitted trial is used: whether its own chains agreed does not matter.
    about = {k: v for k, v in about.items() if k != "convergence"} | {"trials": trials}
    said = result(judge_simulations(found), about)
    page = render_check(simulation_sections(found), about, template="simulations.html.j2")
    table = found.ranks.join(found.fits)
    files = write_check(path, page, said, {"ranks": table})
    shutil.rmtree(checkpoint.folder)
    return said, files


def show(console: Console, said: dict) -> None:
    """Print the verdicts as a table."""
    from rich.table import Table

    from lymphokin.quantities import records_of

    colours = {"fine": "green", "look": "yellow", "wrong": "red"}
    synthetic = "SYNTHETIC DATA. " if said["synthetic"] else ""
    table = Table(title=f"{synthetic}Checks of {said['data_file']}: {said['level']}")
    for name in ("verdict", "check", "of", "why"):
        table.add_column(name, justify="left")
    for v in said["verdicts"]:
        level = f"[{colours[v['level']]}]{v['level']}[/]"
        why = "" if v["level"] == "fine" else v["sentence"]
        table.add_row(level, v["check"], records_of(v["subject"]), why)
    for caution in said.get("read_first", ()):
        console.print(f"[bold]Read this first:[/] {caution}")
    console.print(table)
