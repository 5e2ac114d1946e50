"""Infusions of an exposure domain (SDTM EX): how long each dose takes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.drugs import Taken
from lymphokin.io.convert.periods import INTERVAL_HOURS, ONCE

_NUMBER = r"(\d+(?:\.\d+)?)"
_OF_A_DAY = rf"(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
_DURATION = re.compile(rf"P(?:{_NUMBER}D)?{_OF_A_DAY}", re.IGNORECASE)
"""An ISO 8601 duration in days, hours, minutes and seconds."""
_PER_DAY = (1, 24, 24 * 60, 24 * 60 * 60)


def read_infusions(bench: Bench, data: Dataset, drug: Taken) -> tuple[Dataset, np.ndarray]:
    """Rows of a drug, and the days that each dose is infused (NaN: given at once).

    A row of an infused drug lasts from its start to its end where both have clock times and it is
    one dose: EXDOSFRQ is ONCE, or the end is at most a day later and no second dose comes before
    it. Else it lasts its EXDUR.
    """
    if not drug.infused or not len(data):
        return data, np.full(len(data), np.nan)
    start, end = read_dates(data.column("EXSTDTC")), read_dates(data.column("EXENDTC"))
    often = data.text("EXDOSFRQ").str.upper()
    days = (end.when - start.when).astype("timedelta64[s]").astype(float) / 86_400
    interval = often.map(INTERVAL_HOURS).fillna(24).to_numpy(float) / 24
    one = often.eq(ONCE).to_numpy() | (days <= np.minimum(interval, 1))
    timed = start.clock & end.clock
    bench.flag(data, timed & (days < 0), "EXENDTC", "an end after the start")
    by_clock = one & timed & (days > 0)
    text = data.text("EXDUR")
    stated = np.array([_days(cell) for cell in text], float)
    bench.flag(data, text.ne("").to_numpy() & np.isnan(stated), "EXDUR",
               "a duration of ISO 8601 such as PT1H30M")  # fmt: skip
    duration = np.where(by_clock, days, stated)
    at_once = ~(duration > 0)
    why = f"no clock times or EXDUR of an infusion of {drug.label}: given at once"
    bench.account.assumed(data.file, why, data.lines[at_once])
    frame = data.frame.copy()
    if by_clock.any():  # a single dose ends for the schedule when it begins
        frame.loc[by_clock, "EXENDTC"] = frame.loc[by_clock, "EXSTDTC"]
    return replace(data, frame=frame), np.where(at_once, np.nan, duration)


def _days(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return np.nan
    return sum(float(part or 0) / of for part, of in zip(match.groups(), _PER_DAY, strict=True))
