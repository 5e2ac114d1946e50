"""One sheet of a workbook as a table, read cell by cell as it stands."""

from __future__ import annotations

import io
import re
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
    if not sheet:
        _tell_of_others(values, found)
    rows = [[_shown(cell) for cell in row] for row in values[name].iter_rows()]
    for number, row in enumerate(formulas[name].iter_rows(), start=1):
        for place, cell in enumerate(row):
            letter = get_column_letter(place + 1)
            if cell.data_type == "f" and rows[number - 1][place] is None:
                shown = str(getattr(cell.value, "text", cell.value))
                hint = "open the workbook and save it, so that the values are in it"
                found.add(number, letter, shown, "a formula with its value", hint)
            elif cell.value is not None and cell.font.strike:
                found.add(number, letter, str(cell.value), "a cell that is not struck out",
                          "delete it, or undo the line")  # fmt: skip
    _tell_of_hidden(values[name], len(rows), found)
    return rows


def _tell_of_others(book: Any, found: Findings) -> None:
    """Refuse to choose between sheets of one kind, and tell of the others that are not read."""
    filled = [sheet for sheet in book.worksheets if sheet.max_row > 1]
    heads = {s.title: [c.value for c in next(s.iter_rows(max_row=1))] for s in filled}
    names = ", ".join(map(str, heads))
    if len(heads) > 1 and len(set(map(str, heads.values()))) < len(heads):
        hint = "name it in the mapping ([wide] sheet), or keep it in a file of its own"
        found.add(None, None, f"sheets {names}", "one sheet with these columns", hint)
    elif len(heads) > 1:
        found.warn(f"of the sheets {names} only the first is read")


def _tell_of_hidden(sheet: Any, rows: int, found: Findings) -> None:
    """Say that rows and columns are read that nobody sees."""
    hidden = sorted(n for n, row in sheet.row_dimensions.items() if row.hidden and n <= rows)
    if hidden:
        found.warn(f"hidden rows are read: {', '.join(map(str, hidden[:_SEARCHED]))}")
    letters = sorted(name for name, column in sheet.column_dimensions.items() if column.hidden)
    if letters:
        found.warn(f"hidden columns are read: {', '.join(letters[:_SEARCHED])}")


def _shown(cell: Any) -> Any:
    """The value of a cell; None where it holds blanks alone, text such as `28%` of a share."""
    value = cell.value
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in cell.number_format:
        quoted = "%" in re.sub(r'"[^"]*"|\\.', "", cell.number_format)
        return f"{value * 100 if quoted else value:g}%"
    return value
