"""`lymphokin report`: the report of a fit, written again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lymphokin.commands.options import ENDPOINT_HELP, CountsUntil, Json, ModelFile, writable
from lymphokin.strict_json import json_text


def report(
    run: Annotated[Path, typer.Argument(help="Run folder of a fit.")],
    out: Annotated[
        Path | None,
        typer.Option(
            callback=writable, help="HTML file; default: report.html of the run, replaced."
        ),
    ] = None,
    counts_until: CountsUntil = None,
    endpoint: Annotated[
        str | None, typer.Option(help=f"Another endpoint to show besides. {ENDPOINT_HELP}")
    ] = None,
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Write the report of a fit again, e.g. as it would have looked on another day.

    Example: lymphokin report runs/trial --counts-until 14 --out day14.html
    """
    from lymphokin.progress import shown
    from lymphokin.run import open_run

    console = Console(stderr=True)
    fit = open_run(run, model_file)
    with shown(True) as reporter:
        path = fit.report(
            out or run / "report.html",
            counts_until=counts_until,
            endpoint=endpoint,
            progress=reporter,
        )
    if json_:
        print(json_text({"report": str(path)}))
    else:
        console.print(f"Report: {path}", soft_wrap=True)
