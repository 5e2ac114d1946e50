"""NONMEM data sets, and the spellings of nlmixr2 and Monolix, into draft records."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from lymphokin.io.censoring import read_word
from lymphokin.io.convert.bench import (
    COUNT,
    DOSE,
    FRACTION,
    LEVEL,
    OTHERS,
    RESET,
    Bench,
    draft,
    no_records,
)
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.limits import LLOQ, ULOQ, in_draft, read_results
from lymphokin.io.convert.nonmem_times import DATE_FORMATS, interval_per_day, read_times
from lymphokin.io.convert.results import read_number
from lymphokin.io.cross_checks import like_hours
from lymphokin.io.records import MOST_REPEATS
from lymphokin.io.stated_units import other_units
from lymphokin.io.vocabulary import (
    COMPARTMENTS,
    COVARIATES,
    NUMERIC_COVARIATES,
    OF_DOSES,
    OF_RESULTS,
    QUANTITIES,
)
from lymphokin.lab_units import count_factor, level_factor
from lymphokin.quantities import CELLS_PER_UL, DRUG, DRUGS, OBSERVABLES

SPELLINGS: dict[str, tuple[str, ...]] = {
    "DV": ("Y", "OBSERVATION"),
    "DVID": ("YTYPE", "OBSID"),
    "CMT": ("ADM",),
    "LLOQ": ("LOQ",),
    "ULOQ": (),
    "CENS": (),
    "LIMIT": (),
}
"""Columns of nlmixr2 (lower case of NONMEM's) and Monolix that mean the same."""


def _per_ul(unit: str) -> Fraction | None:
    """Factor from a count in a unit to cells/uL; None where the unit is none of counts."""
    factor = count_factor(unit)
    return None if factor is None else factor * int(CELLS_PER_UL)


FACTORS: dict[str, Callable[[str], Fraction | None]] = {
    COUNT: count_factor,
    **dict.fromkeys(OTHERS, _per_ul),
    LEVEL: level_factor,
}


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
    data = _blank_points(_not_ignored(bench, _renamed(bench, data)))
    _one_of_each(bench, data)
    _refuse(bench, data)
    event = _events(bench, data)
    bench.account.dropped(data.file, "EVID 2: another type of event", data.lines[event == 2])
    keep = event != 2
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
        _resets(data, resets, place),
        _doses(bench, data, is_dose, place),
        _observations(bench, data, event == 0, place),
    ]
    parts = [part for part in parts if len(part)]
    records = pd.concat(parts, ignore_index=True) if parts else no_records()
    return _from_first_fraction(bench, records), _covariates(bench, data)


def _resets(data: Dataset, rows: np.ndarray, place: dict) -> pd.DataFrame:
    """Resets to the untreated state."""
    data = data.select(rows)
    own = {name: values[rows] for name, values in place.items()}
    return draft(data, RESET, data.text("ID"), **own) if len(data) else no_records()


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


def _refuse(bench: Bench, data: Dataset) -> None:
    """Items that change what a dose is and that the event table does not have."""
    for name in ("RATE", "TINF", "DUR"):
        number = bench.numbers(data, name)
        expected = "0 or a blank: an infusion is not known here"
        bench.flag(data, number.notna() & (number != 0), name, expected)


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


def _words(
    bench: Bench, data: Dataset, column: str, codes: dict, allowed: tuple[str, ...]
) -> pd.Series:
    """A column of codes as the contract's words."""
    names = {str(code): str(word).lower() for code, word in codes.items()}
    cells = [names.get(code, code.lower()) for code in data.text(column)]
    words = pd.Series(cells, index=data.frame.index, dtype=object)
    table = "cmt" if allowed is COMPARTMENTS else "dvid"
    hint = f'name the codes in the mapping, [nonmem.{table}] "1" = "{allowed[0]}"'
    bench.flag(data, ~words.isin(allowed), column, "one of " + ", ".join(allowed), hint)
    return words


