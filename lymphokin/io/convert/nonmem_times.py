"""Times of NONMEM tables: numbers of days or hours, or dates with clock times."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.date_order import order_of, read_date, span_over_other_order
from lymphokin.quantities import HOURS_PER_DAY

DATE_FORMATS = {"DATE": "%m-%d-%Y", "DAT1": "%d-%m-%Y", "DAT2": "%Y-%m-%d", "DAT3": "%Y-%d-%m"}
"""What NONMEM takes the parts of its date items for."""

PER_DAY = {"days": 1.0, "day": 1.0, "d": 1.0, "hours": HOURS_PER_DAY, "h": HOURS_PER_DAY}
"""Units of time that a mapping may name, as their number in a day."""

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def read_times(bench: Bench, data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moment, whether its clock is known, and day of every row: a date or a number of days."""
    mapping = bench.mapping["nonmem"]
    when = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    clock, day = np.zeros(len(data), bool), np.full(len(data), np.nan)
    dated = next((name for name in DATE_FORMATS if name in data), None)
    if dated is None:
        per_day = PER_DAY.get(mapping["time_unit"].lower())
        if per_day is None:
            expected = 'the unit of TIME in the mapping: [nonmem] time_unit = "hours" or "days"'
            bench.found(data.file).add(None, "TIME", mapping["time_unit"] or None, expected)
            return when, clock, day
        number = bench.numbers(data, "TIME")
        bench.flag(data, number.isna(), "TIME", f"a number of {mapping['time_unit']}")
        return when, clock, number.to_numpy() / per_day
    dates = _dates(bench, data, dated)
    text = data.text("TIME")
    seconds = text.map(_seconds)
    bench.flag(data, seconds.isna(), "TIME", "a clock time such as 14:30 beside the date")
    moments = [d or datetime(1970, 1, 1) for d in dates]
    when = np.array(moments, "datetime64[s]") + seconds.fillna(0).to_numpy("timedelta64[s]")
    return when, (text != "").to_numpy(), day


def interval_per_day(bench: Bench, data: Dataset, repeated: np.ndarray) -> float:
    """How many units of II are a day; a problem where doses repeat and no unit is stated."""
    mapping = bench.mapping["nonmem"]
    stated = mapping["interval_unit"].lower()
    dated = any(name in data for name in DATE_FORMATS)
    per_day = PER_DAY.get(stated or ("" if dated else mapping["time_unit"].lower()))
    if per_day is None and (repeated.any() or stated):
        expected = 'the unit of II in the mapping: [nonmem] interval_unit = "hours" or "days"'
        row = int(data.lines[np.argmax(repeated)]) if repeated.any() else None
        found = mapping["interval_unit"] or (data.text("II")[repeated].iloc[0] if row else None)
        bench.found(data.file).add(row, "II", found, expected)
    return per_day or 1.0


def _dates(bench: Bench, data: Dataset, column: str) -> list[datetime | None]:
    words = data.text(column)
    stated = bench.mapping["nonmem"]["date_format"] or bench.mapping["format"]["dates"]
    pattern = stated or DATE_FORMATS[column]
    order = order_of(words)
    if not stated and order.readings is not None and column in ("DATE", "DAT1"):
        at = int(np.flatnonzero((words == order.readings[0]).to_numpy())[0])
        hint = f'{order.question}: say which, [nonmem] date_format = "%d/%m/%Y" or "%m/%d/%Y"'
        expected = "dates that can be read in one way"
        bench.found(data.file).add(int(data.lines[at]), column, order.readings[0], expected, hint)
        return [None] * len(data)
    dates = [read_date(word, pattern) for word in words]
    expected = f"a date like {datetime(2026, 3, 9).strftime(pattern)} ({column} of NONMEM)"
    hint = "another order? [nonmem] date_format in the mapping"
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
    bench.judge(data, "date_order", ratio, column, "the day where the month should stand?")


def _seconds(word: str) -> float:
    """Seconds after midnight of a clock time, 0 for a blank, NaN for anything else."""
    match = _CLOCK.fullmatch(word)
    if match is None:
        try:
            hours = float(word or 0)
        except ValueError:
            return np.nan
        return hours * 3600 if 0 <= hours < 24 else np.nan
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    return np.nan if hour > 23 or minute > 59 else hour * 3600.0 + minute * 60 + second
