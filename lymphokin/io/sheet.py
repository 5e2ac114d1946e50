"""Columns of a text table as numbers, choices and times; whatever is neither is noted."""

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from lymphokin.io.censoring import BETWEEN, read_word
from lymphokin.io.problems import LISTED, Findings
from lymphokin.io.text_table import TextColumn, TextTable
from lymphokin.plausible import CHECKS

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:$|[T ])")
_DAY = 86_400_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1)

type Hint = str | Callable[[str], str]


def is_blank(word: str) -> bool:
    """Whether a cell says nothing: empty, or the `.` of NONMEM tables."""
    return word in ("", ".")


class Sheet:
    """A text table read column by column; problems go to `found` with their line.

    A column that is not there reads as blank, and nothing is noted about its cells.
    """

    def __init__(self, table: TextTable, found: Findings) -> None:
        self.lines: NDArray[np.int64] = table.lines
        self.found = found
        self.troubled: NDArray[np.bool_] = np.zeros(len(table), bool)
        """Rows in which something is refused."""
        self._columns = table.columns

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> TextColumn:
        blank = TextColumn(name, np.zeros(len(self), np.int32), [""])
        return self._columns.get(name, blank)

    def has(self, name: str) -> bool:
        """Whether the table has a column."""
        return name in self._columns

    def flag(self, rows: NDArray[np.bool_], name: str, expected: str, hint: Hint = "") -> None:
        """Note the cells of column `name` in the marked rows."""
        index = np.flatnonzero(rows)
        if not index.size or name not in self._columns:
            return
        self.troubled[index] = True
        column = self.column(name)
        for row in index[:LISTED]:
            word = column.word(row)
            text = hint(word) if callable(hint) else hint
            self.found.add(int(self.lines[row]), column.name, word, expected, text)
        if index.size > LISTED:
            line, word = int(self.lines[index[LISTED]]), column.word(index[LISTED])
            self.found.add(line, column.name, word, expected, more=index.size - LISTED - 1)

    def judge(self, check: str, numbers: NDArray[np.float64], name: str, hint: Hint = "") -> None:
        """Compare a number per row (NaN: none) with a check of plausibility.

        The rows are shown by their cell of column `name`, and the number beside it where the cell
        is another one.
        """
        limits = CHECKS[check].usual
        column = self.column(name)
        for row in np.flatnonzero((numbers < limits[0]) | (numbers > limits[1])).tolist():
            word, number = column.word(row), float(numbers[row])
            text = hint(word) if callable(hint) else hint
            shown = f"{number:.4g}"
            same = (
                CHECKS[check].is_flag
                or word == shown
                or (_NUMBER.fullmatch(word) and float(word) == number)
            )
            word = word if same else f"{shown}, of {word}" if word else shown
            line = int(self.lines[row])
            self.troubled[row] |= self.found.judge(check, number, line, column.name, word, text)

    def stated(self, name: str) -> NDArray[np.bool_]:
        """Rows in which the column says something."""
        column = self.column(name)
        return ~column.rows(np.array([is_blank(w) for w in column.words], bool))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """The column as numbers, NaN where blank or no finite number."""
        column = self.column(name)
        words = ["" if is_blank(word) else word for word in column.words]
        return column.rows(self._numbers(column, words))

    def results(
        self, name: str
    ) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]]:
        """The column as results: numbers, and -1 or 1 where written as below or above a limit.

        NaN where missing, or where the limit stands elsewhere (`BLQ`). Third: the number that a
        result between two numbers lies above, NaN elsewhere.
        """
        column = self.column(name)
        words = [read_word(word) for word in column.words]
        values = self._numbers(column, [word.number for word in words])
        other = np.array([float(word.other or "nan") for word in words])
        side = np.array([word.side for word in words], np.int8)
        return column.rows(values), column.rows(side), column.rows(other)

    def _numbers(self, column: TextColumn, words: Sequence[str]) -> NDArray[np.float64]:
        """`words` of the column as numbers, NaN where empty; those that are none are noted."""
        values = np.full(len(words), np.nan)
        bad = np.zeros(len(words), bool)
        for i, word in enumerate(words):
            if word:
                number = float(word) if _NUMBER.fullmatch(word) else math.nan
                bad[i] = not math.isfinite(number)
                values[i] = math.nan if bad[i] else number
        expected = "a finite number, or a blank if missing"
        name = next((n for n, c in self._columns.items() if c is column), column.name)
        self.flag(column.rows(bad), name, expected, _number_hint)
        return values

    def choices(
        self,
        name: str,
        allowed: Sequence[str],
        codes: Mapping[str, str] | None = None,
        where: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int8]:
        """The column as positions in `allowed` (any case), -1 where blank or unknown.

        `codes` translates words, e.g. numeric codes, before they are looked up. Unknown words
        are noted in the rows `where` the column matters (None: all).
        """
        column = self.column(name)
        codes = codes or {}
        read = np.full(len(column.words), -1, np.int8)
        unknown = np.zeros(len(column.words), bool)
        lower = [a.lower() for a in allowed]
        for i, word in enumerate(column.words):
            if is_blank(word):
                continue
            name_of = codes.get(plain_number(word), plain_number(word)).lower()
            unknown[i] = name_of not in lower
            read[i] = -1 if unknown[i] else lower.index(name_of)
        self.flag(
            column.rows(unknown) & (True if where is None else where),
            name,
            _one_of([*allowed, *codes]),
            lambda word: _choice_hint(word, lower),
        )
        return column.rows(read)

    def times(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The column as days (NaN if not) and as moments in microseconds (`NO_MOMENT` if not).

        A moment is an ISO date or date and time; a date alone is its midnight, an offset from
        UTC is dropped (clock time as written).
        """
        column = self.column(name)
        days = np.full(len(column.words), np.nan)
        moments = np.full(len(column.words), NO_MOMENT, np.int64)
        bad = np.zeros(len(column.words), bool)
        for i, word in enumerate(column.words):
            if is_blank(word):
                continue
            if _NUMBER.fullmatch(word):
                days[i] = float(word)
                bad[i] = not abs(days[i]) <= LONGEST_DAYS
            else:
                moment = _moment(word)
                bad[i] = moment is None
                moments[i] = NO_MOMENT if moment is None else moment
        days[bad] = np.nan
        self.flag(
            column.rows(bad),
            name,
            "days from the first fraction, or an ISO date such as 2026-03-09 or 2026-03-09T14:30",
            _time_hint,
        )
        return column.rows(days), column.rows(moments)


NO_MOMENT = np.iinfo(np.int64).min
LONGEST_DAYS = 3_653.0
"""Times lie within ten years of day 0; further off, a year or a unit is wrong."""


def _moment(word: str) -> int | None:
    if not _ISO_DATE.match(word):
        return None
    try:
        moment = datetime.fromisoformat(word).replace(tzinfo=None)
    except ValueError:
        return None
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def days_between(moment: NDArray[np.int64], origin: NDArray[np.int64]) -> NDArray[np.float64]:
    """Days from `origin` to `moment`, both in microseconds."""
    return (moment - origin) / _DAY


def iso_date(moment: int) -> str:
    """The calendar date of a moment in microseconds."""
    return str(np.datetime64(int(moment), "us").astype("datetime64[D]"))


def plain_number(word: str) -> str:
    """`1`, `1.0` and `01` as `1`; any other word as it is."""
    if not _NUMBER.fullmatch(word):
        return word
    number = float(word)
    return str(int(number)) if number.is_integer() else word


def _one_of(words: Sequence[str]) -> str:
    return "one of " + ", ".join(words) if len(words) > 1 else words[0]


def _choice_hint(word: str, allowed: Sequence[str]) -> str:
    if _NUMBER.fullmatch(word):
        return "" if "1" in allowed else "numeric codes need a mapping"
    close = difflib.get_close_matches(word.lower(), allowed, n=1)
    return f"{close[0]}?" if close else ""


def _number_hint(word: str) -> str:
    between = BETWEEN.fullmatch(word)
    if between and "," not in word:
        low, high = sorted(between.groups(), key=float)
        return f"a range, which DV may be, is written low-high: {low}-{high}"
    if re.fullmatch(r"[+-]?[0-9]{1,3},[0-9]{3}", word):
        return f"{word.replace(',', '.')} or {word.replace(',', '')}? write the one that it is"
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", word):
        return f"decimal comma? write {word.replace(',', '.')}"
    if word.lower() in ("na", "nan", "n/a", "nd", "null", "none", "-", "#n/a"):
        return "leave the cell blank for a missing value"
    if "%" in word:
        return "a share is no count"
    number = re.fullmatch(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*[^0-9.,\s+±~-][^0-9]*", word)
    return f"write the number alone: {number[1]}" if number else ""


def _time_hint(word: str) -> str:
    if re.fullmatch(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}", word):
        return "write dates as YYYY-MM-DD"
    if re.fullmatch(r"(19|20)[0-9]{6}", word):
        return f"a date? write {word[:4]}-{word[4:6]}-{word[6:]}"
    return _number_hint(word)
