"""`lymphokin spread`: the same patients through every calibrated model."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import ENDPOINT_HELP, Sites, table_of_sites, writable
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.endpoints import Endpoint


def spread(
    table: Annotated[Path, typer.Argument(help="Event table (CSV).")],
    model: Annotated[
        list[str], typer.Option(help="Calibrated model, repeatable; default: all.")
    ] = [],  # noqa: B006
    counts_until: Annotated[
        float | None,
        typer.Option(help="Use records up to this day only; default: all before the endpoint."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(callback=writable, help="Write each model's forecast to this CSV file."),
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help=ENDPOINT_HELP)] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    sites: Sites = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Forecast patients with every model calibrated to the literature, and combine the models.

    No fit is needed. Models that know none of the drugs forecast as if there were none.

    Example: lymphokin spread patients.csv --counts-until 14 --endpoint grade3_lowest
    """
    from lymphokin.csv_text import neutral_frame
    from lymphokin.files import write_text
    from lymphokin.infer.weights import UNRELIABLE_PARETO_K
    from lymphokin.io import read_events
    from lymphokin.literature.between_models import between_models, numbers_of
    from lymphokin.pages.wording import number, percent
    from lymphokin.research_use import RESEARCH_USE

    if out is not None and out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    cohort = read_events(table, sites=table_of_sites(sites, {}))
    found = between_models(cohort, model or None, counts_until, seed, endpoint)
    if out is not None:
        write_text(out, neutral_frame(found.by_model).to_csv(index=False))
    if json_:
        combined = found.combined.reset_index().to_dict("records")
        by_model = found.by_model.to_dict("records")
        print(json_text({"rule": found.rule, "weights": found.weights, "combined": combined,
                          "by_model": by_model}))  # fmt: skip
        return
    shown = Table(title=("SYNTHETIC DATA. " if cohort.synthetic else "") + _title(found.endpoint))
    rows = found.by_model.to_dict("records")
    of_models = {(str(row["id"]), str(row["model"])): row for row in rows}

    def cell(row: Mapping[Hashable, Any], doubtful: bool) -> str:
        shown, true = (row[column] for column in numbers_of(found.endpoint)[:2])
        mark = " ‡" if doubtful else ""
        if found.endpoint.on_a_day:
            return percent(shown) + mark
        words = percent if found.endpoint.has_event else number
        return f"{words(shown)} ({words(true)}){mark}"

    shown.add_column("patient")
    for name in (*found.weights, "combined"):
        shown.add_column(name.replace("_", " "), justify="right")
    for patient, row in found.combined.iterrows():
        own = [of_models[str(patient), name] for name in found.weights]
        doubts = [float(one["pareto_k"]) > UNRELIABLE_PARETO_K for one in own]
        cells = map(cell, own, doubts)
        shown.add_row(str(patient), *cells, cell(row.to_dict(), any(doubts)))
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in found.weights.items())
    shown.caption = f"Weights ({found.rule}): {weights}"
    console = Console(width=None if Console().is_terminal else 140)
    console.print(shown)
    if (found.by_model["pareto_k"] > UNRELIABLE_PARETO_K).any():
        console.print("‡ unreliable: the counts disagree too much with the model")
    console.print(RESEARCH_USE)


def _title(endpoint: Endpoint) -> str:
    from lymphokin.endpoints import DEFAULT

    if endpoint.name == DEFAULT:
        return "Risk of grade >= 2 lymphopenia 6 weeks after radiotherapy, by model"
    if endpoint.on_a_day:
        return f"Risk of grade >= 2. {endpoint.meaning}, by model"
    return f"{endpoint.meaning}, by model: what visits show (the true curve over days)"
