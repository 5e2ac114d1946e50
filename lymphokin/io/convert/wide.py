"""Spreadsheets with one row per patient and one column per visit, read as a mapping says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import FRACTION, Bench, draft, stated
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.limits import in_draft, read_results, read_single_events
from lymphokin.io.convert.mapping_defaults import MEASURED
from lymphokin.io.convert.nonmem import misnamed
from lymphokin.io.convert.written_dates import in_iso
from lymphokin.io.vocabulary import COVARIATES, NUMERIC_COVARIATES
from lymphokin.schedule import SATURDAY, treatment_days

TO_FILL_IN = "one to fill in"
"""What is said of a mapping that :func:`guessed_mapping` writes."""
_ID = re.compile(
    r"(?:(?:patient|subject|pat|subj|usubj|study)?[ _.-]*(?:id|no|nr|number|code)?)", re.I
)
_VISIT = re.compile(
    r"(?:alc|lymph\w*|lym)?[ _.-]*(?P<unit>day|d|jour|j|week|wk|w|semaine|sem|s|month|mo|m|mois)"
    r"[ _.-]*(?P<number>[+-]?\d+(?:\.\d+)?)",
    re.I,
)
_DAYS = {"d": 1.0, "j": 1.0, "w": 7.0, "s": 7.0, "m": 30.4375}
_BEFORE = re.compile(r".*(?:baseline|screening|pre[ -]?(?:rt|treat)|inclusion|avant).*", re.I)


def draft_wide(bench: Bench, data: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draft records and covariates of a sheet with one row per patient."""
    wide = bench.mapping["wide"]
    bench.account.source(data.file, len(data))
    for note in data.notes:
        bench.account.warn(note)
    _check_mapping(bench, data)
    bench.raise_if_any()
    bench.columns["ID"] = wide["id"].upper()
    ids = data.text(wide["id"].upper())
    bench.flag(data, ids == "", wide["id"].upper(), "a patient in every row")
    bench.flag(data, ids.duplicated() & (ids != ""), wide["id"].upper(), "one row per patient",
               "a duplicate visit? keep one of them")  # fmt: skip
    parts, blank = [], np.zeros(len(data), int)
    for measured in _measured(bench):
        for column, day in measured.visits.items():
            cells = _visit(bench, data, measured, str(column).upper(), float(day), ids)
            blank += cells["value"].isna().to_numpy()
            parts.append(cells[cells["value"].notna().to_numpy()])
    bench.account.changed(
        data.file, "blank cell(s): no result on that visit", data.lines[blank > 0]
    )
    parts.append(_fractions(bench, data, ids))
    records = pd.concat([p for p in parts if len(p)] or parts, ignore_index=True)
    silent = ~ids.isin(set(records["id"])).to_numpy()
    bench.account.dropped(data.file, "a patient without any result", data.lines[silent])
    return records, _covariates(bench, data, ids, wide["covariates"])


@dataclass(frozen=True)
class _Measured:
    """A quantity or covariate with a column per visit.

    Attributes:
        name: Its word in the event table.
        table: The table of the mapping that says the rest.
        unit: Of its values.
        visits: Day of each column.
        lesions: Lesion of each column, of what is measured per lesion.
        lloq: Limit of quantification in its unit, 0 without one.
        uloq: Upper limit, 0 without one.
    """

    name: str
    table: str
    unit: str
    visits: dict[str, float]
    lesions: dict[str, int]
    lloq: float
    uloq: float

    def kind(self, bench: Bench) -> str:
        """The kind of its records."""
        return stated(self.name) if self.name in bench.words.varying else self.name

    def factor(self, bench: Bench) -> Fraction | None:
        """From its unit to the event table's."""
        return bench.unit_factor(self.kind(bench), self.unit)


def _measured(bench: Bench) -> list[_Measured]:
    """What has columns of visits: the quantity of [wide], and those of [wide.more]."""
    wide = bench.mapping["wide"]
    own = {name.lower(): name for name in (*bench.words.quantities, *bench.words.varying)}
    tables = [("wide", wide["quantity"], wide)] if wide["visits"] else []
    tables += [(f"wide.more.{name}", name, keys) for name, keys in wide["more"].items()]
    return [
        _Measured(
            str(own.get(name.lower(), name)),
            table,
            *(keys.get(key, default) for key, default in MEASURED.items()),
        )
        for table, name, keys in tables
    ]


