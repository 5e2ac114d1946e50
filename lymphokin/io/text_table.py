"""A comma-separated file as text: decoded, cut into cells, each cell with its line in the file.

Cells are kept as codes into the distinct words of their column, so that a file of a million
records stays small and every later check of a word is made once.
"""

import csv
import io
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lymphokin.io.problems import Findings

ROWS_AT_ONCE = 20_000

_FORMATS = (
    (b"PK\x03\x04", "an Excel workbook or zip archive", "save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"\xff\xfe", "UTF-16 text", "save it as CSV UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as CSV UTF-8"),
)
SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
"""A first line which says to Excel what parts the cells; it is no record."""

_A_TABLE = "an event table as comma-separated UTF-8 text"


@dataclass(frozen=True)
class TextColumn:
    """One column: `codes[row]` is the index of the row's word in `words` (stripped).

    `name`: as in the file, in upper case.
    """

    name: str
    codes: NDArray[np.int32]
    words: list[str]

    def rows(self, per_word: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
        """Spread a value per word over the rows."""
        return np.asarray(per_word)[self.codes]

    def word(self, row: int) -> str:
        return self.words[self.codes[row]]


@dataclass(frozen=True)
class TextTable:
    """A file's header and records; `lines[row]` is the line in the file, from 1."""

    columns: dict[str, TextColumn]
    lines: NDArray[np.int64]
    comments: tuple[str, ...]
    header_line: int

    def __len__(self) -> int:
        return len(self.lines)


def read_text_table(data: bytes, found: Findings, mark: str = ",") -> TextTable | None:
    """Cut `data` into a table. None, with the reason in `found`, when it is no table at all.

    `mark`: what parts the cells.
    Lines before the header that start with `#` are comments; blank lines, a line `sep=;` and empty
    cells beyond the header are skipped. Column
    names are stripped and in upper case. Rows with another number of cells than the header are
    noted in `found` and left out.
    """
    encoding = _encoding(data, found)
    if encoding is None:
        return None
    stream = io.TextIOWrapper(io.BytesIO(data), encoding, errors="replace", newline="")
    comments: list[str] = []
    line = 0
    for line, content in enumerate(stream, start=1):
        bare = content.strip().strip('"').strip(",;\t ")
        if SEPARATOR_LINE.fullmatch(content.strip().strip('"')):
            continue
        if bare.startswith("#"):
            comments.append(bare.lstrip("#").strip())
        elif bare:
            return _cells(itertools.chain([content], stream), line, tuple(comments), found, mark)
    found.add(None, None, "only comments and blank lines", _A_TABLE)
    return None


def _encoding(data: bytes, found: Findings) -> str | None:
    """The encoding to read `data` with; None, with the reason in `found`, if it is not text."""
    if not data.strip():
        found.add(None, None, "an empty file", _A_TABLE)
        return None
    for magic, what, remedy in _FORMATS:
        if data.startswith(magic):
            found.add(None, None, what, _A_TABLE, remedy)
            return None
    if b"\0" in data:
        found.add(None, None, "binary data", _A_TABLE)
        return None
    try:
        data.decode("utf-8")
        return "utf-8-sig"
    except UnicodeDecodeError:
        for number, line in enumerate(data.split(b"\n"), start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = line[error.start : error.start + 1]
                letter = byte.decode("cp1252", errors="replace")
                hint = f"'{letter}' in Windows or Latin-1 text? save the file as CSV UTF-8"
                found.add(number, None, f"byte 0x{byte.hex().upper()}", "UTF-8 text", hint)
        return "cp1252"


def _cells(
    content: Iterator[str],
    header_line: int,
    comments: tuple[str, ...],
    found: Findings,
    mark: str,
) -> TextTable | None:
    reader = csv.reader(content, strict=True, delimiter=mark)
    end = header_line  # line after the last one read
    try:
        header = next(reader)
        end = header_line + reader.line_num
        if len(header) == 1:
            _not_comma_separated(header[0], header_line, found)
            return None
        names = [name.strip().upper() for name in header]
        collector = _Collector(len(names))
        for row in reader:
            line, end = end, header_line + reader.line_num
            if len(row) > len(names) and not any(cell.strip() for cell in row[len(names) :]):
                row = row[: len(names)]  # Excel writes the marks of empty columns
            if len(row) == len(names):
                if any(row):
                    collector.append(row, line)
            elif row:
                found.add(
                    line, None, f"{len(row)} cells", f"{len(names)} cells in a row, as the header"
                )
    except csv.Error as error:
        found.add(end, None, str(error), "cells with closed quotes, at most 131,072 characters")
        return None
    columns, lines = collector.finish()
    by_name: dict[str, TextColumn] = {}
    for name, codes, words in zip(names, *columns, strict=True):
        if name in by_name:
            found.add(header_line, name, "the column twice", "each column once")
        elif name:
            by_name[name] = TextColumn(name, codes, [word.strip() for word in words])
    return TextTable(by_name, lines, comments, header_line)


def _not_comma_separated(header: str, line: int, found: Findings) -> None:
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in header:
            hint = f"cells parted by {name}? save it with commas, and points as decimal marks"
            found.add(line, None, header, _A_TABLE, hint)
            return
    found.add(line, None, header, _A_TABLE)


class _Collector:
    """Turns rows of text into codes and distinct words, a batch of rows at a time."""

    def __init__(self, width: int) -> None:
        self._words: list[defaultdict[str, int]] = [defaultdict() for _ in range(width)]
        for words in self._words:
            words.default_factory = words.__len__
        self._codes: list[list[NDArray[np.int32]]] = [[] for _ in range(width)]
        self._lines: list[NDArray[np.int64]] = []
        self._rows: list[list[str]] = []
        self._row_lines: list[int] = []

    def append(self, row: list[str], line: int) -> None:
        self._rows.append(row)
        self._row_lines.append(line)
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        n = len(self._rows)
        columns = zip(self._words, self._codes, zip(*self._rows, strict=True), strict=n > 0)
        for words, codes, column in columns:
            codes.append(np.fromiter(map(words.__getitem__, column), np.int32, n))
        self._lines.append(np.array(self._row_lines, np.int64))
        self._rows, self._row_lines = [], []

    def finish(
        self,
    ) -> tuple[tuple[list[NDArray[np.int32]], list[list[str]]], NDArray[np.int64]]:
        self._flush()
        empty = np.empty(0, np.int32)
        codes = [np.concatenate(parts) if parts else empty for parts in self._codes]
        return (codes, [list(words) for words in self._words]), np.concatenate(self._lines)
