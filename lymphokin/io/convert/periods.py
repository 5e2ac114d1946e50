"""Periods of treatment: first and last day, frequency, and how many doses lie between them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.drugs import Taken
from lymphokin.io.convert.subject_ids import subjects_of

ONCE = "ONCE"
INTERVAL_HOURS = {
    **dict.fromkeys(("QD", "DAILY", "Q24H", "QAM", "QPM", "QHS"), 24),
    **dict.fromkeys(("BID", "Q12H"), 12),
    **dict.fromkeys(("TID", "Q8H"), 8),
    **dict.fromkeys(("QID", "Q6H"), 6),
    **dict.fromkeys(("QOD", "Q2D", "Q48H", "EVERY OTHER DAY"), 48),
    **dict.fromkeys(("QW", "QS", "Q7D", "EVERY WEEK"), 168),
    **dict.fromkeys(("Q2W", "EVERY 2 WEEKS"), 336),
    **dict.fromkeys(("Q3W", "EVERY 3 WEEKS"), 504),
}
"""Hours between doses by frequency: submission values and synonyms of the CDISC codelist FREQ."""

LONGEST_DAYS = 366
_LATE_PART = 0.25
"""Part of an interval by which the last dose may come before its even place and still count, as
when the first dose of a period is at 9:00 and the last at 8:30 (judgement)."""
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?", re.IGNORECASE)


@dataclass(frozen=True)
class Period:
    """Doses of each row.

    Attributes:
        first: Moment of the first dose; shape `[row]`, datetime64.
        clock: Whether the clock time of it is known.
        interval_hours: Hours from one dose to the next.
        per_day: Doses on one day, at least 1.
        count: Doses of the whole period, at least 1.
    """

    first: np.ndarray
    clock: np.ndarray
    interval_hours: np.ndarray
    per_day: np.ndarray
    count: np.ndarray


def read_periods(bench: Bench, data: Dataset, last_exposure: pd.Series, drug: Taken) -> Period:
    """The periods of an exposure domain; an end or a frequency that is not known is a problem.

    `last_exposure`: date of the last dose per subject, read where the mapping asks for it.
    """
    start = read_dates(data.column("EXSTDTC"))
    bench.flag(data, np.isnat(start.when), "EXSTDTC", "the complete date of the treatment")
    often = data.text("EXDOSFRQ").str.upper()
    end = read_dates(data.column("EXENDTC"))
    bench.flag(data, end.bad | end.partial, "EXENDTC", "a complete date, or a blank")
    unknown = end.bad | end.partial | np.isnat(start.when)
    last, last_clock = _ends(bench, data, start.when, end.when, often, unknown, last_exposure, drug)
    days = _days(last) - _days(start.when) + 1
    days = np.where(np.isfinite(days), days, 1)
    wrong = (days < 1) | (days > LONGEST_DAYS)
    bench.flag(data, wrong, "EXENDTC", f"an end 0 to {LONGEST_DAYS} days later")
    days = np.where(wrong, 1, days)
    interval = _intervals(bench, data, often, days, drug)
    per_day = np.maximum(1, np.rint(24 / interval)).astype(int)
    count = np.where(interval <= 24, days * per_day, (days - 1) * 24 // interval + 1)
    hours = (last - start.when).astype("timedelta64[s]").astype(float) / 3600
    clocked = start.clock & end.clock & last_clock & ~wrong & (hours >= 0)
    between = np.floor(np.where(clocked, hours, 0) / interval + _LATE_PART) + 1
    fewer = clocked & (between < count)
    why = "doses counted between the clock times of the start and the end"
    bench.account.changed(data.file, why, data.lines[fewer])
    count = np.where(fewer, between, count)
    return Period(start.when, start.clock, interval, per_day, count.astype(int))


def _days(moments: np.ndarray) -> np.ndarray:
    """Days as numbers, NaN where not known."""
    number = moments.astype("datetime64[D]").astype(float)
    return np.where(np.isnat(moments), np.nan, number)


def _ends(
    bench: Bench,
    data: Dataset,
    first: np.ndarray,
    last: np.ndarray,
    often: pd.Series,
    unknown: np.ndarray,
    last_exposure: pd.Series,
    drug: Taken,
) -> tuple[np.ndarray, np.ndarray]:
    """Last moment of each period, and whether it is the one of EXENDTC.

    An end that is not stated comes from the duration (EXDUR), else as the mapping says. A single
    dose (frequency ONCE, or neither ends nor frequencies in the file) ends when it begins.
    """
    stated = ~np.isnat(last)
    duration = np.array([_duration(text) for text in data.text("EXDUR")], float)
    by_duration = ~stated & (duration >= 1)
    span = np.where(by_duration, duration - 1, 0).astype("timedelta64[D]")
    last = np.where(by_duration, first + span.astype("timedelta64[s]"), last)
    bench.account.changed(data.file, "end of the period from its duration (EXDUR)",
                          data.lines[by_duration])  # fmt: skip
    open_end = ~stated & ~by_duration & ~unknown
    without = not stated.any() and (often.isin(["", ONCE]).all())
    single = open_end & (often.eq(ONCE).to_numpy() | without)
    why = "neither an end nor a frequency is stated: a row is taken as a single dose"
    bench.account.assumed(data.file, why, data.lines[single & often.eq("").to_numpy()])
    last = np.where(single, first, last)
    open_end &= ~single
    rule = drug.words["open_end"]
    if rule == "single_day":
        last = np.where(open_end, first, last)
        why = "no end of the period: taken as a single day, as the mapping says"
        bench.account.assumed(data.file, why, data.lines[open_end])
    elif rule == "last_exposure":
        known = last_exposure.reindex(subjects_of(bench, data)).to_numpy("datetime64[s]")
        expected = "an end, or the date of the subject's last exposure (RFXENDTC, TRTEDT)"
        bench.flag(data, open_end & np.isnat(known), "EXENDTC", expected)
        last = np.where(open_end, known, last)
        why = "no end of the period: taken to last to the last exposure, as the mapping says"
        bench.account.assumed(data.file, why, data.lines[open_end])
    else:
        bench.flag(data, open_end, "EXENDTC", "the end of the period of treatment",
                   f'was it going on? [{drug.table}] open_end = "single_day", or "last_exposure" '
                   "(RFXENDTC of DM), in the mapping")  # fmt: skip
    return np.where(np.isnat(last), first, last), stated


def _duration(text: str) -> float:
    """Days of an ISO 8601 duration in weeks and days, NaN if it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return np.nan
    weeks, days = (int(part or 0) for part in match.groups())
    return float(7 * weeks + days)


def _intervals(
    bench: Bench, data: Dataset, often: pd.Series, days: np.ndarray, drug: Taken
) -> np.ndarray:
    """Hours between the doses of each row."""
    bench.flag(data, ~often.isin(["", ONCE, *INTERVAL_HOURS]), "EXDOSFRQ",
               f"a frequency: {ONCE}, {', '.join(INTERVAL_HOURS)}")  # fmt: skip
    longer = days > 1
    bench.flag(data, often.eq(ONCE).to_numpy() & longer, "EXDOSFRQ",
               "a frequency of a period of several days",
               "a single dose ends on the day when it begins")  # fmt: skip
    blank = often.eq("").to_numpy() & longer
    usual = str(drug.words["frequency"]).upper()
    if usual:
        often = often.where(~blank, usual)
        why = f"no frequency: taken as {usual}, as the mapping says"
        bench.account.assumed(data.file, why, data.lines[blank])
    else:
        bench.flag(data, blank, "EXDOSFRQ", "the frequency of doses over several days",
                   f'or that of all such rows in the mapping: [{drug.table}] '
                   'frequency = "QD"')  # fmt: skip
    return often.map(INTERVAL_HOURS).fillna(24).to_numpy(float)
