"""`lymphokin update`: a population learns from the patients of one centre."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.learnt import show_learnt
from lymphokin.commands.options import Json, ModelFile, Seed, Sites, table_of_sites, writable
from lymphokin.commands.validate import RunAndTable, run_and_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

MEASURES = {
    "count_log_score": "log score per later count",
    "count_crps": "CRPS of later counts (1e9/L)",
    "count_coverage_90": "share of later counts in 90 % intervals",
    "log_score": "log score of the risk",
    "brier": "Brier score",
    "crps": "CRPS at the endpoint (1e9/L)",
}


def update(
    paths: RunAndTable,
    out: Annotated[
        Path, typer.Option(callback=writable, help="Run folder of the result; must not exist.")
    ],
    method: Annotated[
        str,
        typer.Option(
            help="auto: weigh the earlier draws where that is reliable, else Markov chains; or "
            "reweighted, hmc, or quick for a look."
        ),
    ] = "auto",
    look: Annotated[
        list[float], typer.Option(help="Records up to this day are known; repeat it.")
    ] = [0.0, 14.0],  # noqa: B006
    draws: Annotated[
        int, typer.Option(help="Draws of each of two Markov chains, if they run.")
    ] = 1000,
    seed: Seed = 0,
    sites: Sites = None,
    accept: Accept = [],  # noqa: B006
    model_file: ModelFile = [],  # noqa: B006
    json_: Json = False,
) -> None:
    """Update a fit, or the published cohorts, with the patients of your centre.

    The result is a run like any other, which report, predict, whatif and serve take. How patients
    left out in turn are forecast before and after says whether it was worth it.

    Example: lymphokin update our_patients.csv --out runs/here

    Example: lymphokin update runs/trial our_patients.csv --out runs/here
    """
    from lymphokin.files import refuse_existing
    from lymphokin.io import read_events
    from lymphokin.progress import shown
    from lymphokin.updating.update import update as learn

    refuse_existing(out)
    with shown(True) as reporter:
        reporter.stage("reading")
        fit, table = run_and_table(paths, model_file)
        reasons = accepted(accept)
        known = table_of_sites(sites, reasons, fit)
        words = None if fit is None else fit.model
        cohort = read_events(table, accept=reasons, model=words, sites=known)
        result = learn(
            fit, cohort, method=method, looks=look, seed=seed, draws=draws, progress=reporter
        )
        result.save(out, progress=reporter)
    show_learnt(result, out, result.provenance["update"], _table, json_)


def _table(facts: Mapping[str, Any], synthetic: bool) -> Table:
    """Scores before and after."""
    from rich.table import Table

    from lymphokin.pages.wording import fixed

    title = "SYNTHETIC DATA. " if synthetic else ""
    shown = Table(title=f"{title}Patients left out in turn, method {facts['method']}")
    for name in ("known to day", "of forecasts", "before", "after", "difference (90 % interval)"):
        shown.add_column(name, justify="left" if name == "of forecasts" else "right")
    for row in facts["gains"]:
        before, after, difference, low, high = (
            fixed(row[name], 3) for name in ("before", "after", "difference", "q05", "q95")
        )
        words = MEASURES[row["measure"]]
        interval = f"{difference} ({low}, {high})"
        shown.add_row(f"{row['look']:g}", words, before, after, interval)
    return shown
