"""Times of NONMEM tables: numbers of days or hours, or dates with clock times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.clock import clock_question, seconds_of
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.date_order import order_of, read_date, span_over_other_order
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.written_dates import in_iso
from lymphokin.quantities import HOURS_PER_DAY

DATE_FORMATS = {"DATE": "%m-%d-%Y", "DAT1": "%d-%m-%Y", "DAT2": "%Y-%m-%d", "DAT3": "%Y-%d-%m"}
"""What NONMEM takes the parts of its date items for."""

DAY_NUMBER = "day number"
"""What a mapping calls dates that are numbers of days from any day."""

PER_DAY = {"days": 1.0, "day": 1.0, "d": 1.0, "hours": HOURS_PER_DAY, "h": HOURS_PER_DAY}
"""Units of time that a mapping may name, as their number in a day."""

_DAY_NUMBERS = re.compile(r"-?(?:0|[1-9]\d{0,2})")
_ANY_DAY = datetime(2000, 1, 1)
"""Origin of day numbers; only differences count."""


def read_times(bench: Bench, data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moment, whether its clock is known, and day of every row: a date or a number of days."""
    mapping = bench.mapping["nonmem"]
    when = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    clock, day = np.zeros(len(data), bool), np.full(len(data), np.nan)
    dated = date_item(data)
    if dated == "TIME":
        read = read_dates(in_iso(bench, data, "TIME"))
        bench.flag(data, np.isnat(read.when), "TIME", "a date with its clock time on every record")
        return read.when, read.clock, day
    if not dated:
        per_day = PER_DAY.get(mapping["time_unit"].lower())
        if per_day is None:
            expected = 'the unit of TIME in the mapping: [nonmem] time_unit = "hours" or "days"'
            bench.found(data.file).add(None, "TIME", mapping["time_unit"] or None, expected)
            return when, clock, day
        number = bench.numbers(data, "TIME")
        bench.flag(data, number.isna(), "TIME", f"a number of {mapping['time_unit']}")
        return when, ~clock, number.to_numpy() / per_day
    dates = _dates(bench, data, dated)
    seconds = _clocks(bench, data)
    clock = (data.text("TIME") != "").to_numpy()
    if _is_day_number(bench, data, dated):
        days = np.array([np.nan if d is None else (d - _ANY_DAY).days for d in dates], float)
        return when, clock, days + np.nan_to_num(seconds) / 86_400
    moments = [d or datetime(1970, 1, 1) for d in dates]
    when = np.array(moments, "datetime64[s]") + np.nan_to_num(seconds).astype("timedelta64[s]")
    return when, clock, day


def date_item(data: Dataset) -> str:
    """The column with the dates: a date item, or TIME where it holds dates; empty: numbers."""
    dated = next((name for name in DATE_FORMATS if name in data), "")
    if dated or not any(data.text("TIME").str.contains(r"\d[-/]|[A-Za-z]{3}", regex=True)):
        return dated
    return "TIME"


def interval_per_day(bench: Bench, data: Dataset, stating: np.ndarray, column: str = "II") -> float:
    """How many units of II, or of the time of RATE or DUR, are a day.

    A problem where rows state one and nothing says in which unit.
    """
    mapping = bench.mapping["nonmem"]
    stated = mapping["interval_unit"].lower()
    per_day = PER_DAY.get(stated or ("" if date_item(data) else mapping["time_unit"].lower()))
    if per_day is None and (stating.any() or stated):
        what = "time in RATE" if column == "RATE" else column
        expected = f'the unit of {what} in the mapping: [nonmem] interval_unit = "hours" or "days"'
        row = int(data.lines[np.argmax(stating)]) if stating.any() else None
        found = mapping["interval_unit"] or (data.text(column)[stating].iloc[0] if row else None)
        bench.found(data.file).add(row, column, found, expected)
    return per_day or 1.0


def _clocks(bench: Bench, data: Dataset) -> np.ndarray:
    """Seconds after midnight of TIME beside a date, NaN (and a problem) where it is no clock."""
    text = data.text("TIME")
    form = str(bench.mapping["format"]["times"])
    question = "" if form else clock_question(text.unique())
    if question:
        bench.ask(data, "TIME", "clock times", question.split(" ", 1)[0],
                  f'{question}: say which, [format] times = "%H.%M" or "hours"')  # fmt: skip
    seconds = np.array([seconds_of(str(word), form) for word in text], float)
    hint = 'written otherwise? [format] times = "%H%M" in the mapping'
    expected = "a clock time such as 14:30 beside the date"
    bench.flag(data, np.isnan(seconds), "TIME", expected, hint)
    return seconds


def _stated_pattern(bench: Bench) -> str:
    return bench.mapping["nonmem"]["date_format"] or bench.mapping["format"]["dates"]


def _is_day_number(bench: Bench, data: Dataset, column: str) -> bool:
    """Whether dates are numbers of days: stated so, or all of at most three digits."""
    stated = _stated_pattern(bench)
    return stated == DAY_NUMBER or (
        not stated and all(_DAY_NUMBERS.fullmatch(word) for word in data.text(column).unique())
    )


def _dates(bench: Bench, data: Dataset, column: str) -> list[datetime | None]:
    words = data.text(column)
    if _is_day_number(bench, data, column):
        numbers = bench.numbers(data, column)
        bench.flag(data, numbers.isna() | (numbers % 1 != 0), column, "a number of whole days")
        why = f"{column} counts days: only differences are read, no date of the calendar"
        bench.account.assumed(data.file, why, data.lines)
        return [None if n != n else _ANY_DAY + timedelta(days=int(n)) for n in numbers]
    stated = _stated_pattern(bench)
    pattern = stated or DATE_FORMATS[column]
    order = order_of(words)
    if not stated and order.readings is not None and column in ("DATE", "DAT1"):
        bench.ask(data, column, "dates", order.readings[0], order.question("[nonmem] date_format"))
        return [None] * len(data)
    dates = [read_date(word, pattern) for word in words]
    expected = f"a date like {datetime(2026, 3, 9).strftime(pattern)} ({column} of NONMEM)"
    hint = (f'another order, or "{DAY_NUMBER}"? [nonmem] date_format in the mapping, such as '
            '"%d/%m/%Y" or "%Y%m%d"')  # fmt: skip
    bench.flag(data, np.array([d is None for d in dates], bool), column, expected, hint)
    _judge_order(bench, data, column, pattern)
    return dates


def _judge_order(bench: Bench, data: Dataset, column: str, pattern: str) -> None:
    """Compare each subject's dates with the other order of day and month."""
    ratio = np.full(len(data), np.nan)
    rows = pd.Series(np.arange(len(data))).groupby(data.text("ID").to_numpy(), sort=False)
    words = data.text(column).to_numpy()
    for _, at in rows:
        ratio[int(at.iloc[0])] = span_over_other_order(words[at], pattern)
    bench.judge(data, "date_order", ratio, column, "the day where the month should stand?",
                shown="{:.1f} times as long")  # fmt: skip
