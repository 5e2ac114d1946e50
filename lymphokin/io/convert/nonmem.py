"""NONMEM data sets, and the spellings of nlmixr2 and Monolix, into draft records."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import FRACTION, Bench, no_records
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.limits import FLAGS, LLOQ, ULOQ
from lymphokin.io.convert.nonmem_doses import read_doses, read_resets, refuse_infusions
from lymphokin.io.convert.nonmem_results import read_observations, read_varying, varying_rows
from lymphokin.io.convert.nonmem_times import DATE_FORMATS, read_times
from lymphokin.io.vocabulary import ANY_TABLE, COVARIATES, NUMERIC_COVARIATES

SPELLINGS: dict[str, tuple[str, ...]] = {
    "DV": ("Y", "OBSERVATION"),
    "DVID": ("YTYPE", "OBSID"),
    "CMT": ("ADM",),
    "LLOQ": ("LOQ",),
    "ULOQ": (),
    "CENS": (),
    "LIMIT": (),
    "DUR": ("TINF",),
}
"""Columns of nlmixr2 (lower case of NONMEM's) and Monolix that mean the same."""


def is_nonmem(bench: Bench, data: Dataset) -> bool:
    """Whether a table has one record per row: a subject, a time and a dose or observation."""
    names = set(_renamed(bench, data).frame.columns)
    return {"ID", "DV"} <= names and bool({"TIME", *DATE_FORMATS} & names)


_UNIT_IN_NAME = re.compile(r"(\w+)\s*(?:\(.*\)|\[.*\])")


def misnamed(data: Dataset) -> dict[str, str]:
    """Columns of a NONMEM table that carry their unit in the name, such as `TIME (DAYS)`.

    Empty where the table would be none even without the units.
    """
    bare = {str(name): m[1] for name in data.frame.columns
            if (m := _UNIT_IN_NAME.fullmatch(str(name)))}  # fmt: skip
    names = {bare.get(str(name), str(name)) for name in data.frame.columns}
    dv = {"DV", *SPELLINGS["DV"]} & names
    return bare if dv and "ID" in names and {"TIME", *DATE_FORMATS} & names else {}


def _renamed(bench: Bench, data: Dataset) -> Dataset:
    """`data` under NONMEM's column names; the mapping's names go first."""
    names = {str(k).upper(): str(v).upper() for k, v in bench.mapping["nonmem"]["columns"].items()}
    present = set(data.frame.columns) - set(names) | set(names.values())
    for name, others in SPELLINGS.items():
        for other in others:
            if name not in present and other in present:
                names[other] = name
                present.add(name)
                break
    if "ID" not in present:
        alias = next((n for n in _SUBJECTS if n in present), None)
        names |= {alias: "ID"} if alias else {}
    taken = [column for column in data.frame.columns
             if column not in names and column in names.values()]  # fmt: skip
    return replace(data, frame=data.frame.drop(columns=taken)).renamed(names)


def _check_names(bench: Bench, data: Dataset) -> None:
    """What the mapping names is there: words of the event table, and columns of the data set; with
    a model, say which columns are not read.
    """
    names = {str(k).upper(): str(v).upper() for k, v in bench.mapping["nonmem"]["columns"].items()}
    words = bench.words
    for key, known in (("units", words.quantities), ("logarithms", words.quantities),
                       ("amount_units", words.compartments[1:])):  # fmt: skip
        for name in bench.mapping["nonmem"][key]:
            if name not in known:
                hint = "fractions are in Gy" if name == "rt" else ""
                bench.found("the mapping").add(None, None, f"nonmem.{key}.{name}",
                                               f"one of {', '.join(known)}", hint)  # fmt: skip
    for theirs, ours in names.items():
        if theirs not in data:
            other = f'theirs = ours: columns = {{ "{ours}" = "{theirs}" }}' if ours in data else ""
            bench.found(data.file).add(None, theirs, None, f"the column {theirs} of the mapping",
                                       other)  # fmt: skip
    if not bench.words.model:
        return
    known = {*ANY_TABLE, *SPELLINGS, *DATE_FORMATS, *_SUBJECTS, *FLAGS, *LLOQ, *ULOQ, "C"}
    known |= {*bench.words.varying, *(n for others in SPELLINGS.values() for n in others)}
    unread = [name for name in map(str, _renamed(bench, data).frame.columns) if name not in known]
    if unread:
        bench.account.warn(f"{data.file}: columns that are not read: {', '.join(unread)}")


_SUBJECTS = ("USUBJID", "SUBJID", "SUBJECT")
"""Columns that may name the subjects, best first, where there is no ID."""


def _one_of_each(bench: Bench, data: Dataset) -> None:
    """Two columns that mean one thing say the same, and an ID is one subject."""
    for name, others in SPELLINGS.items():
        for other in (n for n in others if n in data and name in data):
            one, two = data.text(name).replace(".", ""), data.text(other).replace(".", "")
            hint = f'which counts? [nonmem] columns = {{ "{other}" = "{name}" }}, or delete one'
            bench.flag(data, (one != two) & (two != ""), other, f"{other} to say what {name} says",
                       hint)  # fmt: skip
    for other in (n for n in _SUBJECTS if n in data):
        pairs = pd.DataFrame({"id": data.text("ID"), "other": data.text(other)}).drop_duplicates()
        again = pairs.index[pairs["id"].duplicated() & (pairs["other"] != "")]
        bench.flag(data, data.frame.index.isin(again), other, f"one {other} under an ID",
                   f'two persons? [nonmem] columns = {{ "{other}" = "ID" }}')  # fmt: skip


def draft_nonmem(bench: Bench, source: Path, data: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draft records and covariates per subject of a data set with one record per row."""
    bench.account.source(data.file, len(data))
    for note in data.notes:
        bench.account.warn(note)
    _check_names(bench, data)
    data = _blank_points(_not_ignored(bench, _renamed(bench, data)))
    _one_of_each(bench, data)
    refuse_infusions(bench, data)
    event = _events(bench, data)
    keep = (event != 2) | varying_rows(bench, data)
    bench.account.dropped(data.file, "EVID 2: another type of event", data.lines[~keep])
    data, event = data.select(keep), event[keep]
    bench.flag(data, data.text("ID") == "", "ID", "a subject on every record")
    data = _one_block_each(bench, data)
    when, clock, day = read_times(bench, data)
    if not bench.troubled:
        _check_order(bench, data, np.where(np.isnan(day), _days_of(when), day))
    place = {"when": when, "clock": clock, "day": day}
    is_dose, resets = np.isin(event, [1, 4]), np.isin(event, [3, 4])
    _check_events(bench, data, event > 0)
    parts = [
        read_resets(data, resets, place),
        read_doses(bench, data, is_dose, place),
        read_observations(bench, data, event == 0, place),
        *read_varying(bench, data, place),
    ]
    parts = [part for part in parts if len(part)]
    records = pd.concat(parts, ignore_index=True) if parts else no_records()
    return _from_first_fraction(bench, records), _covariates(bench, data)


def _check_events(bench: Bench, data: Dataset, is_dose: np.ndarray) -> None:
    """A dose has no result, and an observation no amount."""
    value = data.numbers("DV").fillna(0)
    result = is_dose & (value != 0).to_numpy() & ~data.numbers("MDV").eq(1).to_numpy()
    if "EVID" in data:
        amount = ~is_dose & (data.numbers("AMT").fillna(0) != 0).to_numpy()
        bench.flag(data, amount, "AMT", "no amount on an observation",
                   "EVID should be 1 if this is a dose")  # fmt: skip
        why = "DV beside a dose is not read: a result has a row of its own, with EVID 0"
        bench.account.assumed(data.file, why, data.lines[result])
    else:
        bench.flag(data, result, "DV", "a dose or a result in a row, as no EVID says which",
                   "give the result a row of its own, or the row MDV 1")  # fmt: skip


def _one_block_each(bench: Bench, data: Dataset) -> Dataset:
    """Each subject in one block of rows; NONMEM takes a later block for another person."""
    ids = data.text("ID").reset_index(drop=True)
    begins = ids != ids.shift()
    block = begins.groupby(ids).cumsum().to_numpy(int)
    again = (block > 1) & begins.to_numpy()
    rule = bench.mapping["nonmem"]["same_id"]
    if rule == "" and again.any():
        hint = ("two persons? [nonmem] same_id = \"new person\"; "
                "one person? same_id = \"one person\"")  # fmt: skip
        bench.flag(data, again, "ID", "the rows of one subject in one block", hint)
    if rule != "new person":
        return data
    named = [f"{name} ({n})" if n > 1 else name for name, n in zip(ids, block, strict=True)]
    bench.account.changed(data.file, "a later block of rows of one ID: another person",
                          data.lines[block > 1])  # fmt: skip
    return replace(data, frame=data.frame.assign(ID=named))


def _days_of(when: np.ndarray) -> np.ndarray:
    return np.where(np.isnat(when), np.nan, when.astype("datetime64[s]").astype(float) / 86_400)


def _check_order(bench: Bench, data: Dataset, day: np.ndarray) -> None:
    """Times do not go back within a subject, unless the mapping says that it is one person."""
    if bench.mapping["nonmem"]["same_id"] == "one person":
        return
    back = pd.Series(day).groupby(data.text("ID").to_numpy()).diff().to_numpy() < 0
    hint = 'two persons under one ID? One: sort the rows, or say [nonmem] same_id = "one person"'
    bench.flag(data, back, "TIME", "times that do not go back within a subject", hint)


def _not_ignored(bench: Bench, data: Dataset) -> Dataset:
    first = data.text(data.frame.columns[0])
    mark = bench.mapping["nonmem"]["ignore"]
    if mark == "@":
        rows = first.str.match(r"[A-Za-z@#]")
    elif mark:
        rows = first.str.startswith(mark)
    else:
        rows = first.str.startswith("#") | first.str.upper().eq("C")
    rows = rows.to_numpy(bool)
    why = f"marked to be ignored ({mark or '# or C'} in the first column)"
    bench.account.dropped(data.file, why, data.lines[rows])
    return data.select(~rows)


def _blank_points(data: Dataset) -> Dataset:
    """`.` is missing."""
    frame = data.frame.map(lambda cell: None if cell == "." else cell)
    return replace(data, frame=frame)


def _events(bench: Bench, data: Dataset) -> np.ndarray:
    """EVID per row; derived from AMT where there is no such column.

    A reset with a dose (4) is both.
    """
    if "EVID" not in data:
        return (bench.numbers(data, "AMT").fillna(0) > 0).astype(int).to_numpy()
    event = bench.numbers(data, "EVID")
    expected = "0 (observation), 1 (dose), 2 (other), 3 (reset) or 4 (reset and dose)"
    bench.flag(data, ~event.isin([0, 1, 2, 3, 4]), "EVID", expected)
    return event.fillna(0).astype(int).to_numpy()


def _from_first_fraction(bench: Bench, records: pd.DataFrame) -> pd.DataFrame:
    """Days counted from the day of each patient's first fraction, where TIME is in numbers."""
    first = records[records["kind"] == FRACTION].groupby("id")["day"].min()
    shift = np.floor(records["id"].map(first).to_numpy(float))
    moved = np.isfinite(shift) & (shift != 0) & records["day"].notna().to_numpy()
    for source, rows in records[moved].groupby("source", sort=False)["row"]:
        bench.account.changed(str(source), "time counted from the day of the first fraction",
                              rows.unique())  # fmt: skip
    return records.assign(day=records["day"] - np.where(moved, shift, 0.0))


def _covariates(bench: Bench, data: Dataset) -> pd.DataFrame:
    """The contract's covariates per subject, from columns of that name; the first value counts."""
    ids = data.text("ID")
    table = pd.DataFrame(index=pd.Index(ids.unique(), dtype=object, name="id"))
    for name in (c for c in COVARIATES if c in data and c != "START_DATE"):
        numeric = name in NUMERIC_COVARIATES
        values = bench.numbers(data, name) if numeric else data.text(name).replace("", None)
        spread = values.groupby(ids).nunique()
        bench.flag(data, ids.map(spread > 1).to_numpy(bool), name, "one value per subject")
        first = values.groupby(ids).first().reindex(table.index)
        table[name.lower()] = first if numeric else first.astype(object)
    table["start"] = np.datetime64("NaT", "s")
    return table