def _check_mapping(bench: Bench, data: Dataset) -> None:
    """Nothing of a spreadsheet is guessed: the mapping names the columns, days and unit."""
    wide = bench.mapping["wide"]
    found = bench.found(data.file)
    hint = f"{TO_FILL_IN} can be guessed from the names of the columns"
    units = misnamed(data)
    if units and not wide["id"]:
        names = ", ".join(
            f"{json.dumps(theirs)} = {json.dumps(own)}" for theirs, own in units.items()
        )
        found.add(None, None, ", ".join(units), "the names of a NONMEM table without units",
                  f"name them in the mapping: [nonmem] columns = {{ {names} }}")  # fmt: skip
        return
    if not wide["id"] or not _measured(bench):
        found.add(None, None, f"columns {', '.join(map(str, data.frame.columns))}"[:120],
                  "a mapping with [wide] id, unit and visits, or a table of a known kind",
                  hint)  # fmt: skip
        return
    columns = [wide["id"], *(c for m in _measured(bench) for c in m.visits)]
    columns += wide["covariates"].values()
    columns += [wide[k] for k in ("fraction_gy_column", "fractions_column", "start_date_column")]
    for column in (str(c).upper() for c in columns if c):
        if column not in data:
            found.add(None, column, None, f"the column {column} of the mapping")
    for measured in _measured(bench):
        _check_measured(bench, data, measured)
    unknown = [c for c in wide["covariates"] if c.upper() not in COVARIATES]
    for name in unknown:
        found.add(None, None, name, "a covariate of the event table: " + ", ".join(COVARIATES))


def _check_measured(bench: Bench, data: Dataset, measured: _Measured) -> None:
    """What stands in columns of visits is known, and its days, unit and lesions are stated."""
    found, words, table = bench.found(data.file), bench.words, measured.table
    for column, day in measured.visits.items():
        if not isinstance(day, int | float) or isinstance(day, bool):
            found.add(
                None, str(column), str(day), "the day of the visit as a number in the mapping"
            )
    known = (*words.quantities, *words.varying)
    if measured.name not in known:
        key = "[wide] quantity" if table == "wide" else f"the table [{table}]"
        found.add(None, None, measured.name, f"one of {', '.join(known)} as {key}")
        return
    if measured.name in words.events:
        return
    if not measured.unit or measured.factor(bench) is None:
        own = bench.unit_of(measured.kind(bench))
        expected = f'a known unit, such as [{table}] unit = "{own}"'
        found.add(None, None, measured.unit or None, expected)
    lesion = measured.name in words.quantities and words.observable(measured.name).per_lesion
    for column in measured.visits:
        number = measured.lesions.get(column)
        if lesion and not (isinstance(number, int) and number > 0):
            expected = f'the lesion that was measured: [{table}.lesions] "{column}" = 1'
            found.add(None, str(column), None if number is None else str(number), expected)


def _visit(
    bench: Bench, data: Dataset, measured: _Measured, column: str, day: float, ids: pd.Series
) -> pd.DataFrame:
    kind, words = measured.name, bench.words
    about = {"day": day, "column": column, "cell": data.text(column).to_numpy()}
    if kind in words.events:
        return draft(data, kind, ids, **about, **read_single_events(bench, data, column))
    per_unit = float(measured.factor(bench) or 1)
    if kind in words.varying:
        bench.columns[kind] = column
        value = bench.numbers(data, column).to_numpy() * per_unit
        return draft(data, stated(kind), ids, value=value, **about)
    limits = {"lloq": measured.lloq * per_unit, "uloq": measured.uloq * per_unit}
    factor = np.full(len(data), per_unit)
    found = read_results(bench, data, column, kind, factor, limits=limits, table=measured.table)
    lesions = {str(name).upper(): number for name, number in measured.lesions.items()}
    return draft(data, kind, ids, **about, lesion=lesions.get(column, 0), **in_draft(found))


