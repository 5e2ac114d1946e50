"""How the numbers of one column of text are written: which mark is decimal, which parts thousands.

`1.450` is one and a half in English and fourteen hundred and fifty in German. A whole column tells
more than a cell: one cell such as `0.62` shows what the point means in all others. What a column
does not tell is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from lymphokin.io.censoring import BETWEEN

_SIGN = re.compile(r"(?:[<>]=?|≤|≥)\s*")
_LIKE_A_NUMBER = re.compile(r"[+-]?(?=[\d.,]*\d)[\d.,' ]+(?:[eE][+-]?\d+)?")
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2019": "'"})


@dataclass(frozen=True)
class NumberFormat:
    """A decimal mark, and a mark between groups of three digits (empty: none)."""

    decimal: str = "."
    thousands: str = ""

    def plain(self, word: str) -> str | None:
        """A number as Python writes it, None where the word is no number in this format.

        A sign such as `<` before it is kept.
        """
        sign = _SIGN.match(word)
        start = sign.end() if sign else 0
        number = word[start:].translate(_BLANKS)
        whole = r"\d+"
        if self.thousands:
            whole = rf"(?:[1-9]\d{{0,2}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+)"
        point = re.escape(self.decimal)
        if not re.fullmatch(
            rf"[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", number
        ):
            return None
        if self.thousands:
            number = number.replace(self.thousands, "")
        return word[:start] + number.replace(self.decimal, ".")


POINT = NumberFormat()
_GERMAN = NumberFormat(",", ".")
_FORMATS = (
    POINT,
    NumberFormat(",", ""),
    NumberFormat(".", ","),
    _GERMAN,
    NumberFormat(".", " "),
    NumberFormat(",", " "),
    NumberFormat(".", "'"),
    NumberFormat(",", "'"),
)


@dataclass(frozen=True)
class Written:
    """What a column tells of its numbers.

    Attributes:
        formats: Formats to read a cell with, the first that fits counts; empty where the column
            can be read in two ways.
        readings: An ambiguous cell and its two readings, for the message.
        mixed: Whether cells are written in two ways, each clear by itself.
        flags: Marks beside a number that say nothing of its size, such as `*` or `L`.
    """

    formats: tuple[NumberFormat, ...] = (POINT,)
    readings: tuple[str, str, str] | None = None
    mixed: bool = False
    flags: tuple[str, ...] = ()

    def plain(self, word: str) -> str | None:
        """A number of the column as Python writes it, None where it is none or not clear.

        Of a result between two numbers both are so written.
        """
        bare = without_flag(word, self.flags)
        between = BETWEEN.fullmatch(bare)
        if between:
            low, high = self.plain(between[1]), self.plain(between[2])
            return f"{low}-{high}" if low and high else None
        for form in self.formats:
            plain = form.plain(bare)
            if plain is not None:
                return plain
        return None

    @property
    def question(self) -> str:
        """What is asked of the user where a column can be read in two ways."""
        if self.readings is None:
            return ""
        word, one, other = self.readings
        return f"{word} can be read as {one} or as {other}"


def without_flag(word: str, flags: Iterable[str]) -> str:
    """A number without a flag before or behind it, in brackets or not; other words as they are."""
    for flag in flags:
        mark = rf"[(\[]?{re.escape(flag)}[)\]]?"
        match = re.fullmatch(
            rf"(?:{mark}\s*)?([^\w(\[]*\d[\d.,' ]*?)(?:\s*{mark})?", word, re.IGNORECASE
        )
        if match:
            return match[1]
    return word


@dataclass(frozen=True)
class StatedFormat:
    """How a user says that the numbers of all files are written.

    Attributes:
        numbers: Their format, also of columns that can be read in two ways; None: not stated.
        flags: Marks beside a number that say nothing of its size.
    """

    numbers: NumberFormat | None = None
    flags: tuple[str, ...] = ()

    def of(self, words: Iterable[str], comma_separated: bool) -> Written:
        """How the numbers of a column are written, as its words and what is stated tell.

        A column that can only be written otherwise than stated is so written; see `written`.
        """
        words = [without_flag(word, self.flags) for word in dict.fromkeys(words)]
        found = written(words, comma_separated)
        if self.numbers is not None:
            numbers = [word for word in words if any(f.plain(word) is not None for f in _FORMATS)]
            fits = all(self.numbers.plain(word) is not None for word in numbers)
            found = Written((self.numbers,)) if fits or found.readings else found
        return replace(found, flags=self.flags)

    def with_points(self) -> Written:
        """How numbers are written where nothing but points is expected, flags left out."""
        return Written(flags=self.flags)


EACH_COLUMN = StatedFormat()
"""Nothing is stated: each column of a text file tells."""


def written(words: Iterable[str], comma_separated: bool) -> Written:
    """How the numbers among the words of a column are written.

    Args:
        words: The column's words; those that do not look like numbers are passed over.
        comma_separated: Whether commas part the cells of the file, so that points are decimal.
    """
    formats = tuple(f for f in _FORMATS if not (comma_separated and f == _GERMAN))
    readings = {}
    for word in dict.fromkeys(words):
        bare = _SIGN.sub("", word, count=1).translate(_BLANKS)
        if _LIKE_A_NUMBER.fullmatch(bare):
            found = {f: plain for f in formats if (plain := f.plain(word)) is not None}
            if found:
                readings[word] = found
    fitting = [f for f in formats if all(f in found for found in readings.values())]
    for one, other in combinations(fitting, 2):
        for word, found in readings.items():
            if _differ(found[one], found[other]):
                return Written((), (word, found[one], found[other]))
    if fitting:
        return Written((fitting[0],))
    for word, found in readings.items():
        for one, other in combinations(found.values(), 2):
            if _differ(one, other):
                return Written((), (word, one, other))
    return Written(formats, mixed=True)


def _differ(one: str, other: str) -> bool:
    return float(_SIGN.sub("", one, count=1)) != float(_SIGN.sub("", other, count=1))
