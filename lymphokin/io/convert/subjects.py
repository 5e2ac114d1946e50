"""Subjects (SDTM DM, ADaM ADSL) into covariates, with the day their treatment began."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.subject_ids import id_column, subjects_of

ARMS = {"planned": ("ARM", "TRT01P", "TRTP"), "actual": ("ACTARM", "TRT01A", "TRTA")}
STARTS = ("RFXSTDTC", "RFSTDTC", "TRTSDTM", "TRTSDT")
"""Start of study treatment, best first."""
FIRST_DAYS = ("RFSTDTC", "TRTSDTM", "TRTSDT", "RFXSTDTC")
"""Study day 1, best first: SDTM counts study days from RFSTDTC, ADaM from TRTSDT."""
ENDS = ("RFXENDTC", "TRTEDTM", "TRTEDT")
"""Date of the last exposure, best first."""

COLUMNS = ("arm", "age", "sex", "centre", "bsa", "weight", "start", "first_day", "last_exposure")


def read_subjects(bench: Bench, data: Dataset) -> pd.DataFrame:
    """Covariates per subject (index `id`): arm, age, sex, centre, bsa, weight (kg), and dates or
    NaT: start of study treatment, first_day (study day 1) and last_exposure.

    Only these columns are read: no names, no dates of birth, no other identifiers.
    """
    ids = subjects_of(bench, data)
    again = (ids.duplicated() & (ids != "")).to_numpy()
    if _is_one_row_each(data):
        bench.flag(data, again, id_column(bench, data), "one row per subject")
    else:
        data = data.select(~again)
    ids = subjects_of(bench, data)
    sex = data.text("SEX").str.upper().str[:1]
    age = bench.numbers(data, "AGE")
    unit = data.text("AGEU").str.upper()
    odd = (~unit.isin(["", "YEARS", "YEAR", "A"])).to_numpy()
    bench.flag(data, odd & age.notna().to_numpy(), "AGEU", "YEARS")
    area = bench.numbers(data, "BSABL")
    bench.judge(data, "body_surface_area", area, "BSABL", "in cm2?")
    weight = bench.numbers(data, "WEIGHTBL")
    bench.judge(data, "body_weight", weight, "WEIGHTBL", "in pounds or grams?")
    table = pd.DataFrame(
        {
            "arm": _arms(bench, data, ids),
            "age": age.to_numpy(),
            "sex": sex.where(sex.isin(["F", "M"])).to_numpy(),
            "centre": _first(data, ("SITEID",)),
            "bsa": area.to_numpy(),
            "weight": weight.to_numpy(),
            "start": _first_date(data, STARTS),
            "first_day": _first_date(data, FIRST_DAYS),
            "last_exposure": _first_date(data, ENDS),
        },
        index=pd.Index(ids.to_numpy(), name="id"),
    )
    return table[table.index != ""]


def _arms(bench: Bench, data: Dataset, ids: pd.Series) -> np.ndarray:
    """The planned arm, or the actual one as the mapping says; the other where one is not stated."""
    arms = {kind: pd.Series(_first(data, names), dtype=object) for kind, names in ARMS.items()}
    planned, actual = arms["planned"], arms["actual"]
    both = planned.notna() & actual.notna()
    differ = (both & (planned.str.upper() != actual.str.upper())).to_numpy(bool)
    chosen = bench.mapping["subject"]["arm"]
    if differ.any() and not chosen:
        bench.account.warn(
            f"the planned arm of {int(differ.sum()):,} subject(s) is not the actual "
            f'one ({bench.named(ids[differ])}): it counts, unless [subject] arm = "actual"'
        )
    first, second = (actual, planned) if chosen == "actual" else (planned, actual)
    return first.where(first.notna(), second).to_numpy(object)


def together(bench: Bench, tables: list[tuple[Dataset, pd.DataFrame]]) -> pd.DataFrame:
    """One table of covariates per subject; what the first table states counts, and what a later
    one states otherwise is reported."""
    subjects = no_subjects()
    for data, each in tables:
        table = each[~each.index.duplicated()]
        if not subjects.empty:
            common = subjects.index.intersection(table.index)
            for name in ("arm", "age", "bsa", "start"):
                mine, theirs = subjects.loc[common, name], table.loc[common, name]
                differ = mine.notna() & theirs.notna() & (mine != theirs)
                if differ.any():
                    bench.account.warn(
                        f"{data.file}: the {name} of {int(differ.sum()):,} subject(s) is not that "
                        f"of the data set before, which counts ({bench.named(common[differ])})"
                    )
        subjects = table if subjects.empty else subjects.combine_first(table)
    return subjects


def no_subjects() -> pd.DataFrame:
    """The table of `read_subjects` without subjects."""
    table = pd.DataFrame(columns=list(COLUMNS), index=pd.Index([], dtype=object, name="id"))
    dates = dict.fromkeys(("start", "first_day", "last_exposure"), "datetime64[s]")
    return table.astype({**dates, "age": float, "bsa": float, "weight": float})


def _is_one_row_each(data: Dataset) -> bool:
    """Whether the data set has one row per subject by its kind (DM, ADSL)."""
    return "PARAMCD" not in data and "LBTESTCD" not in data


def _first_date(data: Dataset, names: tuple[str, ...]) -> np.ndarray:
    """The first of the dates that is stated."""
    when = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    for name in (n for n in names if n in data):
        when = np.where(np.isnat(when), read_dates(data.frame[name]).when, when)
    return when


def _first(data: Dataset, names: tuple[str, ...]) -> np.ndarray:
    """Text of the first of the columns that says something."""
    text = pd.Series("", index=data.frame.index, dtype=object)
    for name in names:
        text = text.where(text != "", data.text(name))
    return text.where(text != "", None).to_numpy(object)
