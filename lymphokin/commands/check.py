"""`lymphokin check`: does a finished fit describe its data, and what did they teach it?"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from lymphokin.commands.options import (
    ENDPOINT_HELP,
    Cluster,
    Json,
    ModelFile,
    Partition,
    Seed,
    writable,
)
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.criticism.result import CheckResult

COLOURS = {"fine": "green", "look": "yellow", "wrong": "red"}


def check(
    run: Annotated[Path, typer.Argument(help="Run folder of a fit.")],
    out: Annotated[
        Path | None,
        typer.Option(
            callback=writable,
            help="HTML file, JSON beside it; default: check.html of the run, replaced.",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Posterior draws, each a simulated trial.", min=500)
    ] = 1000,
    seed: Seed = 0,
    predictive: Annotated[
        bool,
        typer.Option(
            "--predictive", help="Judge forecasts of left-out patients; page check_predictive.html."
        ),
    ] = False,
    folds: Annotated[
        int,
        typer.Option(
            help="With --predictive: how many times to fit again, each time without a part of the "
            "patients; page check_folds.html.",
            min=0,
        ),
    ] = 0,
    endpoint: Annotated[
        str | None,
        typer.Option(help=f"With --predictive. {ENDPOINT_HELP} It needs an event."),
    ] = None,
    link: Annotated[
        bool,
        typer.Option(
            "--link",
            help="Fit with the disputed link (gamma) and without it; page check_link.html.",
        ),
    ] = False,
    sbc: Annotated[
        int,
        typer.Option(
            "--sbc", help="Calibrate by this many simulated trials; page check_sbc.html.", min=0
        ),
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            help="With --folds or --sbc: other processes make the fits, this many at a time.", min=1
        ),
    ] = None,
    cluster: Cluster = "local",
    partition: Partition = "",
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Check a fit: residuals, predictive checks, and what the data taught.

    Every check says fine, look or wrong, with the number that it rests on; the exit code is 0
    whatever they say. With --predictive, instead: how good are the forecasts of each patient by a
    fit that has not seen that patient, beside three benchmarks? Patients are left out one by one,
    by weights; with --folds K in K parts, by K fits. With --link, instead: does the disputed link
    make up for something that the counts ask for? With --sbc N, instead: in N trials
    like this one, simulated from the prior and fitted, does the truth lie where the fit says? That
    takes N fits; run the same command again to continue.

    Examples: lymphokin check runs/trial --out runs/trial_check.html

    lymphokin check runs/trial --predictive --folds 5

    lymphokin check runs/trial --predictive --endpoint week15

    lymphokin check runs/small --sbc 200 --workers 20 --cluster slurm
    """  # fmt: skip
    from lymphokin.criticism import check as checks
    from lymphokin.criticism.check_link import check_link
    from lymphokin.criticism.result import page_path
    from lymphokin.jobs import CLUSTERS, Executor
    from lymphokin.progress import shown
    from lymphokin.run import open_run

    if sum(map(bool, (predictive, link, sbc))) > 1:
        raise ValueError(
            "--predictive, --link and --sbc: expected one of them, each writes its own page"
        )
    if folds and not predictive:
        raise ValueError("--folds: expected together with --predictive")
    if endpoint is not None and not predictive:
        raise ValueError("--endpoint: expected together with --predictive")
    if cluster not in CLUSTERS:
        raise ValueError(f"--cluster {cluster}: expected {' or '.join(CLUSTERS)}")
    if workers and not (folds or sbc):
        raise ValueError("--workers: expected together with --folds or --sbc")
    if cluster != "local" and not workers:
        raise ValueError(f"--cluster {cluster}: expected together with --workers")
    executor = Executor(cluster, workers, partition=partition) if workers else None
    asked = {
        "check_folds": folds,
        "check_predictive": predictive,
        "check_link": link,
        "check_sbc": sbc,
        "check": True,
    }
    name = next(page for page, wanted in asked.items() if wanted)
    path = run / f"{name}.html" if out is None else page_path(out)
    unfinished = path.with_name(f"{path.stem}.unfinished")
    with shown(True) as reporter:
        reporter.stage("reading the run")
        fit = open_run(run, model_file)
        about: dict[str, Any] = {"seed": seed, "progress": reporter}
        many = about | {"unfinished": unfinished, "executor": executor}
        result: CheckResult
        if predictive:
            result = checks.check_forecasts(fit, folds=folds, endpoint=endpoint, **many)
        elif link:
            result = check_link(fit, **about)
        elif sbc:
            result = checks.check_sampler(fit, trials=sbc, **many)
        else:
            result = checks.check(fit, draws=draws, **about)
        reporter.stage("drawing")
        files = result.save(path)
    shutil.rmtree(unfinished, ignore_errors=True)
    if json_:
        print(json_text({**result.as_dict(), "files": [str(f) for f in files]}))
        return
    title = f"The link in {result.about['data_file']}: {result.level}" if link else None
    show(Console(width=None if sys.stdout.isatty() else 110), result, title)
    Console(stderr=True).print(f"Checks: {files[0]}", soft_wrap=True)


def show(console: Console, result: CheckResult, title: str | None = None) -> None:
    """Print the verdicts as a table.

    Args:
        console: where.
        result: the check.
        title: of the table, which then has the reason of every verdict; None: what was checked,
            with the reasons of verdicts that are not fine.
    """
    from rich.markup import escape
    from rich.table import Table

    synthetic = "SYNTHETIC DATA. " if result.about["synthetic"] else ""
    heading = title or f"Checks of {result.about['data_file']}: {result.level}"
    table = Table(title=f"{synthetic}{heading}")
    for name in ("verdict", "check", "of", "why"):
        table.add_column(name, justify="left")
    for level, check_name, subject, sentence in result.table.itertuples(index=False):
        why = "" if level == "fine" and title is None else sentence
        table.add_row(f"[{COLOURS[level]}]{level}[/]", check_name, subject, why)
    for caution in result.cautions:
        console.print(f"[bold]Read this first:[/] {escape(caution)}")
    console.print(table)
