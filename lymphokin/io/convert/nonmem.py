"""NONMEM data sets, and the spellings of nlmixr2 and Monolix, into draft records."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, DOSE, FRACTION, LEVEL, MDSC, Bench, draft, no_records
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.results import EXPECTED, Reading, Result
from lymphokin.io.records import MOST_REPEATS
from lymphokin.io.vocabulary import COMPARTMENTS, COVARIATES, NUMERIC_COVARIATES, QUANTITIES
from lymphokin.lab_units import count_factor, level_factor
from lymphokin.quantities import CELLS_PER_UL, HOURS_PER_DAY, OBSERVABLES

SPELLINGS = {
    "DV": ("Y", "OBSERVATION"),
    "DVID": ("YTYPE", "OBSID"),
    "CMT": ("ADM",),
    "CENS": (),
    "LLOQ": ("LIMIT", "LOQ"),
}
"""Columns of nlmixr2 (lower case of NONMEM's) and Monolix that mean the same."""

DATE_FORMATS = {"DATE": "%m-%d-%Y", "DAT1": "%d-%m-%Y", "DAT2": "%Y-%m-%d", "DAT3": "%Y-%d-%m"}
"""What NONMEM takes the parts of its date items for."""

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_FACTORS = {
    COUNT: count_factor,
    MDSC: lambda u: None if (f := count_factor(u)) is None else f * int(CELLS_PER_UL),
    LEVEL: level_factor,
}


def is_nonmem(bench: Bench, data: Dataset) -> bool:
    """Whether a table has one record per row: a subject, a time and a dose or observation."""
    names = set(_renamed(bench, data).frame.columns)
    return {"ID", "DV"} <= names and bool({"TIME", *DATE_FORMATS} & names)


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
        alias = next((n for n in ("USUBJID", "SUBJID", "SUBJECT") if n in present), None)
        names |= {alias: "ID"} if alias else {}
    frame = data.frame.rename(columns=names)
    frame = frame.loc[:, ~frame.columns.duplicated()]
    return Dataset(data.file, frame, data.lines, data.decimal_comma, data.notes)


def draft_nonmem(bench: Bench, source: Path, data: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draft records and covariates per subject of a data set with one record per row."""
    bench.account.source(data.file, len(data))
    for note in data.notes:
        bench.account.warn(note)
    data = _blank_points(_not_ignored(bench, _renamed(bench, data)))
    _refuse(bench, data)
    event = _events(bench, data)
    bench.account.dropped(data.file, "EVID 2: another type of event", data.lines[event == 2])
    keep = event < 2
    data, event = data.select(keep), event[keep]
    ids = data.text("ID")
    bench.flag(data, ids == "", "ID", "a subject on every record")
    when, clock, day = _times(bench, data)
    bench.raise_if_any()
    place = {"when": when, "clock": clock, "day": day}
    parts = [_doses(bench, data, event == 1, place), _observations(bench, data, event == 0, place)]
    parts = [part for part in parts if len(part)]
    records = pd.concat(parts, ignore_index=True) if parts else no_records()
    return _from_first_fraction(bench, records), _covariates(bench, data)


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
    return Dataset(data.file, frame, data.lines, data.decimal_comma, data.notes)


def _refuse(bench: Bench, data: Dataset) -> None:
    """Items that change what a dose is and that the event table does not have."""
    for name, what in (("SS", "steady state"), ("RATE", "an infusion"), ("TINF", "an infusion"),
                       ("DUR", "an infusion")):  # fmt: skip
        number = bench.numbers(data, name)
        bench.flag(
            data, number.notna() & (number != 0), name, f"0 or a blank: {what} is not known here"
        )


def _events(bench: Bench, data: Dataset) -> np.ndarray:
    """EVID per row; derived from AMT where there is no such column."""
    if "EVID" not in data:
        return (bench.numbers(data, "AMT").fillna(0) > 0).astype(int).to_numpy()
    event = bench.numbers(data, "EVID")
    expected = "0 (observation), 1 (dose) or 2 (other); resets (3, 4) are not known here"
    bench.flag(data, ~event.isin([0, 1, 2]), "EVID", expected)
    return event.fillna(0).astype(int).to_numpy()


def _times(bench: Bench, data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moment, whether its clock is known, and day of every row: a date or a number of days."""
    mapping = bench.mapping["nonmem"]
    when = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    clock, day = np.zeros(len(data), bool), np.full(len(data), np.nan)
    dated = next((name for name in DATE_FORMATS if name in data), None)
    text = data.text("TIME")
    if dated is None:
        per_day = {"days": 1.0, "d": 1.0, "hours": HOURS_PER_DAY, "h": HOURS_PER_DAY}.get(
            mapping["time_unit"].lower()
        )
        if per_day is None:
            expected = 'the unit of TIME in the mapping: [nonmem] time_unit = "hours" or "days"'
            bench.found(data.file).add(None, "TIME", mapping["time_unit"] or None, expected)
            return when, clock, day
        number = bench.numbers(data, "TIME")
        bench.flag(data, number.isna(), "TIME", f"a number of {mapping['time_unit']}")
        return when, clock, number.to_numpy() / per_day
    pattern = mapping["date_format"] or DATE_FORMATS[dated]
    dates = [_date(word, pattern) for word in data.text(dated)]
    bench.flag(data, np.array([d is None for d in dates], bool), dated,
               f"a date like {datetime(2026, 3, 9).strftime(pattern)} ({dated} of NONMEM)",
               "another order? [nonmem] date_format in the mapping")  # fmt: skip
    seconds = text.map(_seconds)
    bench.flag(data, seconds.isna(), "TIME", "a clock time such as 14:30 beside the date")
    moments = [d or datetime(1970, 1, 1) for d in dates]
    when = np.array(moments, "datetime64[s]") + seconds.fillna(0).to_numpy("timedelta64[s]")
    return when, (text != "").to_numpy(), day


def _date(word: str, pattern: str) -> datetime | None:
    word = re.sub(r"[/.]", "-", word)
    for form in (pattern, "%Y-%m-%d", pattern.replace("%Y", "%y")):
        try:
            return datetime.strptime(word, re.sub(r"[/.]", "-", form))
        except ValueError:
            continue
    return None


def _seconds(word: str) -> float:
    """Seconds after midnight of a clock time, 0 for a blank, NaN for anything else."""
    match = _CLOCK.fullmatch(word)
    if match is None:
        try:
            hours = float(word or 0)
        except ValueError:
            return np.nan
        return hours * 3600 if 0 <= hours < 24 else np.nan
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    return np.nan if hour > 23 or minute > 59 else hour * 3600.0 + minute * 60 + second


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
    more, interval = bench.numbers(data, "ADDL").fillna(0), bench.numbers(data, "II").fillna(0)
    wrong = (more > 0) & ((interval <= 0) | (more > MOST_REPEATS) | (more % 1 != 0))
    bench.flag(data, wrong, "ADDL", f"a whole number up to {MOST_REPEATS}, with II above 0")
    count = np.where(wrong | (more < 0), 0, more).astype(int) + 1
    hours = bench.mapping["nonmem"]["time_unit"].lower() in ("hours", "h", "")
    spacing = interval.to_numpy() / (HOURS_PER_DAY if hours else 1.0)
    one = draft(data, "", data.text("ID"), value=amount.to_numpy(),
                lesion=bench.numbers(data, "LESION").fillna(0).to_numpy(int),
                **{name: values[rows] for name, values in place.items()})  # fmt: skip
    one["kind"] = words.map({"rt": FRACTION, "atra": DOSE}).to_numpy()
    row = np.repeat(np.arange(len(data)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    many = one.iloc[row].reset_index(drop=True)
    later = number * spacing[row]
    many["day"] = many["day"] + later
    many["when"] = many["when"] + pd.to_timedelta(np.round(later * 86_400), unit="s")
    bench.account.changed(data.file, "ADDL unfolded into single doses", data.lines[count > 1])
    return many


def _observations(bench: Bench, data: Dataset, rows: np.ndarray, place: dict) -> pd.DataFrame:
    data = data.select(rows)
    if not len(data):
        return no_records()
    mapping = bench.mapping["nonmem"]
    column = "DVID" if "DVID" in data else "CMT"
    words = _words(bench, data, column, mapping["dvid"], QUANTITIES)
    missing = bench.numbers(data, "MDV").eq(1).to_numpy()
    results: list[Result] = []
    units = {kind: str(mapping["units"].get(kind, "")) for kind in QUANTITIES}
    for kind in sorted(set(words) & set(QUANTITIES)):
        if not units[kind] or _FACTORS[kind](units[kind]) is None:
            example = f'[nonmem.units] {kind} = "{OBSERVABLES[kind].unit}"'
            expected = f"the unit of {kind} in the mapping: {example}"
            bench.found(data.file).add(None, "DV", units[kind] or None, expected)
    text = data.text("DV").where(~missing, "")
    text = text.str.replace(",", ".") if data.decimal_comma else text
    for word, cell in zip(words, text, strict=True):
        read = Reading(_FACTORS.get(word, count_factor), {}, units.get(word, ""), -1)
        results.append(read(cell, "", np.nan, "") if cell else Result())
    for problem in ("number", "above"):
        bench.flag(data, np.array([r.problem == problem for r in results]), "DV", EXPECTED[problem])
    value = np.array([r.value for r in results], float)
    factor = np.array([float(_FACTORS[w](units[w]) or 1) if units.get(w) else 1.0
                       for w in words])  # fmt: skip
    lloq = bench.numbers(data, "LLOQ").to_numpy() * factor
    flagged = (
        bench.numbers(data, "CENS").eq(1).to_numpy() | bench.numbers(data, "BLQ").eq(1).to_numpy()
    )
    below = np.array([r.below for r in results], bool) | flagged | (value < lloq)
    lloq = np.where(below & np.isnan(lloq), value, lloq)
    bench.flag(data, below & ~(lloq > 0), "DV", "a limit of quantification (LLOQ, LIMIT or DV)")
    bench.flag(data, (value == 0) & ~below, "DV", "a value above 0, or a limit of quantification")
    tube = data.text("TUBE").str.lower()
    return draft(data, "", data.text("ID"), value=np.where(below, lloq, value), below=below,
                 lloq=lloq, tube=tube.where(tube != "", None).to_numpy(),
                 lln=bench.numbers(data, "LLN").to_numpy(),
                 **{name: values[rows] for name, values in place.items()}
                 ).assign(kind=words.to_numpy())  # fmt: skip


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
