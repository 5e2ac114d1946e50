"""`lymphokin compare`: fits of different models to the same data, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import Json, ModelFile, Seed, writable
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.criticism.compare import ComparisonResult


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of fits to the same data.")],
    counts_until: Annotated[
        float, typer.Option(help="Compare risks from records up to this day.")
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option(callback=writable, help="HTML file to write, JSON and CSV files beside it."),
    ] = None,
    seed: Seed = 0,
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Compare fits of the same data: left-out patients and counts, weights, and risks.

    Only lymphocyte counts are scored, so that models of different drugs and cells compare.

    Example: lymphokin compare runs/default runs/hedos --out runs/compared.html
    """
    from lymphokin.criticism import compare as comparing
    from lymphokin.criticism.result import page_path
    from lymphokin.progress import shown
    from lymphokin.run import open_run

    names = [run.resolve().name for run in runs]
    if len(runs) < 2 or len(set(names)) < len(runs):
        raise ValueError("expected at least two run folders, of different names")
    path = None if out is None else page_path(out)
    with shown(True) as reporter:
        reporter.stage("reading the runs")
        fits = [open_run(run, model_file) for run in runs]
        result = comparing.compare(
            *fits, names=names, counts_until=counts_until, seed=seed, progress=reporter
        )
        files = [] if path is None else result.save(path)
    if json_:
        print(json_text({**result.as_dict(), "files": [str(f) for f in files]}))
        return
    show(Console(width=None if sys.stdout.isatty() else 110), result)


def show(console: Console, result: ComparisonResult) -> None:
    """Print the runs as a table, and how far their risks differ."""
    from lymphokin.criticism.forecasts.comparison import with_error
    from lymphokin.pages.wording import points, some
    from lymphokin.research_use import RESEARCH_USE

    about, risks = result.about, result.comparison.risks
    synthetic = "SYNTHETIC DATA. " if about["synthetic"] else ""
    table = Table(title=f"{synthetic}Lymphocyte counts left out of fits to {about['data_file']}")
    for name in ("run", "weight", "patients", "difference", "counts", "difference", "unreliable"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for name, row in result.comparison.runs.iterrows():
        cells = [f"{row['weight']:.2f}"]
        for part in ("patients", "counts"):
            cells.append(f"{row[f'{part}_log_score']:.1f}")
            cells.append(with_error(row[f"{part}_difference"], row[f"{part}_error"]))
        unreliable = f"{row['patients_unreliable']:.0f} + {row['counts_unreliable']:.0f}"
        table.add_row(str(name), *cells, unreliable)
    table.caption = "ln density, higher is better; difference from the best ± standard error"
    for caution in result.read_first:
        console.print(f"[bold]Read this first:[/] {caution}")
    console.print(table)
    for verdict in result.verdicts:
        console.print(f"{verdict.subject}, {verdict.check}: {verdict.sentence}", markup=False)
    between_models = risks.max(axis=1) - risks.min(axis=1)
    farthest = str(between_models.idxmax())
    doubt = " ‡" if farthest in result.comparison.doubtful else ""
    console.print(
        f"Risks from records up to day {about['counts_until']:g} differ by "
        f"{points(between_models.median())} percentage points in the median patient, at most by "
        f"{points(between_models.max())} ({farthest}{doubt})."
    )
    if result.comparison.doubtful:
        console.print(
            f"‡ unreliable: under some run the counts of {some(result.comparison.doubtful)} "
            "disagree too much with the fit."
        )
    console.print(RESEARCH_USE)
