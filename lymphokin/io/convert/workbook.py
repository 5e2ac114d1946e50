"""One sheet of a workbook as a table, read cell by cell as it stands."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pandas as pd

from lymphokin.io.problems import Findings

_SEARCHED = 20
"""Rows in which a header is looked for."""


def read_workbook(
    data: bytes, sheet: str, header_row: int, found: Findings
) -> tuple[pd.DataFrame, int] | None:
    """The table of a sheet and the row of its first record.

    None, with the reason in `found`, if there is none. `header_row`: row of the column names,
    from 1 (0: the first row). A column that stands twice and a formula without a saved value are
    problems; rows and columns without any cell are left out.
    """
    cells = _cells(data, sheet, found)
    if cells is None:
        return None
    at = (header_row or 1) - 1
    if not any(value is not None for row in cells[at + 1 :] for value in row):
        found.add(None, None, "an empty sheet", f"a table with a header in row {at + 1}")
        return None
    names = cells[at]
    if not header_row and _is_title(names):
        likely = next((n for n, row in enumerate(cells[:_SEARCHED]) if not _is_title(row)), None)
        hint = f"it seems to stand in row {likely + 1}: " if likely else ""
        hint += (
            f"[wide] header_row = {likely + 1 if likely else 2} in the mapping, or delete the rows"
        )
        shown = next((str(v) for v in names if v is not None), None)
        found.add(1, None, shown, "the names of the columns in the first row", hint)
        return None
    used = [n for n in range(len(names)) if any(row[n] is not None for row in cells[at:])]
    for n in used:
        if names[n] is None:
            row = next(r for r, cell in enumerate(cells[at:], at + 1) if cell[n] is not None)
            found.add(row, None, str(cells[row - 1][n]), "a name in the header above every cell")
    records = [[row[n] for n in used] for row in cells[at + 1 :]]
    while records and all(value is None for value in records[-1]):
        records.pop()
    frame = pd.DataFrame(records, columns=[names[n] for n in used], dtype=object)
    return frame, at + 2


def _is_title(row: list[Any]) -> bool:
    """Whether a row has at most one cell, as a title above a table, though the sheet is wider."""
    return len(row) > 1 and sum(value is not None for value in row) <= 1


def _cells(data: bytes, sheet: str, found: Findings) -> list[list[Any]] | None:
    """All cells of a sheet by row, blank ones None; formulas by their saved value."""
    import openpyxl
    from openpyxl.utils import get_column_letter

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
            formulas = openpyxl.load_workbook(io.BytesIO(data))
    except Exception as error:  # zip, XML and openpyxl errors
        found.add(None, None, f"{type(error).__name__}: {error}"[:120], "an Excel workbook (.xlsx)")
        return None
    tables = [ws.title for ws in values.worksheets]
    if sheet and sheet not in tables:
        known = ", ".join(tables)
        found.add(None, None, f"no sheet {sheet}", f"one of the sheets {known}")
        return None
    if not tables:
        found.add(None, None, "no sheet of cells", "a sheet with a table")
        return None
    name = sheet or tables[0]
    rows = [[_blank(cell) for cell in row] for row in values[name].iter_rows(values_only=True)]
    for number, row in enumerate(formulas[name].iter_rows(), start=1):
        for place, cell in enumerate(row):
            if cell.data_type == "f" and rows[number - 1][place] is None:
                shown = str(getattr(cell.value, "text", cell.value))
                hint = "open the workbook and save it, so that the values are in it"
                found.add(
                    number, get_column_letter(place + 1), shown, "a formula with its value", hint
                )
    return rows


def _blank(value: Any) -> Any:
    """A cell; None where it holds blanks alone."""
    return None if isinstance(value, str) and not value.strip() else value
