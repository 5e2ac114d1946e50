"""The immune dose of one patient from a table: what `lymphokin dose` wrote, organ doses or DVHs."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import BaseModel, Field

from lymphokin.dose.course import CourseDose
from lymphokin.dose.tables import table_doses
from lymphokin.io.problems import BadInput, Problem
from lymphokin.pages.messages import Message, RefusedError, heard, say
from lymphokin.whatif.limits import LARGEST_IMMUNE_DOSE_GY, Strict

LARGEST_TABLE = 2 * 1024 * 1024
"""Bytes; histograms of thirty organs take about half of it."""
MOST_SAID = 5
"""Problems of a table that are said at once."""
SAID = "dose."
"""Beginning of the keys of what the dose room says."""
DOSE, SOURCE = "IMMUNE_DOSE_GY", "IMMUNE_DOSE_SOURCE"


class DoseTable(Strict):
    """A table as text (CSV), of one patient; nothing of it is kept."""

    text: Annotated[str, Field(min_length=1, max_length=LARGEST_TABLE)]


class DoseAnswer(BaseModel):
    """The immune dose in a table."""

    immune_dose_gy: float
    immune_dose_source: str | None
    notes: list[Message]
    """what to know of how it was read"""


def dose_of_table(table: DoseTable) -> DoseAnswer:
    """The mean dose to the blood in a table, or computed from its organ doses or histograms.

    Raises:
        RefusedError: when it is not of one patient, or its dose is none, or with everything that
            is wrong in a table of organs.
    """
    lines = [line for line in table.text.lstrip("\ufeff").splitlines() if line[:1] != "#"]
    rows = list(csv.DictReader(lines))
    if rows and DOSE in rows[0]:
        if len(rows) > 1:
            raise RefusedError("error.one_patient", found=len(rows))
        return DoseAnswer(
            immune_dose_gy=_gray(rows[0][DOSE]), immune_dose_source=rows[0].get(SOURCE), notes=[]
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(table.text, encoding="utf-8")
        try:
            found = table_doses(path)
        except BadInput as error:
            why = [_in_words(problem) for problem in error.problems[:MOST_SAID]]
            raise RefusedError("error.table", why=why) from None
    if len(found) > 1:
        raise RefusedError("error.one_patient", found=len(found))
    gray = _gray(str(found[0].blood_gy))
    return DoseAnswer(
        immune_dose_gy=gray, immune_dose_source=found[0].source, notes=_notes(found[0])
    )


def _notes(dose: CourseDose) -> list[Message]:
    said = (heard(text, SAID) for text in dose.warnings)
    return [say("dose.as_it_came", text=s) if isinstance(s, str) else s for s in said]


def _in_words(problem: Problem) -> Message:
    """What is wrong at a place of the table."""
    expected = heard(problem.expected, SAID)
    if problem.value is None:
        what = say("problem.missing", expected=expected)
    else:
        what = say("problem.found", expected=expected, found=heard(problem.value, SAID))
    if problem.hint:
        what = say("problem.hint", what=what, hint=heard(problem.hint, SAID))
    if problem.row is not None and problem.column:
        return say("problem.line", line=problem.row, column=problem.column, what=what)
    if problem.row is not None:
        return say("problem.row", line=problem.row, what=what)
    return say("problem.column", column=problem.column, what=what) if problem.column else what


def _gray(text: str | None) -> float:
    """A dose with two decimals, as the page shows it."""
    try:
        gray = round(float(text or ""), 2)
    except ValueError:
        gray = -1.0
    if not 0 <= gray <= LARGEST_IMMUNE_DOSE_GY:
        raise RefusedError("error.no_dose", column=DOSE, most=LARGEST_IMMUNE_DOSE_GY)
    return gray
