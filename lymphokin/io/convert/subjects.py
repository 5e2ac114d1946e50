"""Subjects (SDTM DM, ADaM ADSL) into covariates, with the day their treatment began."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.findings import subjects_of

ARMS = ("ARM", "TRT01P", "TRTP", "ACTARM", "TRT01A", "TRTA")
STARTS = ("RFXSTDTC", "RFSTDTC", "TRTSDTM", "TRTSDT")
"""Start of study treatment, best first."""

COLUMNS = ("arm", "age", "sex", "centre", "bsa", "start")


def read_subjects(bench: Bench, data: Dataset) -> pd.DataFrame:
    """Covariates per subject (index `id`): arm, age, sex, centre, bsa and start (a date or NaT).

    Only these columns are read: no names, no dates of birth, no other identifiers.
    """
    ids = subjects_of(bench, data)
    again = (ids.duplicated() & (ids != "")).to_numpy()
    if data.file and not _is_one_row_each(data):
        data = data.select(~again)
    else:
        bench.flag(data, again, _id_column(bench, data), "one row per subject")
    ids = subjects_of(bench, data)
    start = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    for name in (n for n in STARTS if n in data):
        start = np.where(np.isnat(start), read_dates(data.frame[name]).when, start)
    sex = data.text("SEX").str.upper().str[:1]
    age = bench.numbers(data, "AGE")
    unit = data.text("AGEU").str.upper()
    odd = (~unit.isin(["", "YEARS", "YEAR", "A"])).to_numpy()
    bench.flag(data, odd & age.notna().to_numpy(), "AGEU", "YEARS")
    table = pd.DataFrame(
        {
            "arm": _first(data, ARMS),
            "age": age.to_numpy(),
            "sex": sex.where(sex.isin(["F", "M"])).to_numpy(),
            "centre": _first(data, ("SITEID",)),
            "bsa": bench.numbers(data, "BSABL").to_numpy(),
            "start": start,
        },
        index=pd.Index(ids.to_numpy(), name="id"),
    )
    return table[table.index != ""]


def no_subjects() -> pd.DataFrame:
    """The table of `read_subjects` without subjects."""
    table = pd.DataFrame(columns=list(COLUMNS), index=pd.Index([], dtype=object, name="id"))
    return table.astype({"start": "datetime64[s]", "age": float, "bsa": float})


def _is_one_row_each(data: Dataset) -> bool:
    """Whether the data set has one row per subject by its kind (DM, ADSL)."""
    return "PARAMCD" not in data and "LBTESTCD" not in data


def _id_column(bench: Bench, data: Dataset) -> str:
    names = [str(n).upper() for n in bench.mapping["subject"]["id"]]
    return next((n for n in names if n in data), names[0])


def _first(data: Dataset, names: tuple[str, ...]) -> np.ndarray:
    """Text of the first of the columns that says something."""
    text = pd.Series("", index=data.frame.index, dtype=object)
    for name in names:
        text = text.where(text != "", data.text(name))
    return text.where(text != "", None).to_numpy(object)
