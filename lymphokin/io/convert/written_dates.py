"""Dates as files write them, turned into ISO 8601 before anything is read: one way per column.

Understood are ISO 8601, also without marks (`20260302`), dates with the name of their month
(`02MAR2026:14:30`), and dates of numbers with one order of day and month in the whole column. What
can be read in two ways is asked for: an order that no cell tells, and numbers that count days.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.clock import seconds_of
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.date_order import order_of, read_date
from lymphokin.io.convert.dates import EXCEL_EPOCH, sas_moment

COUNTED = ("SAS", "Excel")
"""What a mapping calls dates that are numbers: days or seconds from 1960, or days from 1900."""

_PARTS = re.compile(
    r"(?P<date>\d{1,2}[-/. ]*[A-Za-z]{3,9}[-/. ]*\d{2,4}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8})"
    r"(?:[T: ]+(?P<clock>\d.*))?"
)
_BASIC = re.compile(r"(19|20)\d{6}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_OWN_CLOCK = re.compile(r"\d:\d{2}.*|\d{1,2}:\d{2}.*[APap]\.?[Mm]\.?")
"""A clock beside an ISO date that is not one of ISO 8601."""
_NUMBER = re.compile(r"\d+(?:\.\d*)?")


def with_iso_dates(
    bench: Bench, sets: dict[str, list[Dataset]], names: tuple[str, ...]
) -> dict[str, list[Dataset]]:
    """`sets` with the dates of the columns `names` in ISO 8601; what is none stays as it is."""
    return {
        domain: [_iso(bench, data, [n for n in names if n in data]) for data in files]
        for domain, files in sets.items()
    }


def _iso(bench: Bench, data: Dataset, names: list[str]) -> Dataset:
    changed = {name: in_iso(bench, data, name) for name in names}
    return replace(data, frame=data.frame.assign(**changed)) if changed else data


def in_iso(bench: Bench, data: Dataset, column: str) -> pd.Series:
    """A column with its dates as ISO 8601 text; cells that are no text, or no date, stay."""
    cells = data.frame[column]
    if cells.dtype.kind in "fiubM":
        return cells
    words = cells.map(lambda cell: cell if isinstance(cell, str) else "")
    distinct = [word for word in words.unique() if word]
    digits = [word for word in distinct if _NUMBER.fullmatch(word) and not _is_year(word)]
    parts = {word: match for word in distinct
             if word not in digits and (match := _PARTS.fullmatch(word))}  # fmt: skip
    pattern = str(bench.mapping["format"]["dates"])
    if digits and not pattern:
        bench.ask(data, column, "dates", digits[0], _counted_question(digits[0]))
    read = {word: iso for word in digits if (iso := _of_digits(word, pattern))}
    reported = [(pattern if pattern in COUNTED else f"in the form {pattern}", list(read))]
    stated = "" if pattern in COUNTED else pattern
    if not pattern and any(_ISO.match(word) for word in parts):  # one way per column
        parts = {word: match for word, match in parts.items() if not _is_ordered(match["date"])}
    order = order_of(match["date"] for match in parts.values())
    if not stated and order.readings is not None:
        word = next(w for w, match in parts.items() if match["date"] == order.readings[0])
        bench.ask(data, column, "dates", word, order.question("[format] dates"))
        parts = {}
    for word, match in parts.items():
        if iso := _of_parts(match["date"], match["clock"] or "", stated or order.pattern):
            read[word] = iso
    ordered = [word for word, match in parts.items() if _is_ordered(match["date"])]
    reported += [(f"in the order {stated or order.pattern}", [w for w in ordered if w in read])]
    if reported[-1][1] and not stated:
        order_read = reported[-1][0]
        bench.account.warn(f"{data.file}: dates of {column} are read {order_read}, as they tell")
    reported += [
        ("with months by name, or without marks", [*(parts.keys() & read.keys() - {*ordered})])
    ]
    for how, of_kind in reported:
        rows = words.isin(of_kind).to_numpy()
        bench.account.changed(data.file, f"dates of {column} read {how}", data.lines[rows])
    return cells.map(lambda cell: read.get(cell, cell) if isinstance(cell, str) else cell)


def _is_year(word: str) -> bool:
    """Whether a number is a partial date in ISO 8601, or a whole one without marks."""
    return bool(re.fullmatch(r"(19|20)\d{2}", word) or _BASIC.fullmatch(word))


def _is_ordered(date: str) -> bool:
    """Whether a date is of numbers in an order of day and month."""
    return bool(re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", date))


def _of_parts(date: str, clock: str, pattern: str) -> str:
    """A date and clock as ISO 8601, empty where it is none or is so already."""
    if _ISO.fullmatch(date) and not _OWN_CLOCK.fullmatch(clock):
        return ""
    day = read_date(date, "%Y%m%d" if _BASIC.fullmatch(date) else pattern or "%Y-%m-%d")
    seconds = seconds_of(clock)
    if day is None or np.isnan(seconds):
        return ""
    if not clock:
        return f"{day:%Y-%m-%d}"
    return f"{day + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"


def _of_digits(word: str, kind: str) -> str:
    """A date of digits alone as ISO 8601, empty where it lies beyond all years or is none."""
    if kind not in COUNTED:
        day = read_date(word, kind)
        return f"{day:%Y-%m-%d}" if day else ""
    try:
        if kind == "SAS":
            moment, clocked = sas_moment(float(word))
        else:
            moment, clocked = EXCEL_EPOCH + timedelta(days=float(word)), "." in word
    except (OverflowError, ValueError):
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}" if clocked else f"{moment:%Y-%m-%d}"


def _counted_question(word: str) -> str:
    """What is asked of a number among dates, with its readings."""
    readings = [f"{iso} ({kind})" for kind in COUNTED if (iso := _of_digits(word, kind))]
    return (f"{word} can be read as {' or as '.join(readings)}: say which, "
            '[format] dates = "SAS" or "Excel"')  # fmt: skip
