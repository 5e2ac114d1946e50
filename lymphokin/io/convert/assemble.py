"""Draft records of all sources into one event table, in days from each patient's day 0."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import FRACTION, RESET, Bench, given, stated
from lymphokin.io.convert.repeats import drop, without_repeats
from lymphokin.io.convert.subjects import no_subjects

_DAY = np.timedelta64(86_400, "s")
TIME_DECIMALS = 6
"""Of TIME in days: a tenth of a second."""

_VISIT = "a visit that states a covariate"
"""Kind of records that say nothing but the value of a covariate which changes."""


def _names(bench: Bench) -> dict[str, str]:
    """What records of each kind are called in the account."""
    words = bench.words
    names = {name: words.observable(name).records for name in words.quantities}
    names[FRACTION] = "fractions"
    return names | {given(n): f"{words.drug(n).label} doses" for n in words.compartments[1:]}


def _given(bench: Bench) -> dict[str, str]:
    """The word of CMT of each kind of doses, fractions included."""
    return {given(word): word for word in bench.words.compartments}


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
    origin = _day_zero(bench, records, subjects)
    records = _in_days(bench, records, origin)
    records, values = _apart(bench, without_repeats(bench, records))
    order = {name: at for at, name in enumerate(dict.fromkeys(records["id"]))}
    rank = records["id"].map(order).to_numpy(float)
    # At one time what is measured comes first, then a reset, then what is given.
    turns = {RESET: 1, **dict.fromkeys(_given(bench), 2)}
    turn = records["kind"].map(turns).fillna(0).to_numpy(int)
    records = records.iloc[np.lexsort((turn, records["day"], rank))].reset_index(drop=True)
    _count(bench, records, values)
    return _with_values(_events(bench, records, subjects, origin), values), records


def _apart(bench: Bench, records: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records, and apart from them the values of covariates that change.

    Those at a time of their own are on a visit without a result.
    """
    kinds = [stated(name) for name in bench.words.varying]
    of_values = records["kind"].isin(kinds)
    if not of_values.any():
        return records, records[of_values]
    values = records[of_values]
    names = dict(zip(kinds, bench.words.varying, strict=True))
    values = values.assign(kind=values["kind"].map(names))
    place = ["id", "day"]
    there = pd.MultiIndex.from_frame(records.loc[~of_values, place])
    alone = values[~pd.MultiIndex.from_frame(values[place]).isin(there)].drop_duplicates(place)
    visits = alone.assign(kind=_VISIT, value=np.nan, column="", cell="")
    return pd.concat([records[~of_values], visits], ignore_index=True), values


def _with_values(events: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Events with each covariate that changes in a column of its own."""
    if values.empty:
        return events
    one_each = values.drop_duplicates(["id", "day", "kind"])  # two are a problem that is noted
    wide = one_each.pivot(index=["id", "day"], columns="kind", values="value")
    at = pd.MultiIndex.from_frame(events[["ID", "TIME"]])
    return events.assign(**{str(name): wide[name].reindex(at).to_numpy() for name in wide})


def _without_excluded(bench: Bench, records: pd.DataFrame) -> pd.DataFrame:
    names = [str(name) for name in bench.mapping["subject"]["exclude"]]
    unknown = sorted(set(names) - set(records["id"]))
    if unknown:
        bench.account.warn(f"{len(unknown)} excluded subject(s) of the mapping have no records")
    rows = records["id"].isin(names).to_numpy()
    return drop(bench, records, rows, "the subject is excluded by the mapping")


def _day_zero(bench: Bench, records: pd.DataFrame, subjects: pd.DataFrame) -> pd.Series:
    """Date of day 0 per patient, NaT where only days are known."""
    ids = pd.Index(records["id"].unique(), dtype=object)
    origin = pd.Series(np.datetime64("NaT", "s"), index=ids, dtype="datetime64[s]")
    of_kind = [
        records[records["kind"] == FRACTION],
        None,
        records[records["kind"].isin(list(_given(bench)))],
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
    treated = records["kind"].isin(list(_given(bench))).to_numpy()
    unclocked = treated & ~records["clock"].to_numpy()
    dosed = set(zip(records["id"][unclocked], np.floor(day[unclocked]), strict=True))
    on_day = np.array(
        [key in dosed for key in zip(records["id"], np.floor(day), strict=True)], bool
    )
    counts = records["kind"].isin(bench.counts).to_numpy()
    early = on_day & ~treated & counts & (day > np.floor(day))
    for source, group in records[early].groupby("source", sort=False):
        why = "count on the day of a treatment without a clock time: taken before it"
        bench.account.changed(str(source), why, group["row"])
    day = np.where(early, np.floor(day), day)
    return records.assign(day=np.round(day, TIME_DECIMALS))


def _count(bench: Bench, records: pd.DataFrame, values: pd.DataFrame) -> None:
    rows = pd.concat([records[["source", "row"]], values[["source", "row"]]])
    for source, own in rows.groupby("source", sort=False)["row"]:
        bench.account.used[str(source)] = own.nunique()
    result, kind = records["value"].notna(), records["kind"]
    for each, name in _names(bench).items():
        bench.account.made[name] = int(((kind == each) & result).sum())
    silent = ~result & ~kind.isin([RESET, _VISIT])
    bench.account.made["visits without a result"] = int(silent.sum())
    for each, name in ((RESET, "resets"), (_VISIT, "visits that state a covariate")):
        if (kind == each).any():
            bench.account.made[name] = int((kind == each).sum())


def _events(
    bench: Bench, records: pd.DataFrame, subjects: pd.DataFrame, origin: pd.Series
) -> pd.DataFrame:
    words, targets = bench.words, _given(bench)
    visit = next(n for n in words.quantities if not words.observable(n).per_lesion)
    dose = records["kind"].isin(list(targets)).to_numpy()
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
            "CMT": records["kind"].map(targets),
            "AMT": records["value"].where(dose),
            "DVID": records["kind"].where(~dose & ~reset).replace(_VISIT, visit),
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
    for column in ("duration", "lesion_cm3", "delay", "sd"):
        if records[column].notna().any():
            events[{"duration": "DUR"}.get(column, column.upper())] = records[column].to_numpy()
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
