"""What a row of radiotherapy is: one fraction, or a course that is laid out over its days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import Moments, read_dates
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.schedule import SATURDAY

LARGEST_UNASKED_GY = 8.0
"""The usual single fraction (of bone metastases: Chow et al. 2007, doi:10.1200/JCO.2006.09.5281).
A larger dose that stands alone, and is larger than the fractions of the others, may be a total."""

_LARGER = 1.5
"""A dose that stands alone is like a fraction of the others up to this ratio (judgement)."""

MOST_FRACTIONS = 80


@dataclass(frozen=True)
class Course:
    """Fractions of each row.

    Attributes:
        gray: Dose of one fraction per row, Gy; shape `[row]`.
        row: Number of the row of each fraction; shape `[fraction]`.
        day: Days from the date of the row; shape `[fraction]`.
    """

    gray: np.ndarray
    row: np.ndarray
    day: np.ndarray


def read_courses(
    bench: Bench, data: Dataset, prefix: str, first: Moments, factor: np.ndarray, lesion: np.ndarray
) -> Course:
    """The fractions of each row, as the mapping says what a row is.

    Rows that may be courses although nothing says so are problems, with the way to say it.
    """
    dose = bench.numbers(data, f"{prefix}DOSE").to_numpy() * factor
    total = bench.numbers(data, f"{prefix}DOSTOT").to_numpy() * factor
    end = read_dates(data.column(f"{prefix}ENDTC"))
    bench.flag(data, end.bad | end.partial, f"{prefix}ENDTC", "a complete date, or a blank")
    days = (end.when.astype("datetime64[D]") - first.when.astype("datetime64[D]")).astype(float)
    days = np.where(np.isnat(end.when) | np.isnat(first.when), np.nan, days)
    bench.flag(data, days < 0, f"{prefix}ENDTC", "an end that is not before the start")
    if bench.mapping["radiotherapy"]["row"] == "course":
        return _laid_out(bench, data, prefix, first, dose, total, days)
    known = ~np.isnan(factor)
    bench.flag(data, ~(dose > 0) & known, f"{prefix}DOSE", "the dose of one fraction above 0")
    hint = 'a whole course? [radiotherapy] row = "course" in the mapping'
    bench.flag(data, days > 0, f"{prefix}ENDTC", "one row per fraction", hint)
    often = data.text(f"{prefix}DOSFRQ").str.upper()
    bench.flag(data, ~often.isin(["", "ONCE", "QD"]), f"{prefix}DOSFRQ", "one row per fraction",
               hint)  # fmt: skip
    if bench.mapping["radiotherapy"]["row"] != "fraction":
        _ask_of_totals(bench, data, prefix, first, dose, total, lesion)
    return Course(dose, np.arange(len(data)), np.zeros(len(data), int))


def _ask_of_totals(
    bench: Bench,
    data: Dataset,
    prefix: str,
    first: Moments,
    dose: np.ndarray,
    total: np.ndarray,
    lesion: np.ndarray,
) -> None:
    """Problems of rows whose dose may be the total of a course."""
    table = pd.DataFrame({"id": subjects_of(bench, data).to_numpy(), "lesion": lesion,
                          "day": first.when.astype("datetime64[D]"), "gray": dose})  # fmt: skip
    of_lesion = table.groupby(["id", "lesion"])
    alone = (of_lesion["day"].transform("nunique") == 1).to_numpy()
    usual = np.max(dose[~alone & np.isfinite(dose)], initial=LARGEST_UNASKED_GY / _LARGER)
    large = alone & (dose > _LARGER * usual + 1e-9) & (dose > LARGEST_UNASKED_GY)
    hint = ('[radiotherapy] row = "fraction" in the mapping; or row = "course" with fractions = 5, '
            'or fractions_column = "the column with their number"')  # fmt: skip
    bench.flag(data, large, f"{prefix}DOSE",
               "the dose of one fraction: is it one, or the total of a course?", hint)  # fmt: skip
    sums = [dose, of_lesion["gray"].transform("sum").to_numpy(),
            table.groupby(["id", "lesion", "day"])["gray"].transform("sum").to_numpy(),
            table.groupby("id")["gray"].transform("sum").to_numpy()]  # fmt: skip
    agrees = np.isclose(np.stack(sums), total, rtol=0.01).any(axis=0)
    bench.flag(data, (total > 0) & ~agrees & ~large, f"{prefix}DOSTOT",
               "a total that is the sum of the subject's fractions, or the dose of the day",
               hint)  # fmt: skip


def _laid_out(
    bench: Bench,
    data: Dataset,
    prefix: str,
    first: Moments,
    dose: np.ndarray,
    total: np.ndarray,
    days: np.ndarray,
) -> Course:
    """Courses on weekdays: spread evenly up to their end, daily where no end is stated."""
    chosen = bench.mapping["radiotherapy"]
    name = str(chosen["fractions_column"]).upper()
    if name and name not in data:
        bench.found(data.file).add(None, name, None, f"the column {name} of the mapping")
    stated = bench.numbers(data, name).to_numpy() if name else np.full(len(data), np.nan)
    stated = np.where(np.isnan(stated) & (chosen["fractions"] > 0), chosen["fractions"], stated)
    whole = np.where(total > 0, total, dose)
    ratio = np.where((total > 0) & (dose > 0), total / dose, np.nan)
    number = np.where(np.isnan(stated) & (ratio > 1.01), np.rint(ratio), stated)
    fits = (number >= 1) & (number <= MOST_FRACTIONS) & (number % 1 == 0)
    column = name or f"{prefix}DOSE"
    hint = 'in the mapping: [radiotherapy] fractions = 5, or fractions_column = "a column"'
    bench.flag(data, ~fits, column, "the number of fractions of the course", hint)
    bench.flag(data, ~(whole > 0), f"{prefix}DOSE", "the total dose of the course above 0")
    single = (ratio > 1.01) & fits
    differs = single & ~np.isclose(dose * number, total, rtol=0.01)
    bench.flag(data, differs, f"{prefix}DOSTOT", "the number of fractions times their dose")
    number = np.where(fits, number, 1).astype(int)
    gray = whole / number
    row, day = [], []
    for at in range(len(data)):
        laid = _weekdays(first.when[at], number[at], days[at])
        if laid is None:
            bench.flag(data, np.arange(len(data)) == at, f"{prefix}ENDTC",
                       f"an end with at least {number[at]} weekdays from the start",
                       "twice a day? give one row per fraction with clock times")  # fmt: skip
            continue
        row += [at] * len(laid)
        day += laid
    ended = np.isfinite(days)
    bench.account.assumed(data.file, "a course laid out evenly over the weekdays up to its end",
                          data.lines[ended])  # fmt: skip
    bench.account.assumed(data.file, "a course without an end: laid out daily on weekdays",
                          data.lines[~ended])  # fmt: skip
    return Course(gray, np.array(row, int), np.array(day, int))


def _weekdays(start: np.datetime64, number: int, length: float) -> list[int] | None:
    """Days of the fractions from the start, None where the course is too short for them."""
    if np.isnat(start):
        return [0]
    weekday = int((start.astype("datetime64[D]").astype(int) + 3) % 7)  # 1970-01-01: Thursday
    span = int(length) if np.isfinite(length) else 3 * number + 4
    open_days = [d for d in range(span + 1) if (weekday + d) % 7 < SATURDAY or d in (0, length)]
    if not np.isfinite(length):
        return open_days[:number]
    if number > len(open_days):
        return None
    even = np.rint(np.linspace(0, len(open_days) - 1, number)).astype(int)
    return [open_days[at] for at in even]
