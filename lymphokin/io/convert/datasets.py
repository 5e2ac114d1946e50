"""One data set of any format as a table: SAS transport, Dataset-JSON, parquet, CSV, workbook."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from lymphokin.io.convert.dataset_json import read_dataset_json
from lymphokin.io.convert.workbook import read_workbook
from lymphokin.io.convert.xpt import why_broken
from lymphokin.io.number_format import EACH_COLUMN, StatedFormat, Written
from lymphokin.io.problems import Findings
from lymphokin.io.text_table import SEPARATOR_LINE, read_text_table

TEXT = (".csv", ".txt", ".tsv")
WORKBOOKS = (".xlsx", ".xlsm")
FORMATS = (".xpt", ".json", ".ndjson", ".parquet", *TEXT, *WORKBOOKS)


_TYPED = "fiubM"
"""Kinds of columns that hold no text: numbers, truth values, dates."""

_HEADER_MARK = re.compile(rb"^#[ \t]*(ID\b)", re.IGNORECASE | re.MULTILINE)
"""The header of a NONMEM table may stand behind the mark of comments."""


@dataclass(frozen=True)
class Dataset:
    """A table as it stands in a file.

    `frame`: columns in upper case; text cells are stripped, missing ones None. `lines`: number of
    each row for messages (line of a text file, else record from 1). `written`: how the numbers of
    a column of text are written (where absent: with decimal points). `notes`: what a reader should
    know of the reading.
    """

    file: str
    frame: pd.DataFrame
    lines: np.ndarray
    written: Mapping[str, Written] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    _texts: dict[str, pd.Series] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, column: object) -> bool:
        return column in self.frame.columns

    def column(self, name: str) -> pd.Series:
        """A column as it stands, None throughout where it is absent."""
        if name in self:
            return self.frame[name]
        return pd.Series([None] * len(self), index=self.frame.index, dtype=object)

    def text(self, column: str) -> pd.Series:
        """A column as text, '' where missing or absent; whole numbers without decimals."""
        if column not in self.frame.columns:
            return pd.Series("", index=self.frame.index, dtype=object)
        if column not in self._texts:
            texts = [_as_text(value) for value in self.frame[column].tolist()]
            self._texts[column] = pd.Series(texts, index=self.frame.index, dtype=object)
        return self._texts[column].copy(deep=False)

    def plain(self, column: str) -> pd.Series:
        """As `text`, with numbers written as Python does; what is no number stays as it is."""
        form = self.written.get(column, Written())
        words = self.text(column)
        plain = {word: form.plain(word) for word in words.unique()}
        return words.map(lambda word: plain[word] or word).astype(object)

    def numbers(self, column: str) -> pd.Series:
        """A column as numbers; NaN where missing, absent, no number, or one with two readings."""
        if column not in self.frame.columns:
            return pd.Series(np.nan, index=self.frame.index, dtype=float)
        values, form = self.frame[column], self.written.get(column)
        if form is not None:
            values = values.map(lambda v: form.plain(v) if isinstance(v, str) else v)
        read = pd.to_numeric(values, errors="coerce").astype(float)
        return read.where(np.isfinite(read))

    def select(self, rows: pd.Series | np.ndarray) -> Dataset:
        """The marked rows."""
        keep = np.asarray(rows, bool)
        return replace(self, frame=self.frame[keep], lines=self.lines[keep])

    def renamed(self, names: Mapping[str, str]) -> Dataset:
        """The data set with columns under other names."""
        written = {names.get(column, column): form for column, form in self.written.items()}
        return replace(self, frame=self.frame.rename(columns=names), written=written)


def _as_text(value: object) -> str:
    if value is None or value is pd.NaT:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float | np.floating):
        number = float(value)
        return "" if number != number else str(int(number)) if number.is_integer() else repr(number)
    return str(value)


def read_dataset(
    path: str | os.PathLike[str],
    sheet: str = "",
    stated: StatedFormat = EACH_COLUMN,
    header_row: int = 0,
) -> Dataset:
    """Read a data set; the format is given by the file's ending.

    `sheet`: sheet of a workbook (default: the first). `header_row`: row of a workbook with the
    names of the columns, from 1 (0: the first row). `stated`: how numbers are written as text
    (default: each column of a text file tells). Raises BadInput if it cannot be read.
    """
    path = Path(path)
    found = Findings(path.name)
    ending = path.suffix.lower()
    if path.exists() and ending not in FORMATS:
        found.add(None, None, ending or "no ending", "one of " + ", ".join(FORMATS))
        found.raise_if_any()
    data = _bytes(path, found)
    if ending in TEXT:
        return _text(path.name, data, found, stated)
    if ending in WORKBOOKS:
        table = read_workbook(data, sheet, header_row, found)
        found.raise_if_any()
        assert table is not None
        read = _dataset(path.name, table[0], found, first=table[1])
        notes = tuple(f"{path.name}: {warning}" for warning in found.warnings)
        forms = _written_as_text(read.frame, stated, asked=True)
        return replace(read, written=forms, notes=notes)
    frame: pd.DataFrame | None = None
    if ending == ".xpt":
        frame = _transport(path, data, found)
    elif ending in (".json", ".ndjson"):
        frame = read_dataset_json(data, found)
    else:
        frame = _parquet(data, found)
    found.raise_if_any()
    assert frame is not None
    read = _dataset(path.name, frame, found, first=1)
    return replace(read, written=_written_as_text(read.frame, stated, asked=False))


def _written_as_text(frame: pd.DataFrame, stated: StatedFormat, asked: bool) -> dict[str, Written]:
    """How cells that hold a number as text are written; with a comma only where that is stated.

    `asked`: columns that can be read in two ways are asked for (else read with points).
    """
    forms = {}
    for name, column in frame.items():
        if column.dtype.kind in _TYPED:
            continue
        form = stated.with_points()
        if stated.numbers is not None or asked:
            reported = stated.of((cell for cell in column if isinstance(cell, str)), False)
            form = reported if stated.numbers is not None or reported.readings is not None else form
        forms[str(name)] = form
    return forms


def _bytes(path: Path, found: Findings) -> bytes:
    data = b""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        found.add(None, None, "no such file", "a file", f"looked for {path}")
    except OSError as error:
        found.add(None, None, error.strerror or type(error).__name__, "a file that can be read")
    else:
        if not data:
            found.add(None, None, "an empty file", "a data set")
    found.raise_if_any()
    return data


def _dataset(file: str, frame: pd.DataFrame, found: Findings, first: int) -> Dataset:
    names = [str(name).strip().upper() for name in frame.columns]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            found.add(None, name, "the column twice", "each column once")
    found.raise_if_any()
    frame = frame.set_axis(pd.Index(names, dtype=object), axis=1).reset_index(drop=True)
    for name in names:
        column = frame[name]
        if isinstance(column.dtype, pd.StringDtype):  # all text: no call per cell
            words = column.str.strip()
            frame[name] = words.astype(object).where(words.notna() & (words != ""), None)
        elif column.dtype.kind not in _TYPED:
            frame[name] = column.astype(object).map(_stripped).astype(object)
    return Dataset(file, frame, np.arange(first, len(frame) + first))


def _stripped(value: object) -> object:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list | dict | np.ndarray):
        return str(value)
    return None if value is None or value is pd.NaT or value != value else value


def _text(file: str, data: bytes, found: Findings, stated: StatedFormat) -> Dataset:
    notes: tuple[str, ...] = ()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if b"\0" not in data:
            data = data.decode("cp1252", "replace").encode()
            notes = (f"{file} is not UTF-8 text; it was read as Windows-1252 (Western European)",)
    data = _HEADER_MARK.sub(rb"\1", data, count=1)
    lines = data.lstrip(b"\xef\xbb\xbf").split(b"\n")
    content = [line for line in lines if line.strip() and not line.startswith(b"#")]
    first = content[0].strip().decode("utf-8", "replace") if content else ""
    separator = SEPARATOR_LINE.fullmatch(first)
    head = content[1] if separator and len(content) > 1 else (content or [b""])[0]
    mark = separator[1] if separator else max((b",", b";", b"\t"), key=head.count).decode()
    if mark.encode() not in head and b'"' not in data and len(head.split()) > 1:
        data = b"\n".join(b",".join(line.split()) for line in lines)  # cells parted by blanks
    table = read_text_table(data, found, mark)
    found.raise_if_any()
    assert table is not None
    frame = pd.DataFrame(
        {
            name: np.array([word or None for word in column.words], dtype=object)[column.codes]
            if column.words
            else np.empty(0, object)
            for name, column in table.columns.items()
        }
    )
    forms = {name: stated.of(column.words, mark == ",") for name, column in table.columns.items()}
    return Dataset(file, frame, np.asarray(table.lines), forms, notes)


def _transport(path: Path, data: bytes, found: Findings) -> pd.DataFrame | None:
    import pyreadstat

    broken = why_broken(data)
    if broken:
        found.add(None, None, broken, "a whole SAS transport file (XPORT version 5 or 8)")
        return None
    try:
        frame, _ = pyreadstat.read_xport(str(path))
    except Exception as error:  # the reader raises what its C library says
        found.add(None, None, str(error)[:120], "a SAS transport file (XPORT version 5 or 8)")
        return None
    return cast(pd.DataFrame, frame)


def _parquet(data: bytes, found: Findings) -> pd.DataFrame | None:
    try:
        return pd.read_parquet(io.BytesIO(data))
    except Exception as error:  # pyarrow raises several kinds
        found.add(None, None, str(error).splitlines()[0][:120], "a parquet file")
        return None
