"""`lymphokin compare`: fits of different models to the same data, side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import ModelFile

if TYPE_CHECKING:
    from lymphokin.criticism.forecasts.compare import Comparison
    from lymphokin.infer import CohortDensity
    from lymphokin.progress import Reporter
    from lymphokin.run import Fit


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of fits to the same data.")],
    counts_until: Annotated[
        float, typer.Option(help="Compare risks from records up to this day.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write, JSON and CSV files beside it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers; recorded.")] = 0,
    model_file: ModelFile = [],  # noqa: B006
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare fits of the same data: left-out patients and counts, weights, and risks.

    Only lymphocyte counts are scored, so that models with and without MDSC or ATRA compare.

    Example: lymphokin compare runs/default runs/hedos --out runs/compared.html
    """
    from lymphokin.progress import shown

    names = [run.resolve().name for run in runs]
    if len(runs) < 2 or len(set(names)) < len(runs):
        raise ValueError("expected at least two run folders, of different names")
    if out is not None and (out.suffix != ".html" or not out.parent.is_dir()):
        raise ValueError(f"--out {out}: expected a name that ends with .html in an existing folder")
    with shown(True) as reporter:
        reporter.stage("reading the runs")
        opened = _opened(names, runs, model_file)
        found = _compared(opened, counts_until, seed, reporter)
    cautions = [
        f"{name}: {fit.provenance['convergence']['verdict']}"
        for name, (fit, _) in opened.items()
        if fit.provenance["convergence"]["level"] != "good"
    ]
    said = _said(opened, found, cautions, counts_until, seed)
    files = [] if out is None else _write(out, found, said)
    if json_:
        print(json.dumps({**said, "files": [str(f) for f in files]}, indent=2))
        return
    show(Console(width=None if sys.stdout.isatty() else 110), found, said)


def _opened(
    names: list[str], runs: list[Path], model_files: list[Path]
) -> dict[str, tuple[Fit, CohortDensity]]:
    """The fits by name; all of the same data, or one message."""
    from lymphokin.run import open_run

    opened = {}
    for name, run in zip(names, runs, strict=True):
        fit = open_run(run, model_files)
        fit.require_draws(f"comparing {run}")
        opened[name] = (fit, fit.density)
    data = {name: str(fit.provenance["data_sha256"]) for name, (fit, _) in opened.items()}
    if len(set(data.values())) > 1:
        told = ", ".join(f"{name} ({sha[:12]})" for name, sha in data.items())
        raise ValueError(f"runs of different data cannot be compared: data_sha256 of {told}")
    return opened


def _compared(
    opened: dict[str, tuple[Fit, CohortDensity]], day: float, seed: int, reporter: Reporter
) -> Comparison:
    import pandas as pd

    from lymphokin.criticism.forecasts.compare import comparison
    from lymphokin.criticism.forecasts.held_out import held_out_forecasts
    from lymphokin.criticism.forecasts.leave_one_out import counts_left_out, patients_left_out

    patients, counts, risks = {}, {}, {}
    for name, (fit, density) in opened.items():
        reporter.stage(f"leaving out patients and counts of {name}")
        z = fit.population_z()
        patients[name] = patients_left_out(density, z, seed)
        counts[name] = counts_left_out(fit, density, seed)
        ids = density.packed.cohort.patients.index
        forecasts = held_out_forecasts(density, z, ids, (day,), in_fit=True, seed=seed)
        risks[name] = pd.Series(forecasts[day].forecasts.risk, ids)
    return comparison(patients, counts, risks)


def _said(
    opened: dict[str, tuple[Fit, CohortDensity]],
    found: Comparison,
    cautions: list[str],
    day: float,
    seed: int,
) -> dict:
    """What is printed as JSON and written beside the page."""
    from lymphokin.criticism.forecasts.compare import comparison_verdicts
    from lymphokin.criticism.page import result

    of = [fit.provenance for fit, _ in opened.values()]
    about = {
        "run": ", ".join(opened),
        "model": ", ".join(p["model"] for p in of),
        "data_file": of[0]["data_file"],
        "data_sha256": of[0]["data_sha256"],
        "synthetic": of[0]["synthetic_data"],
        "created": ", ".join(p["created"] for p in of),
        "counts_until": day,
        "seed": seed,
    }
    return {
        **result(comparison_verdicts(found), about),
        "read_first": cautions,
        "runs": json.loads(found.runs.reset_index().to_json(orient="records")),
        "risks": json.loads(found.risks.reset_index().to_json(orient="records")),
    }


def _write(out: Path, found: Comparison, said: dict) -> list[Path]:
    from lymphokin.criticism.forecasts.compare_page import comparison_sections
    from lymphokin.criticism.page import render_check, write_check

    sections = comparison_sections(found, said["counts_until"])
    page = render_check(sections, said, said["read_first"], "compare.html.j2")
    tables = {
        "runs": found.runs.reset_index(),
        "patients": found.patients,
        "counts": found.counts,
        "risks": found.risks.reset_index(),
    }
    return write_check(out, page, said, tables)


def show(console: Console, found: Comparison, said: dict) -> None:
    """Print the runs as a table, and how far their risks differ."""
    from lymphokin.pages.wording import points
    from lymphokin.research_use import RESEARCH_USE

    synthetic = "SYNTHETIC DATA. " if said["synthetic"] else ""
    table = Table(title=f"{synthetic}Lymphocyte counts left out of fits to {said['data_file']}")
    for name in ("run", "weight", "patients", "difference", "counts", "difference", "unreliable"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for name, row in found.runs.iterrows():
        cells = [f"{row['weight']:.2f}"]
        for part in ("patients", "counts"):
            cells.append(f"{row[f'{part}_log_score']:.1f}")
            cells.append(f"{row[f'{part}_difference']:.1f} ± {row[f'{part}_error']:.1f}")
        unreliable = f"{row['patients_unreliable']:.0f} + {row['counts_unreliable']:.0f}"
        table.add_row(str(name), *cells, unreliable)
    table.caption = "ln density, higher is better; difference from the best ± standard error"
    for caution in said["read_first"]:
        console.print(f"[bold]Read this first:[/] {caution}")
    console.print(table)
    spread = found.risks.max(axis=1) - found.risks.min(axis=1)
    console.print(
        f"Risks from records up to day {said['counts_until']:g} differ by "
        f"{points(spread.median())} percentage points in the median patient, at most by "
        f"{points(spread.max())} ({spread.idxmax()})."
    )
    console.print(RESEARCH_USE)
