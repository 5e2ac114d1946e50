"""Dates of clinical data sets: ISO 8601 text, complete or partial, and SAS date numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAS_EPOCH = datetime(1960, 1, 1)
_LATEST_SAS_DAY = 80_000  # year 2179; larger numbers count seconds
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?)?")
_DATE_ALONE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_PARTIAL = re.compile(r"(?:\d{4}|-)(?:-(?:\d{2}|-))?(?:-(?:\d{2}|-))?(?:[T ].*)?|-{3,}.*")
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")


@dataclass(frozen=True)
class Moments:
    """Dates per row: `when` (datetime64[s], NaT if not known to the day), `clock` (the time of
    day is known), `partial` (a date that lacks its day or month), `bad` (no date at all)."""

    when: NDArray[np.datetime64]
    clock: NDArray[np.bool_]
    partial: NDArray[np.bool_]
    bad: NDArray[np.bool_]


def read_dates(values: pd.Series) -> Moments:
    """Read a column of dates; time zones are dropped (clock time as written)."""
    codes, words = pd.factorize(values.astype(object), use_na_sentinel=False)
    read = [_read(word) for word in words]
    when = np.array([r[0] for r in read] or [np.datetime64("NaT", "s")], "datetime64[s]")
    flags = np.array([r[1:] for r in read] or [(False, False, False)], bool)
    if not len(codes):
        empty = np.zeros(0, bool)
        return Moments(np.zeros(0, "datetime64[s]"), empty, empty, empty)
    return Moments(when[codes], flags[codes, 0], flags[codes, 1], flags[codes, 2])


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


def _number(value: float) -> _Read:
    try:
        if abs(value) <= _LATEST_SAS_DAY:
            return np.datetime64(SAS_EPOCH + timedelta(days=int(value)), "s"), False, False, False
        return np.datetime64(SAS_EPOCH + timedelta(seconds=int(value)), "s"), True, False, False
    except (OverflowError, ValueError):
        return _NOT, False, False, True


def _text(word: str) -> _Read:
    whole = _ISO.fullmatch(_ZONE.sub("", word) if "T" in word or " " in word else word)
    try:
        if whole is not None:
            day, hour, minute, second = whole.groups()
            moment = datetime.fromisoformat(day)
            if hour is not None:
                moment += timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0))
                if int(hour) > 24 or int(minute) > 59:
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
