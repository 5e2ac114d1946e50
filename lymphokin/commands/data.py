"""`lymphokin data`: convert other people's files, list their problems, summarise a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.options import Sites, table_of_sites, writable
from lymphokin.files import write_text
from lymphokin.strict_json import json_text

if TYPE_CHECKING:
    from lymphokin.model import Model

app: typer.Typer = typer.Typer(
    no_args_is_help=True, help="Bring data in: convert, validate, template, summary."
)
console: Console = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Model whose drugs and measured outputs the table may name."),
]


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="File, or folder of data sets (lb, dm, ex, ...).")],
    out: Annotated[
        Path,
        typer.Option(callback=writable, help="Event table to write (CSV); must not exist yet."),
    ],
    mapping: Annotated[
        Path | None, typer.Option(help="TOML file that names what the source calls otherwise.")
    ] = None,
    hash_key: Annotated[
        Path | None,
        typer.Option(help="File with a secret key: subject ids become pseudonyms made with it."),
    ] = None,
    immune_dose: Annotated[
        Path | None, typer.Option(help="Table of ID and IMMUNE_DOSE_GY (see lymphokin dose).")
    ] = None,
    sites: Sites = None,
    accept: Accept = [],  # noqa: B006
    model: ModelOption = None,
    json_: Json = False,
) -> None:
    """Make an event table of CDISC, NONMEM or spreadsheet files, and account for every row.

    The account is printed and written beside the table, as NAME.conversion.json.

    With a model, the files may also hold what that model measures and takes, in its units.

    Example: lymphokin data convert sdtm/ --out events.csv

    Example: lymphokin data convert data.csv --mapping codes.toml --model il7.py --out events.csv
    """
    from lymphokin.io import BadInput
    from lymphokin.io.convert import convert as run
    from lymphokin.io.convert.privacy import read_key
    from lymphokin.io.convert.wide import TO_FILL_IN

    _refuse_existing(out, out.with_suffix(".conversion.json"))
    key = None if hash_key is None else read_key(hash_key)
    try:
        reasons = accepted(accept)
        known = table_of_sites(sites, reasons)
        done = run(source, mapping, key, immune_dose, reasons, known, _loaded(model))
    except BadInput as error:
        if any(TO_FILL_IN in problem.hint for problem in error.problems):
            wanted = f"lymphokin data template {source} --out mapping.toml"
            console.print(f"A mapping to fill in: {wanted}", markup=False, soft_wrap=True)
        raise
    table, account = done.write(out)
    if json_:
        print(json_text({"table": str(table), "account": str(account), **done.account.as_dict()}))
        return
    for line in done.account.lines():
        style = "yellow" if line.startswith("Warning") else None
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    console.print(f"Event table: {table}", markup=False, soft_wrap=True)


@app.command()
def validate(
    table: Annotated[Path, typer.Argument(help="Event table (CSV).")],
    accept: Accept = [],  # noqa: B006
    model: ModelOption = None,
    sites: Sites = None,
    json_: Json = False,
) -> None:
    """Check an event table and list every problem with line, column and what was expected.

    Exit code 0 if it can be used (with warnings, perhaps), 2 if not.

    With a model, DVID and CMT may also name what that model measures and takes.

    Example: lymphokin data validate trial.csv

    Example: lymphokin data validate mice.csv --model crauste.py
    """
    from dataclasses import asdict

    from lymphokin.io import BadInput, read_events

    try:
        reasons = accepted(accept)
        known = table_of_sites(sites, reasons)
        cohort = read_events(table, accept=reasons, model=_loaded(model), sites=known)
    except BadInput as error:
        if not json_:
            raise
        problems = [asdict(p) for p in error.problems]
        print(json_text({"usable": False, "problems": problems, "warnings": []}))
        raise typer.Exit(2) from None
    if json_:
        print(json_text({"usable": True, "problems": [], "warnings": list(cohort.warnings)}))
        return
    for warning in cohort.warnings:
        console.print(f"Warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    console.print(f"{table.name} can be used: {cohort!r}", markup=False, soft_wrap=True)


@app.command()
def template(
    sheet: Annotated[
        Path | None,
        typer.Argument(help="Spreadsheet with a column per visit, to guess a mapping of."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(callback=writable, help="File to write; default: print it.")
    ] = None,
    mapping: Annotated[
        bool, typer.Option("--mapping", help="A mapping with every key and its default.")
    ] = False,
    model: ModelOption = None,
) -> None:
    """An empty event table with comments; or a mapping to fill in.

    With a model, the table is one for what that model measures and takes.

    Example: lymphokin data template --out trial.csv

    Example: lymphokin data template counts.xlsx --out mapping.toml
    """
    from lymphokin.io.convert.datasets import read_dataset
    from lymphokin.io.convert.wide import guessed_mapping
    from lymphokin.io.template import event_table_template, mapping_template

    if sheet is not None:
        text = guessed_mapping(read_dataset(sheet))
    else:
        known = _loaded(model)
        words = None if known is None else known.vocabulary
        text = mapping_template() if mapping else event_table_template(words)
    if out is None:
        print(text, end="")
        return
    _refuse_existing(out)
    write_text(out, text)
    console.print(f"Written: {out}", markup=False, soft_wrap=True)


@app.command()
def summary(
    table: Annotated[Path, typer.Argument(help="Event table (CSV).")],
    out: Annotated[
        Path | None,
        typer.Option(
            callback=writable, help="Draw every patient's counts into this PNG, SVG or PDF."
        ),
    ] = None,
    model: ModelOption = None,
    sites: Sites = None,
    json_: Json = False,
) -> None:
    """Counts, visits and what is missing; a picture of every patient's counts.

    Example: lymphokin data summary trial.csv --out counts.png
    """
    from lymphokin.io import read_events
    from lymphokin.io.summary import summarise
    from lymphokin.report.spaghetti import save_spaghetti

    cohort = read_events(table, model=_loaded(model), sites=table_of_sites(sites, {}))
    numbers = summarise(cohort)
    if out is not None:
        _refuse_existing(out)
        save_spaghetti(cohort, out)
    if json_:
        print(json_text(numbers | ({"picture": str(out)} if out else {})))
        return
    _show_summary(numbers)
    if out is not None:
        console.print(f"Picture: {out}", markup=False, soft_wrap=True)


def _loaded(model: str | None) -> Model | None:
    if model is None:
        return None
    from lymphokin.model import load_model

    return load_model(model)


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} exists; choose another --out or move it away")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"{path.parent}: no such folder")


def _show_summary(numbers: dict[str, Any]) -> None:
    shown = Console()
    synthetic = "SYNTHETIC DATA. " if numbers["synthetic"] else ""
    labels = numbers["drugs"]
    doses = ", ".join(f"{n:,} {labels[name]} doses" for name, n in numbers["doses"].items())
    shown.print(
        f"{synthetic}{numbers['patients']:,} patients, {numbers['treated']:,} with radiotherapy: "
        f"{numbers['fractions']:,} fractions, {doses}"
    )
    measured = Table(title="Measurements")
    for name in ("quantity", "patients", "visits", "values", "below a limit", "above one",
                 "between two", "no result"):  # fmt: skip
        measured.add_column(name, justify="left" if name == "quantity" else "right")
    for name, row in numbers["quantities"].items():
        measured.add_row(name, *(f"{value:,}" for value in row.values()))
    shown.print(measured)
    weeks = Table(title="Lymphocyte counts by week from day 0 (1e9/L)")
    for name in ("week", "counts", "median", "grade >= 2"):
        weeks.add_column(name, justify="right")
    for row in numbers["weeks"]:
        cells = (row["week"], row["counts"], row["median"], row["grade2_or_worse"])
        weeks.add_row(*map(str, cells))
    shown.print(weeks)
    lacking = [f"{name} {n:,}" for name, n in numbers["missing"].items() if n]
    shown.print(f"Patients without: {', '.join(lacking) or 'nothing'}")
    for warning in numbers["warnings"]:
        shown.print(f"Warning: {warning}", style="yellow", markup=False)
