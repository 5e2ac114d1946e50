"""`lymphokin validate`: does a model hold for patients of another hospital?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.options import Json, ModelFile, Seed, Sites, table_of_sites, writable
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.run import Fit

RunAndTable = Annotated[
    list[Path],
    typer.Argument(
        metavar="[RUN] TABLE",
        help="Run folder of a fit (without one: published cohorts), and the event table of "
        "patients that it has never seen.",
    ),
]


def run_and_table(paths: list[Path], model_file: list[Path]) -> tuple[Fit | None, Path]:
    """The run that was named, if any, and the table.

    Raises:
        ValueError: for more than two paths.
    """
    from lymphokin.run import open_run

    if len(paths) > 2:
        raise ValueError(f"expected [RUN] TABLE, got {len(paths)} paths")
    *run, table = paths
    return (open_run(run[0], model_file) if run else None), table


def validate(
    paths: RunAndTable,
    out: Annotated[
        Path | None,
        typer.Option(
            callback=writable,
            help="HTML file, JSON and CSV beside it; default: TABLE_validation.html, replaced.",
        ),
    ] = None,
    look: Annotated[
        list[float], typer.Option(help="Records up to this day are known; repeat it.")
    ] = [0.0, 14.0, 28.0],  # noqa: B006
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="What is judged: grade2_week6 (default), grade3_lowest, recovery, "
            "week15, an event of the model as progression_by_day168, or a TOML file that declares "
            "an endpoint with an event."
        ),
    ] = None,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="Also judge every calibrated model.")
    ] = False,
    seed: Seed = 0,
    sites: Sites = None,
    accept: Accept = [],  # noqa: B006
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Judge forecasts of patients that the model has never seen, from chosen days on.

    The verdict is one of three: the model holds for these patients, update it first, or do not use
    it here; the page states the rule and shows what it rests on. The exit code is 0 whatever it is.

    Example: lymphokin validate our_patients.csv

    Example: lymphokin validate runs/trial our_patients.csv --look 0 --look 21
    """
    from lymphokin.commands.check import show
    from lymphokin.criticism.result import page_path
    from lymphokin.io import read_events
    from lymphokin.progress import shown
    from lymphokin.validation.validate import validate as judge

    table = paths[-1]
    page = page_path(Path(f"{table.stem}_validation.html") if out is None else out)
    with shown(True) as reporter:
        reporter.stage("reading")
        fit, table = run_and_table(paths, model_file)
        words = None if fit is None else fit.model
        reasons = accepted(accept)
        known = table_of_sites(sites, reasons, fit)
        cohort = read_events(table, accept=reasons, model=words, sites=known)
        result = judge(
            fit,
            cohort,
            looks=look,
            endpoint=endpoint,
            all_models=all_models,
            seed=seed,
            progress=reporter,
        )
        reporter.stage("drawing")
        files = result.save(page)
    if json_:
        print(json_text({**result.as_dict(), "files": [str(f) for f in files]}))
        return
    console = Console()
    console.print(f"[bold]{result.conclusion[0].upper()}{result.conclusion[1:]}.[/]")
    show(console, result, f"{result.about['model']} on {result.about['data_file']}")
    Console(stderr=True).print(f"Validation: {files[0]}", soft_wrap=True)
