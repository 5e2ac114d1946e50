"""Laboratory records in time: only measured ones, by their date or their study day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.columns import Columns
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import from_study_day, read_dates
from lymphokin.io.convert.subject_ids import subjects_of

DATE = "an ISO 8601 date such as 2026-03-09T14:30, written alike in the whole column"
OTHER_DATES = 'another form? [format] dates = "%d/%m/%Y" in the mapping'


def original_records(bench: Bench, data: Dataset, columns: Columns) -> Dataset:
    """Only measured records: no derived ones, none shown twice under another analysis visit."""
    derived = (data.text(columns.derived) != "").to_numpy()
    if columns.derived != "DTYPE":
        derived = data.text(columns.derived).str.upper().eq("Y").to_numpy()
    bench.account.dropped(data.file, f"derived record ({columns.derived} is set)",
                          data.lines[derived])  # fmt: skip
    data = data.select(~derived)
    if columns.shown_again and columns.sequence in data:
        keys = pd.DataFrame({"id": subjects_of(bench, data), "n": data.text(columns.sequence)})
        again = (keys.duplicated() & (keys["n"] != "")).to_numpy()
        why = f"the same measurement ({columns.sequence}) under another analysis visit"
        bench.account.dropped(data.file, why, data.lines[again])
        data = data.select(~again)
    return data


def placed(
    bench: Bench, data: Dataset, columns: Columns, first_day: pd.Series
) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Records that can be placed in time, their moments, and whether the clock is known.

    `first_day`: date of study day 1 per subject.
    """
    when = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    clock, partial = np.zeros(len(data), bool), np.zeros(len(data), bool)
    imputed = (data.text(columns.imputed) != "").to_numpy()
    taken = ""
    for name in (n for n in columns.dates if n in data):
        read = read_dates(data.frame[name])
        bench.flag(data, read.bad, name, DATE, OTHER_DATES)
        if len(read.zones) > 1:
            reported = (
                f"several time zones ({', '.join(read.zones)}); clock times are read as written"
            )
            bench.account.warn(f"{data.file}: {name} has {reported}")
        both = ~np.isnat(when) & ~np.isnat(read.when) & ~imputed
        differ = both & (when.astype("datetime64[D]") != read.when.astype("datetime64[D]"))
        bench.flag(data, differ, name, f"the day of {taken}")
        taken = taken or name
        empty = np.isnat(when) & ~partial
        when = np.where(empty, read.when, when)
        clock, partial = np.where(empty, read.clock, clock), partial | (empty & read.partial)
    partial |= imputed
    when = np.where(partial, np.datetime64("NaT", "s"), when)
    lacking = np.isnat(when)
    if lacking.any():
        origin = first_day.reindex(subjects_of(bench, data)).to_numpy("datetime64[s]")
        by_day = from_study_day(origin, bench.numbers(data, columns.study_day).to_numpy())
        placed = lacking & ~np.isnat(by_day)
        when = np.where(placed, by_day, when)
        why = f"incomplete date: placed by its study day ({columns.study_day})"
        bench.account.changed(data.file, why, data.lines[placed])
    unplaced = np.isnat(when)
    why = "partial or imputed date, and no study day"
    bench.account.dropped(data.file, why, data.lines[unplaced & partial])
    bench.account.dropped(data.file, "no date", data.lines[unplaced & ~partial])
    return data.select(~unplaced), when[~unplaced], clock[~unplaced]
