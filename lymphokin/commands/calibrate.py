"""`lymphokin calibrate`: what published cohorts say about a model's population."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lymphokin.commands.options import writable
from lymphokin.strict_json import json_text

OF = {"baseline": "before", "one visit": "after", "lowest": "lowest after"}


def calibrate(
    model: Annotated[str, typer.Option(help="Shipped model or path of a model file.")] = (
        "myeloid_lymphoid"
    ),
    studies: Annotated[
        Path | None, typer.Option(help="File of studies (TOML); default: the shipped one.")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            callback=writable, help="Folder to write to; files of the same model are replaced."
        ),
    ] = Path("literature-posterior"),
    leave_one_out: Annotated[
        bool, typer.Option(help="Also predict each study from the others alone.")
    ] = False,
    prior: Annotated[
        Path | None,
        typer.Option(help="Also write the result as priors: a parameter table (TOML) for a model."),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws kept per chain.", min=10)] = 250,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers; recorded.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Calibrate a model to published lymphocyte counts (model-based meta-analysis).

    Regenerate what ships with lymphokin:

    Example: lymphokin calibrate --leave-one-out --out data/literature/posterior
    """
    from lymphokin.literature import Settings, coverage
    from lymphokin.literature.calibrate import calibrate as run
    from lymphokin.literature.posterior import details_of
    from lymphokin.literature.prior import write_prior
    from lymphokin.pages.wording import counted, fixed

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("compiling", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        found = run(model, studies, Settings(draws=draws, seed=seed), leave_one_out, show)
    paths = found.write(out)
    if prior is not None:
        write_prior(found.population, prior)
        paths.append(prior)
    details = details_of(found.posterior.attrs)
    if json_:
        rows = found.reproduction.to_dict("records")
        files = [str(path) for path in paths]
        print(json_text({"files": files, **details, "reproduction": rows}))
        return
    console = Console(width=None if Console().is_terminal else 110)
    console.print(_table(found.reproduction, model))
    if found.left_out is not None:
        share = coverage(found.left_out)
        console.print(
            f"Each study from the others: {counted(share)} of the published numbers lie inside "
            "their 90 % interval."
        )
    convergence = details["convergence"]
    console.print(
        f"Sampling: {convergence['level']} (largest R-hat {fixed(convergence['rhat_max'], 3)}, "
        f"smallest bulk effective sample size {convergence['ess_bulk_min']})."
    )
    console.print(f"Written: {', '.join(map(str, paths))}", soft_wrap=True)


def _table(reproduction: Any, model: str) -> Table:
    """Published numbers beside the model's."""
    table = Table(title=f"{model}: published, and predicted by the calibrated model")
    for name in ("study", "when", "what", "published", "predicted", "90 % interval"):
        table.add_column(name, justify="left" if name in ("study", "when", "what") else "right")
    for row in reproduction.itertuples():
        inside = row.q05 <= row.observed <= row.q95
        table.add_row(
            row.study,
            OF[row.of] + (f", day {row.days}" if row.days else ""),
            row.statistic,
            f"{row.observed:.2f}" + ("" if inside else " *"),
            f"{row.q50:.2f}",
            f"{row.q05:.2f} to {row.q95:.2f}",
        )
    table.caption = "Counts in 10^9/L. * outside the interval."
    return table
