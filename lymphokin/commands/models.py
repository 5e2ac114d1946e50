"""`lymphokin models`: which models there are, what they say, and what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.options import writable
from lymphokin.pages.wording import plain
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.model import Model


def models(
    name: Annotated[
        str | None, typer.Argument(help="Shipped model or path of a model file; default: list all.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(callback=writable, help="Draw it: write the diagram to this SVG file."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List the models, or show one: equations, parameters with sources, diagram.

    Example: lymphokin models myeloid_lymphoid --out myeloid_lymphoid.svg
    """
    if name is None:
        if out is not None:
            raise ValueError("--out needs the name of a model to draw")
        _list(json_)
    else:
        _show(name, out, json_)


def _list(as_json: bool) -> None:
    from lymphokin.model import load_model, shipped_models

    found = {name: load_model(name) for name in shipped_models()}
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "description": model.description,
            "states": sum(len(block.states) for block in model.blocks),
            "parameters": len(model.table.parameters),
            "measures": list(model.observed),
            "drugs": [drug.label for drug in model.vocabulary.drugs.values()],
            "sha256": model.sha256,
        }
        for name, model in found.items()
    ]
    if as_json:
        print(json_text(rows))
        return
    table = Table()
    for title in ("model", "what it is", "states", "parameters", "fits", "drugs"):
        table.add_column(title, justify="right" if title in ("states", "parameters") else "left")
    for row in rows:
        cells = row["states"], row["parameters"], ", ".join(row["measures"])
        table.add_row(row["name"], row["description"], *map(str, cells), ", ".join(row["drugs"]))
    table.caption = "lymphokin models NAME shows one; models/*.py are the files."
    Console(width=None if Console().is_terminal else 120).print(table)


def _show(name: str, out: Path | None, as_json: bool) -> None:
    from lymphokin.model import load_model
    from lymphokin.pages.equations import equations
    from lymphokin.pages.model_diagram import write_diagram

    model = load_model(name)
    lines = equations(model)
    if out is not None:
        write_diagram(model, out)
    if as_json:
        parameters = [
            {key: getattr(p, key) for key in ("name", "symbol", "meaning", "unit", "median",
             "transform", "population_sd", "between_subject_sd", "between_lesion_sd", "source",
             "doi", "certainty")}
            for p in model.table
        ]  # fmt: skip
        described = {"name": model.name, "about": model.about, "sha256": model.sha256}
        words = [
            dict(zip(("what", "name", "label", "unit"), row, strict=True)) for row in _words(model)
        ]
        equation = [line._asdict() for line in lines]
        found = {"words": words, "equations": equation, "parameters": parameters}
        print(json_text(described | found))
        return
    console = Console(width=None if Console().is_terminal else 120)
    console.print(model.about, markup=False, highlight=False)
    console.print(_word_table(model))
    console.print(_equation_table(lines))
    console.print(_parameter_table(model))
    if out is not None:
        console.print(f"Diagram: {out}", markup=False, soft_wrap=True)


def _words(model: Model) -> list[tuple[str, str, str, str]]:
    """What a model measures, takes and follows: what it is, its word in an event table, its label
    and unit.
    """
    words = model.vocabulary
    return [
        *(("measured per lesion" if o.per_lesion else "measured", o.name, o.label, o.unit)
          for o in words.observables.values()),
        *(("infused drug" if d.infused else "drug", d.name, d.label, d.unit)
          for d in words.drugs.values()),
        *(("covariate that changes", c.name, c.meaning, c.unit) for c in words.varying.values()),
        *(("event", e.name, e.label, "") for e in words.events.values()),
    ]  # fmt: skip


def _word_table(model: Model) -> Table:
    table = Table(title="Words of its event tables")
    for title in ("what", "word", "label", "unit"):
        table.add_column(title)
    for row in _words(model):
        table.add_row(*row)
    return table


def _equation_table(lines: Any) -> Table:
    table = Table(
        title="Equations (time in days; d: immune dose of a fraction in Gy, w: its share, "
        "gy: its dose to the lesion, cm3: the lesion's volume)"
    )
    for title in ("block", "what", "equation"):
        table.add_column(title)
    before = ""
    for line in lines:
        if before and line.block != before:
            table.add_section()
        table.add_row("" if line.block == before else line.block, line.left, line.right)
        before = line.block
    return table


def _parameter_table(model: Any) -> Table:
    table = Table(title="Parameters")
    for title in ("symbol", "name", "typical", "unit", "certainty", "source"):
        table.add_column(title, justify="right" if title == "typical" else "left")
    for p in model.table:
        source = p.source + (f" (doi:{p.doi})" if p.doi else "")
        table.add_row(p.symbol, p.name, plain(p.median, 4), p.unit, p.certainty, source)
    return table
