"""Dates written as day, month and year in some order: the order is that of the whole column."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "%d-%m-%Y", "%m-%d-%Y", "%y-%m-%d"
_OTHER = {DAY_FIRST: MONTH_FIRST, MONTH_FIRST: DAY_FIRST}
_MARKS = re.compile(r"[/. ]+")
_NUMBERS = re.compile(r"\d{1,2}[-/. ]+\d{1,2}[-/. ]+\d{2}(?:\d{2})?")


def with_dashes(text: str) -> str:
    """A date or a pattern of dates with `-` between its parts."""
    return _MARKS.sub("-", text.strip().strip("."))


def read_date(word: str, pattern: str) -> datetime | None:
    """A date in the order of `pattern`, in ISO 8601, or with the name of its month."""
    word, pattern = with_dashes(word), with_dashes(pattern)
    short = pattern.replace("%Y", "%y")
    for form in (pattern, short, "%Y-%m-%d", "%d-%b-%Y", "%d%b%Y", "%d-%B-%Y"):
        try:
            return datetime.strptime(word, form)
        except ValueError:
            continue
    return None


@dataclass(frozen=True)
class Order:
    """The order in which a column of dates is written.

    Attributes:
        pattern: Pattern of dates (`strptime`); empty where the column has two readings or none.
        readings: A date with its two readings, where the column has two.
    """

    pattern: str = ""
    readings: tuple[str, str, str] | None = None

    def question(self, key: str) -> str:
        """What is asked of the user where a column has two readings, and the key that answers."""
        if self.readings is None:
            return ""
        word, one, other = self.readings
        forms = '"%d/%m/%Y" or "%m/%d/%Y"'
        if re.fullmatch(r"\d{2}-\d{1,2}-\d{2}", with_dashes(word)):
            forms = '"%d/%m/%y", "%m/%d/%y" or "%y-%m-%d"'
        return f"{word} can be read as {one} or as {other}: say which, {key} = {forms}"


def order_of(words: Iterable[str]) -> Order:
    """Whether the dates of a column have their day or their month first, as all of them say.

    A year of two digits may stand first, unless the dates would then lie in many years: in more
    than three, and more than there are days if it stands last.
    """
    dates = [word for word in dict.fromkeys(words) if _NUMBERS.fullmatch(word.strip())]
    parts = [with_dashes(word).split("-") for word in dates]
    years_first = len({p[0] for p in parts}) <= max(3, len({p[2] for p in parts}))
    patterns = [*_OTHER, *([YEAR_FIRST] if years_first else [])]
    fits = [p for p in patterns if all(_fits(word, p) for word in dates)]
    for one, other in itertools.combinations(fits, 2):
        for word in dates:
            first, second = read_date(word, one), read_date(word, other)
            if first is not None and second is not None and first != second:
                return Order("", (word, f"{first:%-d %B %Y}", f"{second:%-d %B %Y}"))
    return Order(fits[0] if fits else "")


def _fits(word: str, pattern: str) -> bool:
    """Whether a date can be read in the order of `pattern`."""
    if pattern == YEAR_FIRST and not re.fullmatch(r"\d{2}-\d{1,2}-\d{2}", with_dashes(word)):
        return False
    return read_date(word, pattern) is not None


def span_over_other_order(words: Iterable[str], pattern: str) -> float:
    """Days that dates span over the days that they span in the other order of day and month.

    NaN where they cannot be read in the other order, or are too few to tell.
    """
    pattern = with_dashes(pattern).replace("%y", "%Y")
    other = _OTHER.get(pattern)
    words = [word for word in dict.fromkeys(words) if _NUMBERS.fullmatch(word.strip())]
    if other is None or len(words) < 2:
        return np.nan
    spans = []
    for form in (pattern, other):
        dates = [d for word in words if (d := read_date(word, form)) is not None]
        if len(dates) < len(words):
            return np.nan
        spans.append((max(dates) - min(dates)).days)
    return spans[0] / max(spans[1], 1)
