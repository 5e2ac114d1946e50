"""Infusions of an exposure domain (SDTM EX): how long each dose takes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.drugs import Taken

_HOURS = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?", re.IGNORECASE)
"""An ISO 8601 duration in hours and minutes."""


def read_infusions(bench: Bench, data: Dataset, drug: Taken) -> tuple[Dataset, np.ndarray]:
    """Rows of a drug, and the days that each dose is infused (NaN: given at once).

    A row of an infused drug lasts from its start to its end where both have clock times and it is
    no course of doses (EXDOSFRQ blank or ONCE), else its EXDUR in hours and minutes.
    """
    if not drug.infused or not len(data):
        return data, np.full(len(data), np.nan)
    start, end = read_dates(data.column("EXSTDTC")), read_dates(data.column("EXENDTC"))
    often = data.text("EXDOSFRQ").str.upper()
    once = often.isin(["", "ONCE"]).to_numpy()
    days = (end.when - start.when).astype("timedelta64[s]").astype(float) / 86_400
    by_clock = once & start.clock & end.clock & (days > 0)
    stated = np.array([_days(text) for text in data.text("EXDUR")], float)
    duration = np.where(by_clock, days, stated)
    at_once = ~(duration > 0)
    why = f"no clock times or EXDUR of an infusion of {drug.label}: given at once"
    bench.account.assumed(data.file, why, data.lines[at_once])
    frame = data.frame.copy()
    if by_clock.any():  # a single dose ends for the schedule when it begins
        frame.loc[by_clock, "EXENDTC"] = frame.loc[by_clock, "EXSTDTC"]
    return replace(data, frame=frame), np.where(at_once, np.nan, duration)


def _days(text: str) -> float:
    match = _HOURS.fullmatch(text)
    if match is None or not any(match.groups()):
        return np.nan
    hours, minutes = (int(part or 0) for part in match.groups())
    return (hours + minutes / 60) / 24
