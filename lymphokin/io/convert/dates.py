"""Dates of clinical data sets: ISO 8601 text, complete or partial, and SAS date numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAS_EPOCH = datetime(1960, 1, 1)
EXCEL_EPOCH = datetime(1899, 12, 30)
_LATEST_SAS_DAY = 80_000  # year 2179; larger numbers count seconds
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?)?")
_DATE_ALONE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_PARTIAL = re.compile(r"(?:\d{4}|-)(?:-(?:\d{2}|-))?(?:-(?:\d{2}|-))?(?:[T ].*)?|-{3,}.*")
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")


@dataclass(frozen=True)
class Moments:
    """Dates per row: `when` (datetime64[s], NaT if not known to the day), `clock` (the time of
    day is known), `partial` (a date that lacks its day or month), `bad` (no date at all).
    `zones`: the time zones of the column, "none" for times without one."""

    when: NDArray[np.datetime64]
    clock: NDArray[np.bool_]
    partial: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    zones: tuple[str, ...] = ()


def read_dates(values: pd.Series) -> Moments:
    """Read a column of dates; time zones are dropped (clock time as written).

    How numbers are written is decided for the column: all count days or all count seconds from
    1960, and none stands among dates as text. Numbers that do not fit are bad.
    """
    codes, words = pd.factorize(values.astype(object), use_na_sentinel=False)
    if not len(codes):
        empty = np.zeros(0, bool)
        return Moments(np.zeros(0, "datetime64[s]"), empty, empty, empty)
    read = [_read(word) for word in words]
    odd = _odd_numbers(np.asarray(words, object), np.bincount(codes, minlength=len(words)))
    read = [(_NOT, False, False, True) if no else r for r, no in zip(read, odd, strict=True)]
    when = np.array([r[0] for r in read], "datetime64[s]")
    flags = np.array([r[1:] for r in read], bool)
    zones = sorted({_zone(word) for word, r in zip(words, read, strict=True) if r[1]})
    return Moments(when[codes], flags[codes, 0], flags[codes, 1], flags[codes, 2], tuple(zones))


def _odd_numbers(words: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Numbers that do not count what most numbers of the column count, or stand among texts."""
    number = np.array([_is_number(word) for word in words], bool)
    text = np.array([isinstance(word, str) and word != "" for word in words], bool)
    size = np.array([abs(float(word)) if n else 0.0 for word, n in zip(words, number, strict=True)])
    days, seconds = number & (size <= _LATEST_SAS_DAY), number & (size > _LATEST_SAS_DAY)
    if number.any() and text.any():
        return number
    if not (days.any() and seconds.any()):
        return np.zeros(len(words), bool)
    more = int(count[days].sum()) - int(count[seconds].sum())
    return number if more == 0 else (seconds if more > 0 else days)


def _is_number(word: object) -> bool:
    return isinstance(word, int | float | np.integer | np.floating) and word == word


def _zone(word: object) -> str:
    if isinstance(word, datetime):
        offset = word.utcoffset()
        return "none" if offset is None else str(offset)
    found = _ZONE.search(str(word))
    return found[0].replace("Z", "+00:00") if found else "none"


_NOT = np.datetime64("NaT", "s")
type _Read = tuple[np.datetime64, bool, bool, bool]


def _read(value: object) -> _Read:
    """Moment, clock known, partial, bad."""
    if value is None or value is pd.NaT or value != value or value == "":
        return _NOT, False, False, False
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=None)
        clock = (moment.hour, moment.minute, moment.second) != (0, 0, 0)
        return np.datetime64(moment.replace(microsecond=0), "s"), clock, False, False
    if isinstance(value, date):
        return np.datetime64(value, "s"), False, False, False
    if isinstance(value, int | float | np.integer | np.floating):
        return _number(float(value))
    if isinstance(value, np.datetime64):
        return _read(pd.Timestamp(value).to_pydatetime())
    return _text(str(value).strip())


def sas_moment(value: float) -> tuple[datetime, bool]:
    """Moment of a SAS date number, and whether it has a clock time: days, else seconds, from 1960.

    Raises OverflowError or ValueError beyond all years.
    """
    clocked = abs(value) > _LATEST_SAS_DAY
    since = timedelta(seconds=int(value)) if clocked else timedelta(days=int(value))
    return SAS_EPOCH + since, clocked


def _number(value: float) -> _Read:
    try:
        moment, clocked = sas_moment(value)
    except (OverflowError, ValueError):
        return _NOT, False, False, True
    return np.datetime64(moment, "s"), clocked, False, False


def _text(word: str) -> _Read:
    whole = _ISO.fullmatch(_ZONE.sub("", word) if "T" in word or " " in word else word)
    try:
        if whole is not None:
            day, hour, minute, second = whole.groups()
            moment = datetime.fromisoformat(day)
            if hour is not None:
                clock = timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0))
                moment += clock
                if clock > timedelta(days=1) or int(minute) > 59 or int(second or 0) > 59:
                    return _NOT, False, False, True
            return np.datetime64(moment, "s"), hour is not None, False, False
        day_only = _DATE_ALONE.fullmatch(word)
        if day_only is not None:  # a date with an incomplete time
            moment = datetime.fromisoformat(day_only[1])
            return np.datetime64(moment, "s"), False, False, False
    except (ValueError, OverflowError):
        return _NOT, False, False, True
    return _NOT, False, _PARTIAL.fullmatch(word) is not None, _PARTIAL.fullmatch(word) is None


def from_study_day(
    start: NDArray[np.datetime64], study_day: NDArray[np.float64]
) -> NDArray[np.datetime64]:
    """Dates of CDISC study days: day 1 is `start`, day -1 the day before; there is no day 0."""
    whole = np.isfinite(study_day) & (study_day != 0) & ~np.isnat(start)
    days = np.where(whole, np.where(study_day > 0, study_day - 1, study_day), 0)
    moved = start.astype("datetime64[D]") + days.astype("timedelta64[D]")
    return np.where(whole, moved.astype("datetime64[s]"), np.datetime64("NaT", "s"))