def _doses(bench: Bench, data: Dataset, rows: np.ndarray, place: dict) -> pd.DataFrame:
    data = data.select(rows)
    if not len(data):
        return no_records()
    words = _words(bench, data, "CMT", bench.mapping["nonmem"]["cmt"], COMPARTMENTS)
    amount = bench.numbers(data, "AMT")
    bench.flag(data, ~(amount > 0), "AMT", "an amount above 0 on every dose")
    for word, unit in (("rt", "Gy"), (DRUG, DRUGS[DRUG].unit)):
        _check_units(bench, data, words.eq(word).to_numpy(), OF_DOSES, f"AMT in {unit}", unit)
    more, interval = bench.numbers(data, "ADDL").fillna(0), bench.numbers(data, "II").fillna(0)
    wrong = (more > 0) & ((interval <= 0) | (more > MOST_REPEATS) | (more % 1 != 0))
    bench.flag(data, wrong, "ADDL", f"a whole number up to {MOST_REPEATS}, with II above 0")
    count = np.where(wrong | (more < 0), 0, more).astype(int) + 1
    steady = _steady(bench, data, words, interval)
    per_day = interval_per_day(bench, data, (more > 0).to_numpy() | steady)
    spacing = interval.to_numpy() / per_day
    if not bench.mapping["nonmem"]["interval_unit"]:
        days = np.where(((more > 0) | steady) & (per_day == 1), spacing, np.nan)
        hint = 'days or hours? [nonmem] interval_unit = "days" or "hours" in the mapping'
        bench.judge(data, "interval_in_hours", like_hours(days), "II", hint)
    one = draft(data, "", data.text("ID"), value=amount.to_numpy(), column="AMT",
                cell=data.text("AMT").to_numpy(), steady=np.where(steady, spacing, np.nan),
                lesion=bench.numbers(data, "LESION").fillna(0).to_numpy(int),
                **{name: values[rows] for name, values in place.items()})  # fmt: skip
    one["kind"] = words.map({"rt": FRACTION, DRUG: DOSE}).to_numpy()
    row = np.repeat(np.arange(len(data)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    many = one.iloc[row].reset_index(drop=True)
    later = number * spacing[row]
    many.loc[number > 0, "steady"] = np.nan
    many["day"] = many["day"] + later
    many["when"] = many["when"] + pd.to_timedelta(np.round(later * 86_400), unit="s")
    bench.account.changed(data.file, "ADDL unfolded into single doses", data.lines[count > 1])
    return many


def _steady(bench: Bench, data: Dataset, words: pd.Series, interval: pd.Series) -> np.ndarray:
    """Which doses stand for all those before them (SS 1), at an interval II."""
    state = bench.numbers(data, "SS").fillna(0)
    label = DRUGS[DRUG].label
    bench.flag(data, ~state.isin([0, 1]), "SS", "0, or 1 for a dose that has come to steady state")
    bench.flag(data, (state == 1) & words.ne(DRUG), "SS", f"a steady state of {label} only")
    bench.flag(data, (state == 1) & (interval <= 0), "II", "an interval above 0 beside SS 1")
    return (state == 1).to_numpy()


def _observations(bench: Bench, data: Dataset, rows: np.ndarray, place: dict) -> pd.DataFrame:
    data = data.select(rows)
    if not len(data):
        return no_records()
    mapping = bench.mapping["nonmem"]
    column = "DVID" if "DVID" in data else "CMT"
    words = _words(bench, data, column, mapping["dvid"], QUANTITIES)
    missing = bench.numbers(data, "MDV").eq(1).to_numpy()
    factor = np.ones(len(data))
    known: dict[str, np.ndarray] = {}
    for kind in sorted(set(words) & set(QUANTITIES)):
        of_kind = words.eq(kind).to_numpy()
        factor[of_kind] = _factor(bench, data, kind)
        unit = str(mapping["units"].get(kind, ""))
        expected = f"{unit}, the unit of {kind} in the mapping"
        _check_units(bench, data, of_kind & ~missing, OF_RESULTS, expected, unit)
        own = _antilogs(bench, data.select(of_kind), kind)
        found = read_results(bench, own, "DV", kind, factor[of_kind], missing[of_kind])
        for name, values in in_draft(found).items():
            blank = False if values.dtype == bool else np.nan
            known.setdefault(name, np.full(len(data), blank, values.dtype))[of_kind] = values
    tube = data.text("TUBE").str.lower()
    lln = bench.numbers(data, "LLN").to_numpy() * np.where(words == COUNT, factor, 1.0)
    return draft(data, "", data.text("ID"), tube=tube.where(tube != "", None).to_numpy(),
                 lln=np.round(lln, 6), column="DV", cell=data.text("DV").to_numpy(), **known,
                 **{name: values[rows] for name, values in place.items()}
                 ).assign(kind=words.to_numpy())  # fmt: skip


def _check_units(
    bench: Bench, data: Dataset, rows: np.ndarray, columns: tuple[str, ...], expected: str,
    unit: str,
) -> None:  # fmt: skip
    """Columns that state a unit agree with the unit that is read."""
    for column in (name for name in columns if name in data):
        bench.flag(data, rows & other_units(data.text(column), unit), column, expected)


def _factor(bench: Bench, data: Dataset, kind: str) -> float:
    """From the mapping's unit of a quantity to the event table's, 1 (and a problem) without one."""
    unit = str(bench.mapping["nonmem"]["units"].get(kind, ""))
    factor = FACTORS[kind](unit) if unit else None
    if factor is None:
        example = f'[nonmem.units] {kind} = "{OBSERVABLES[kind].unit}"'
        expected = f"the unit of {kind} in the mapping: {example}"
        bench.found(data.file).add(None, "DV", unit or None, expected)
    return float(factor or 1)


_BASES = {"e": math.e, "10": 10.0, "2": 2.0}
"""Bases of logarithms that a mapping may name."""


def _antilogs(bench: Bench, data: Dataset, kind: str) -> Dataset:
    """Results and limits that the mapping calls logarithms as the numbers themselves."""
    base = bench.mapping["nonmem"]["logarithms"].get(kind)
    if base is None:
        return data
    if str(base) not in _BASES:
        expected = f"{', '.join(_BASES)} as base in [nonmem.logarithms]"
        bench.found(data.file).add(None, "DV", str(base), expected)
        return data

    def antilog(cell: str) -> str:
        word = read_word(cell)
        logs = {number: read_number(number) for number in (word.number, word.other)}
        logs = {n: log for n, log in logs.items() if log is not None and abs(log) <= _LARGEST_LOG}
        if word.number not in logs:
            return cell
        plain = {number: repr(_BASES[str(base)] ** float(log)) for number, log in logs.items()}
        if word.other:
            return f"{plain[word.other]}-{plain[word.number]}"
        return cell.replace(word.number, plain[word.number])

    names = [name for name in ("DV", *LLOQ, *ULOQ, "LIMIT") if name in data]
    frame = data.frame.assign(**{n: bench.plain(data, n).map(antilog) for n in names})
    why = f"logarithms of {kind} to the base {base}, as the mapping says"
    bench.account.changed(data.file, why, data.lines)
    return replace(data, frame=frame, written={})


_LARGEST_LOG = 300
"""Beyond it no double holds the number."""


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
