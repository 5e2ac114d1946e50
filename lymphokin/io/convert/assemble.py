"""Draft records of all sources into one event table, in days from each patient's day 0."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, DOSE, DRUG_LABEL, FRACTION, RESET, Bench
from lymphokin.io.convert.repeats import drop, without_repeats
from lymphokin.io.convert.subjects import no_subjects
from lymphokin.quantities import DRUG, OBSERVABLES

_DAY = np.timedelta64(86_400, "s")
TIME_DECIMALS = 6
"""Of TIME in days: a tenth of a second."""

NAMES = {name: observable.records for name, observable in OBSERVABLES.items()}
NAMES |= {FRACTION: "fractions", DOSE: f"{DRUG_LABEL} doses"}


def assemble(
    bench: Bench, records: pd.DataFrame, subjects: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The event table (contract columns, START_DATE included) of draft records and covariates.

    Returned with the draft records that its rows are made of, for their places in the sources.

    Day 0 is the date of the first fraction; of patients without one the start of treatment, else
    the first dose, else the first record. Notes in the account what is dropped on the way, and
    counts what is used. Problems go to the bench.
    """
    subjects = subjects if len(subjects) else no_subjects()
    records = _without_excluded(bench, records)
    origin = _day_zero(records, subjects)
    records = _in_days(bench, records, origin)
    records = without_repeats(bench, records)
    order = {name: at for at, name in enumerate(dict.fromkeys(records["id"]))}
    rank = records["id"].map(order).to_numpy(float)
    # At one time what is measured comes first, then a reset, then what is given.
    turn = records["kind"].map({RESET: 1, FRACTION: 2, DOSE: 2}).fillna(0).to_numpy(int)
    records = records.iloc[np.lexsort((turn, records["day"], rank))].reset_index(drop=True)
    _count(bench, records)
    return _events(records, subjects, origin), records


def _without_excluded(bench: Bench, records: pd.DataFrame) -> pd.DataFrame:
    names = [str(name) for name in bench.mapping["subject"]["exclude"]]
    unknown = sorted(set(names) - set(records["id"]))
    if unknown:
        bench.account.warn(f"{len(unknown)} excluded subject(s) of the mapping have no records")
    rows = records["id"].isin(names).to_numpy()
    return drop(bench, records, rows, "the subject is excluded by the mapping")


def _day_zero(records: pd.DataFrame, subjects: pd.DataFrame) -> pd.Series:
    """Date of day 0 per patient, NaT where only days are known."""
    ids = pd.Index(records["id"].unique(), dtype=object)
    origin = pd.Series(np.datetime64("NaT", "s"), index=ids, dtype="datetime64[s]")
    of_kind = [
        records[records["kind"] == FRACTION],
        None,
        records[records["kind"] == DOSE],
        records,
    ]
    for table in of_kind:
        if table is None:
            found = subjects["start"].reindex(ids)
        else:
            found = table.groupby("id")["when"].min().reindex(ids)
        origin = origin.where(origin.notna(), found)
    return origin.dt.floor("D")


def _in_days(bench: Bench, records: pd.DataFrame, origin: pd.Series) -> pd.DataFrame:
    """Records with `day`; counts on the day of a dose without a clock time come before it."""
    zero = origin.reindex(records["id"]).to_numpy("datetime64[s]")
    since = (records["when"].to_numpy("datetime64[s]") - zero) / _DAY
    day = np.where(records["day"].notna(), records["day"], since)
    treated = records["kind"].isin([FRACTION, DOSE]).to_numpy()
    unclocked = treated & ~records["clock"].to_numpy()
    dosed = set(zip(records["id"][unclocked], np.floor(day[unclocked]), strict=True))
    on_day = np.array(
        [key in dosed for key in zip(records["id"], np.floor(day), strict=True)], bool
    )
    early = on_day & ~treated & (records["kind"] == COUNT).to_numpy() & (day > np.floor(day))
    for source, group in records[early].groupby("source", sort=False):
        why = "count on the day of a treatment without a clock time: taken before it"
        bench.account.changed(str(source), why, group["row"])
    day = np.where(early, np.floor(day), day)
    return records.assign(day=np.round(day, TIME_DECIMALS))


def _count(bench: Bench, records: pd.DataFrame) -> None:
    for source, rows in records.groupby("source", sort=False)["row"]:
        bench.account.used[str(source)] = rows.nunique()
    result = records["value"].notna()
    for kind, name in NAMES.items():
        of_kind = (records["kind"] == kind).to_numpy()
        bench.account.made[name] = int((of_kind & result).sum())
    reset = records["kind"] == RESET
    bench.account.made["visits without a result"] = int((~result & ~reset).sum())
    if reset.any():
        bench.account.made["resets"] = int(reset.sum())


def _events(records: pd.DataFrame, subjects: pd.DataFrame, origin: pd.Series) -> pd.DataFrame:
    dose = records["kind"].isin([FRACTION, DOSE]).to_numpy()
    reset = (records["kind"] == RESET).to_numpy()
    below = records["below"].to_numpy()
    bounded = below & (records["lower"].fillna(0) > 0).to_numpy()
    above = records["above"].to_numpy()
    of = subjects.reindex(records["id"])
    events = pd.DataFrame(
        {
            "ID": records["id"],
            "TIME": records["day"],
            "EVID": np.select([reset, dose], [3, 1], 0),
            "CMT": records["kind"].map({FRACTION: "rt", DOSE: DRUG}),
            "AMT": records["value"].where(dose),
            "DVID": records["kind"].where(~dose & ~reset),
            "DV": records["value"].mask(dose).mask(below & ~bounded, 0.0),
            "LLOQ": records["lloq"],
            "CENS": np.select([above, below], [-1.0, 1.0], np.nan),
            "LIMIT": np.where(above, records["upper"], records["lower"].where(bounded)),
            "SS": records["steady"].notna().astype(float).replace(0.0, np.nan),
            "II": records["steady"],
            "LLN": records["lln"],
            "LESION": records["lesion"].where(records["lesion"] > 0),
            "TUBE": records["tube"],
        }
    )
    for column in of.columns:
        if column != "start":
            events[column.upper()] = of[column].to_numpy()
    start = origin.reindex(records["id"])
    events["START_DATE"] = start.dt.strftime("%Y-%m-%d").to_numpy()
    return events


def subjects_without_records(bench: Bench, file: str, ids: pd.Index, rows: np.ndarray,
                             seen: set[str]) -> None:  # fmt: skip
    """Account for the subjects' own file: used where the subject has records."""
    bench.account.source(file, len(ids))
    has = np.array([name in seen for name in ids], bool)
    bench.account.used[file] = int(has.sum())
    bench.account.dropped(file, "a subject without any record to use", rows[~has])
