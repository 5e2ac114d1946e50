"""Clock times as people write them: `14:30`, `2:30 PM`, `24:00`, hours with decimals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

import numpy as np

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?(?:\s*([AaPp])\.?[Mm]\.?)?")
_HOURS = re.compile(r"\d{1,2}(?:\.\d*)?")
_POINT = re.compile(r"\d{1,2}\.[0-5]\d")
HOURS = "hours"
"""What a mapping calls clock times that are hours with decimals."""


def seconds_of(word: str, form: str = "") -> float:
    """Seconds after midnight of a clock time, 0 for a blank, NaN for anything else.

    `24:00` is the midnight at the end of the day (ISO 8601). `form`: a pattern of `strptime`, or
    `hours`; empty: a clock with colons, or hours with decimals.
    """
    word = word.strip()
    if not word:
        return 0.0
    if form and form != HOURS:
        try:
            read = datetime.strptime(word, form)
        except ValueError:
            return np.nan
        return read.hour * 3600.0 + read.minute * 60 + read.second
    match = None if form else _CLOCK.fullmatch(word)
    if match is None:
        hours = float(word) if _HOURS.fullmatch(word) else np.nan
        return hours * 3600 if hours < 24 else np.nan
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[4] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return np.nan
        hour = hour % 12 + (12 if half == "p" else 0)
    if minute > 59 or second > 59 or hour * 3600 + minute * 60 + second > 24 * 3600:
        return np.nan
    return hour * 3600.0 + minute * 60 + second


def clock_question(words: Iterable[str]) -> str:
    """What is asked of a column of which every number could be hours and minutes, or hours.

    Empty where one cell tells, such as 9.75 or 9:30.
    """
    stated = [word.strip() for word in words if word.strip()]
    if not all(_HOURS.fullmatch(word) for word in stated):
        return ""
    if any("." in word and not _POINT.fullmatch(word) for word in stated):
        return ""
    for word in stated:
        hour, _, minute = word.partition(".")
        if int(minute or 0):
            hours = round(float(word) * 60)
            return (f"{word} can be read as {hour}:{minute} or as {word} hours, "
                    f"{hours // 60}:{hours % 60:02d}")  # fmt: skip
    return ""
