"""`lymphokin check`: does a finished fit describe its data, and what did they teach it?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


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
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a fit: residuals, predictive checks, and what the data taught.

    Every check says fine, look or wrong, with the number that it rests on; the exit code is 0
    whatever they say.

    Example: lymphokin check runs/trial --out runs/trial_check.html
    """  # fmt: skip
    from lymphokin.criticism.criticise import criticise
    from lymphokin.criticism.page import render_check, result, write_check
    from lymphokin.criticism.run_folder import open_run
    from lymphokin.criticism.sections import sections_of
    from lymphokin.terminal import TerminalReporter

    console = Console(stderr=True)
    path = out or run / "check.html"
    if out is not None and (out.suffix != ".html" or not out.parent.is_dir()):
        raise ValueError(
            f"--out {path}: expected a name that ends with .html in an existing folder"
        )
    with TerminalReporter(console) as reporter:
        reporter.stage("reading the run")
        fitted, posterior = open_run(run)
        reporter.stage("simulating the trial again, from each posterior draw")
        found = criticise(fitted, posterior, draws, seed)
        reporter.stage("drawing")
        about = {
            "run": run.resolve().name,
            "model": fitted.provenance["model"],
            "data_file": fitted.provenance["data_file"],
            "synthetic": fitted.provenance["synthetic_data"],
            "created": fitted.provenance["created"],
            "convergence": {k: fitted.provenance["convergence"][k] for k in ("level", "verdict")},
            "draws": found.draws,
            "seed": seed,
        }
        page = render_check(sections_of(found), about)
    said = result(found.verdicts, about)
    files = write_check(path, page, said)
    if json_:
        print(json.dumps({**said, "files": [str(f) for f in files]}, indent=2))
        return
    show(Console(width=None if sys.stdout.isatty() else 110), said)
    console.print(f"Checks: {files[0]}", soft_wrap=True)


def show(console: Console, said: dict) -> None:
    """Print the verdicts as a table."""
    from rich.table import Table

    from lymphokin.criticism.words import subject

    colours = {"fine": "green", "look": "yellow", "wrong": "red"}
    synthetic = "SYNTHETIC DATA. " if said["synthetic"] else ""
    table = Table(title=f"{synthetic}Checks of {said['data_file']}: {said['level']}")
    for name in ("verdict", "check", "of", "why"):
        table.add_column(name, justify="left")
    for v in said["verdicts"]:
        level = f"[{colours[v['level']]}]{v['level']}[/]"
        why = "" if v["level"] == "fine" else v["sentence"]
        table.add_row(level, v["check"], subject(v["subject"]), why)
    console.print(table)