def _fractions(bench: Bench, data: Dataset, ids: pd.Series) -> pd.DataFrame:
    wide = bench.mapping["wide"]
    gray = bench.numbers(data, wide["fraction_gy_column"].upper()).to_numpy()
    gray = np.where(np.isnan(gray), wide["fraction_gy"] or np.nan, gray)
    if not wide["fraction_days"] and not wide["fractions_column"]:
        return draft(data, FRACTION, ids).iloc[:0]
    days = [np.asarray(wide["fraction_days"], float)] * len(data)
    if wide["fractions_column"]:
        column = wide["fractions_column"].upper()
        start_name = wide["start_date_column"].upper()
        number = bench.numbers(data, column)
        wrong = number.notna() & ~((number >= 1) & (number <= 100) & (number % 1 == 0))
        bench.flag(data, wrong, column, "a number of fractions from 1 to 100")
        start = _start_dates(bench, data, start_name) if start_name in data else None
        weekday = (
            np.zeros(len(data), int)
            if start is None
            else (start.astype("datetime64[D]").astype(int) + 3) % 7
        )
        odd = np.zeros(len(data), bool) if start is None else np.isnat(start)
        counted = number.notna().to_numpy()
        bench.flag(data, odd & counted, start_name, "a date of day 0, such as 2026-03-09")
        weekend = ~odd & (weekday >= SATURDAY)
        bench.flag(data, weekend & counted, start_name, "a weekday as date of day 0",
                   "an emergency? give the days in the mapping: [wide] fraction_days")  # fmt: skip
        odd |= weekend
        if start is None:
            bench.account.warn(f"{data.file}: without start dates day 0 was taken for a Monday")
        days = [
            treatment_days(int(n), int(w)).astype(float) if n == n and not bad else np.zeros(0)
            for n, w, bad in zip(number, weekday, wrong.to_numpy() | odd, strict=True)
        ]
    count = np.array([len(d) for d in days])
    bench.flag(data, (count > 0) & ~(gray > 0), wide["fraction_gy_column"].upper() or "FRACTION_GY",
               "the Gy of one fraction above 0")  # fmt: skip
    row = np.repeat(np.arange(len(data)), count)
    many = draft(data, FRACTION, ids, value=gray).iloc[row].reset_index(drop=True)
    return many.assign(day=np.concatenate([*days, np.zeros(0)]))


def _start_dates(bench: Bench, data: Dataset, column: str) -> np.ndarray:
    """Dates of day 0."""
    cells = in_iso(bench, data, column)
    return read_dates(cells.where(cells.notna(), None)).when


def _covariates(bench: Bench, data: Dataset, ids: pd.Series, names: dict[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(index=pd.Index(ids, dtype=object, name="id"))
    for ours, theirs in names.items():
        column = str(theirs).upper()
        bench.columns[ours.upper()] = column
        numeric = ours.upper() in NUMERIC_COVARIATES
        values = bench.numbers(data, column) if numeric else data.text(column).replace("", None)
        table[ours.lower()] = values.to_numpy()
    table["start"] = np.datetime64("NaT", "s")
    return table[~table.index.duplicated()]


def guessed_mapping(data: Dataset) -> str:
    """A mapping for a sheet with guesses from its column names, to be checked and filled in."""
    names = [str(name) for name in data.frame.columns]
    subject = next((n for n in names if _ID.fullmatch(n) and n), names[0])
    visits: list[str] = []
    for name in names:
        match = _VISIT.fullmatch(name)
        if match:
            day = float(match["number"]) * _DAYS[match["unit"][0].lower()]
            visits.append(f"{json.dumps(name)} = {round(day, 1):g}")
        elif _BEFORE.fullmatch(name):
            visits.append(f"{json.dumps(name)} = -1  # the day is a guess: check it")
    rest = [n for n in names if n != subject and not any(json.dumps(n) in v for v in visits)]
    covariates = [f"{c} = {json.dumps(n)}" for c in COVARIATES for n in rest if n == c]
    return "\n".join(
        [
            f"# Mapping of {data.file} to the event table; everything here is a guess to check.",
            "[wide]",
            f"id = {json.dumps(subject)}",
            'quantity = "alc"',
            'unit = ""  # of all counts, e.g. "10^9/L" or "/uL": must be filled in',
            "# lloq = 0.1  # limit of quantification, in that unit",
            "# fraction_days = [0, 1, 2, 3, 4]  # days of the fractions of every patient, and",
            "# fraction_gy = 10  # the Gy of each; or columns of the sheet:",
            '# fractions_column = ""',
            '# fraction_gy_column = ""',
            '# start_date_column = ""  # date of day 0, to leave out weekends',
            "",
            "[wide.visits]  # column = day from the first fraction",
            *(visits or ['# "Week 6" = 42']),
            "",
            "[wide.covariates]  # column of the event table = column of the sheet",
            *(covariates or ['# ARM = "Arm"']),
            f"# not used: {', '.join(rest)}" if rest else "",
            "",
        ]
    )
