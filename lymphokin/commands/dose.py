"""`lymphokin dose`: the immune dose from DICOM, organ doses or histograms."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from lymphokin.commands.accept import Accept, accepted
from lymphokin.commands.options import writable
from lymphokin.files import write_text
from lymphokin.strict_json import json_text

console: Console = Console(stderr=True)


def dose(
    source: Annotated[
        Path, typer.Argument(help="Folder of DICOM files, or a table of organ doses or DVHs.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            callback=writable,
            help="Table (CSV) to write, for lymphokin data convert --immune-dose.",
        ),
    ] = None,
    organs: Annotated[
        Path | None, typer.Option(help="Table of NAME and ORGAN: what your structures are called.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="What to call the patient (of a source with one patient).")
    ] = None,
    use: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="Use this file of a DICOM folder and no other of its kind (dose, structure set, "
            "plan); repeat it for several.",
        ),
    ] = [],  # noqa: B006
    accept: Accept = [],  # noqa: B006
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """The mean dose to the blood, and EDIC, of each patient.

    Names, numbers and dates of birth in DICOM files are neither shown nor written: the patients
    of a folder are called patient 1, patient 2, ...

    Example: lymphokin dose dicom/P01 --subject P01 --json
    """
    from lymphokin.dose.dicom.course import folder_doses
    from lymphokin.dose.tables import read_own_names, table_doses
    from lymphokin.io import BadInput

    if out is not None and out.exists():
        raise FileExistsError(f"{out} exists; choose another --out or move it away")
    names = None if organs is None else read_own_names(organs)
    is_table = source.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
    reasons = accepted(accept)
    if is_table and use:
        raise ValueError("--use names files of a DICOM folder, and this is a table")
    if is_table:
        doses = table_doses(source, names, reasons)
    else:
        try:
            doses = folder_doses(source, names, use, reasons)
        except BadInput as error:
            if any("name " in problem.hint for problem in error.problems):
                console.print("To name a file to use: --use FILE (its path in the folder)")
            raise
    if subject is not None:
        if len(doses) != 1:
            raise ValueError(f"--subject names one patient, but there are {len(doses)}")
        doses[0].patient = subject
    if out is not None:
        kept = {name: reason for d in doses for name, reason in d.accepted.items()}
        _write(out, [(d.patient, d.blood_gy, d.source) for d in doses], kept)
    if json_:
        print(json_text({"patients": [d.as_dict() for d in doses]}))
        return
    _show([d.as_dict() for d in doses])


def _write(out: Path, rows: list[tuple[str, float, str]], accepted: dict[str, str]) -> None:
    from lymphokin.csv_text import neutral

    text = io.StringIO()
    text.writelines(f"# accepted {name}: {reason}\n" for name, reason in accepted.items())
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["ID", "IMMUNE_DOSE_GY", "IMMUNE_DOSE_SOURCE"])
    writer.writerows((neutral(name), f"{gray:.4f}", source) for name, gray, source in rows)
    write_text(out, text.getvalue())


def _show(patients: list[dict]) -> None:
    shown = Console()
    for patient in patients:
        gray, source = patient["immune_dose_gy"], patient["immune_dose_source"]
        title = f"{patient['patient']}: mean dose to the blood {gray:.2f} Gy ({source})"
        table = Table(title=title)
        for name in ("organ", "mean dose (Gy)", "volume (cm3)", "adds to the blood (Gy)"):
            table.add_column(name, justify="left" if name == "organ" else "right")
        for name, row in patient["organs"].items():
            cells = (row["mean_gy"], row["volume_cm3"], row["contribution_gy"])
            table.add_row(name, *("" if cell is None else f"{cell:.3g}" for cell in cells))
        rest = patient["rest_of_body"]
        table.add_row("rest of the body", f"{rest['mean_gy']:.3g}", "",
                      f"{rest['contribution_gy']:.3g}")  # fmt: skip
        shown.print(table)
        for plan in patient["plans"]:
            gray = plan["prescribed_gy"]
            prescribed = "not stated" if gray is None else f"{gray:g} Gy"
            shown.print(
                f"Plan: {prescribed} in {plan['fractions'] or 'an unknown number of'} fractions"
            )
        if patient["edic_xu2020_gy"] is not None:
            shown.print(f"EDIC (Xu 2020): {patient['edic_xu2020_gy']:.2f} Gy")
        if patient["unknown_structures"]:
            shown.print("Not used: " + ", ".join(patient["unknown_structures"]), markup=False)
        for what, of in (("Not taken", "structures_not_taken"), ("Left out", "left_out")):
            for name in patient[of]:
                shown.print(f"{what}: {name}", markup=False)
        for warning in patient["warnings"]:
            shown.print(f"Warning: {warning}", style="yellow", markup=False)
