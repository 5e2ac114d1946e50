"""Laboratory records (SDTM LB and PC, ADaM ADLB) into counts and drug levels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from lymphokin.endpoint import grade_of_count
from lymphokin.io.convert.bench import COUNT, LEVEL, MDSC, Bench, draft, no_records
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import from_study_day, read_dates
from lymphokin.io.convert.results import EXPECTED, Reading, Result, decimals_of
from lymphokin.lab_units import count_factor, level_factor, part_factor
from lymphokin.units import CELLS_PER_UL, LARGEST_ALC


@dataclass(frozen=True)
class Columns:
    """Where a domain keeps what is read; the first column that is there counts.

    `unit` may be a column whose text ends with the unit in brackets.
    """

    test: str
    text: str
    text_unit: str
    standard_text: str
    number: str
    unit: tuple[str, ...]
    dates: tuple[str, ...]
    study_day: str
    low: tuple[str, ...]
    baseline: str
    derived: str
    lloq: str
    grade: tuple[str, ...] = ()
    sequence: str = ""
    imputed: str = ""


SDTM_LB = Columns("LBTESTCD", "LBORRES", "LBORRESU", "LBSTRESC", "LBSTRESN", ("LBSTRESU",),
                  ("LBDTC",), "LBDY", ("LBSTNRLO",), "LBBLFL", "LBDRVFL", "LBLLOQ",
                  ("LBTOXGR",))  # fmt: skip
SDTM_PC = Columns("PCTESTCD", "PCORRES", "PCORRESU", "PCSTRESC", "PCSTRESN", ("PCSTRESU",),
                  ("PCDTC",), "PCDY", (), "PCBLFL", "PCDRVFL", "PCLLOQ")  # fmt: skip
ADAM_LB = Columns("PARAMCD", "LBORRES", "LBORRESU", "AVALC", "AVAL", ("AVALU", "PARAM", "LBSTRESU"),
                  ("ADTM", "LBDTC", "ADT"), "ADY", ("ANRLO", "A1LO"), "ABLFL", "DTYPE", "LBLLOQ",
                  ("ATOXGRL", "ATOXGR"), "LBSEQ", "ADTF")  # fmt: skip

_BRACKETED = re.compile(r".*[(\[]([^()\[\]]+)[)\]]\s*$")


def read_measurements(
    bench: Bench, data: Dataset, columns: Columns, start: pd.Series
) -> pd.DataFrame:
    """Draft records of the counts and levels in `data`.

    `start`: date of study day 1 per subject (datetime64), to place records by study day where
    their date is incomplete.
    """
    bench.account.source(data.file, len(data))
    for note in data.notes:
        bench.account.warn(note)
    tests = data.text(columns.test).str.upper()
    lab, atra = bench.mapping["lab"], bench.mapping["atra"]
    codes = {COUNT: lab["lymphocytes"], MDSC: lab["mdsc"], LEVEL: atra["level_tests"]}
    shares = tests.isin(_upper(lab["lymphocyte_fractions"])).to_numpy()
    wanted = {kind: tests.isin(_upper(names)).to_numpy() for kind, names in codes.items()}
    other = ~shares & ~np.any(list(wanted.values()), axis=0)
    leukocytes = data.select(tests.isin(_upper(lab["leukocytes"])))
    parts = []
    for kind, rows in wanted.items():
        if rows.any():
            parts.append(_measurements(bench, data.select(rows), columns, kind, start))
    if shares.any():
        counted = {_key(r) for part in parts for r in part[["id", "when"]].to_numpy()}
        parts.append(_from_shares(bench, data.select(shares), leukocytes, columns, start, counted))
    why = "another test: neither a lymphocyte count nor asked for"
    bench.account.dropped(data.file, why, data.lines[other])
    return pd.concat(parts, ignore_index=True) if parts else no_records()


def _upper(names: list[str]) -> list[str]:
    return [str(name).upper() for name in names]


def _key(sample: Iterable) -> tuple:
    who, when = sample
    return who, pd.Timestamp(when)


def subjects_of(bench: Bench, data: Dataset) -> pd.Series:
    """Subject identifier of every row; a row without one is a problem."""
    names = bench.mapping["subject"]["id"]
    name = next((n.upper() for n in names if n.upper() in data), str(names[0]).upper())
    ids = data.text(name)
    if name not in data:
        bench.found(data.file).add(None, name, None, f"a column {name} with the subject")
    else:
        bench.flag(data, ids == "", name, "a subject on every record")
    return ids


def _measurements(
    bench: Bench, data: Dataset, columns: Columns, kind: str, start: pd.Series
) -> pd.DataFrame:
    data = _originals(bench, data, columns)
    data, when, clock = _placed(bench, data, columns, start)
    results = _results(bench, data, columns, _reading(bench, data, columns, kind))
    value = np.array([r.value for r in results], float)
    below = np.array([r.below for r in results], bool)
    lloq = np.where(below, value, _scaled(bench, data, columns, columns.lloq, kind))
    if kind == COUNT and bench.mapping["lab"]["lloq"] > 0:
        lloq = np.where(np.isnan(lloq), bench.mapping["lab"]["lloq"], lloq)
    below |= value < lloq
    value = np.where(below, lloq, value)
    lln = _low(bench, data, columns, kind)
    table = draft(data, kind, subjects_of(bench, data), when=when, clock=clock, value=value,
                  below=below, lloq=lloq, lln=lln)  # fmt: skip
    remarks = np.array([r.remark for r in results], object)
    for remark in filter(None, dict.fromkeys(remarks)):
        bench.account.changed(data.file, remark, data.lines[remarks == remark])
    if kind == COUNT:
        _check_size(bench, data, columns, value)
        _check_grades(bench, data, columns, value, lln)
        _check_baseline(bench, data, columns, table, start)
    return table


def _originals(bench: Bench, data: Dataset, columns: Columns) -> Dataset:
    """Only measured records: no derived ones, none shown twice under another analysis visit."""
    derived = (data.text(columns.derived) != "").to_numpy()
    if columns.derived != "DTYPE":
        derived = data.text(columns.derived).str.upper().eq("Y").to_numpy()
    bench.account.dropped(data.file, f"derived record ({columns.derived} is set)",
                          data.lines[derived])  # fmt: skip
    data = data.select(~derived)
    if columns.sequence in data:
        keys = pd.DataFrame({"id": subjects_of(bench, data), "n": data.text(columns.sequence)})
        again = (keys.duplicated() & (keys["n"] != "")).to_numpy()
        why = f"the same measurement ({columns.sequence}) under another analysis visit"
        bench.account.dropped(data.file, why, data.lines[again])
        data = data.select(~again)
    return data


def _placed(
    bench: Bench, data: Dataset, columns: Columns, start: pd.Series
) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Records that can be placed in time, their moments, and whether the clock is known."""
    when = np.full(len(data), np.datetime64("NaT", "s"), "datetime64[s]")
    clock, partial = np.zeros(len(data), bool), np.zeros(len(data), bool)
    for name in (n for n in columns.dates if n in data):
        read = read_dates(data.frame[name])
        bench.flag(data, read.bad, name, "an ISO 8601 date such as 2026-03-09T14:30")
        empty = np.isnat(when) & ~partial
        when = np.where(empty, read.when, when)
        clock, partial = np.where(empty, read.clock, clock), partial | (empty & read.partial)
    if columns.imputed in data:
        partial |= (data.text(columns.imputed) != "").to_numpy()
    when = np.where(partial, np.datetime64("NaT", "s"), when)
    lacking = np.isnat(when)
    if lacking.any():
        origin = start.reindex(subjects_of(bench, data)).to_numpy("datetime64[s]")
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


def _unit(data: Dataset, columns: Columns) -> pd.Series:
    """Unit of the standardised number, '' where not stated."""
    unit = pd.Series("", index=data.frame.index, dtype=object)
    for name in columns.unit:
        text = data.text(name)
        if name == "PARAM":
            text = text.str.extract(_BRACKETED, expand=False).fillna("").str.strip()
        unit = unit.where(unit != "", text)
    return unit


def _factor_of(kind: str):
    if kind == LEVEL:
        return level_factor
    if kind == COUNT:
        return count_factor

    def cells(unit: str) -> Fraction | None:
        factor = count_factor(unit)
        return None if factor is None else factor * int(CELLS_PER_UL)

    return cells


def _reading(bench: Bench, data: Dataset, columns: Columns, kind: str) -> Reading:
    lab = bench.mapping["lab"]
    decimals = decimals_of(bench.numbers(data, columns.number).to_numpy())
    return Reading(_factor_of(kind), lab["units"], lab["unit"] if kind == COUNT else "", decimals)


def _results(bench: Bench, data: Dataset, columns: Columns, read: Reading) -> list[Result]:
    text, text_unit = data.text(columns.text), data.text(columns.text_unit)
    if data.decimal_comma:
        text = text.str.replace(",", ".")
    number, unit = bench.numbers(data, columns.number), _unit(data, columns)
    blank = text == ""  # then the standardised text says what a number cannot, such as `<0.1`
    text = text.where(~blank, data.text(columns.standard_text))
    text_unit = text_unit.where(~blank, unit)
    cells = list(zip(text, text_unit, number, unit, strict=True))
    results = [read(*cell) for cell in cells]
    shown = {"unit": columns.text_unit, "no unit": columns.text_unit}
    for at, result in enumerate(results):
        if result.problem:
            column = shown.get(result.problem, columns.text)
            column = column if column in data else columns.number
            value = f"{cells[at][0] or cells[at][2]} {cells[at][3] or cells[at][1]}".strip()
            if result.problem == "disagree":
                value = f"{cells[at][0]} {cells[at][1]} and {cells[at][2]:g} {cells[at][3]}"
            expected = EXPECTED[result.problem]
            bench.found(data.file).add(int(data.lines[at]), column, value, expected)
    known = pd.Series([c[1] or c[3] for c in cells]).value_counts()
    if len(known) > 1:
        told = ", ".join(f"{unit or 'none'} ({count:,})" for unit, count in known.items())
        bench.account.warn(f"{data.file}: more than one unit of the same test: {told}")
    return results


def _scaled(bench: Bench, data: Dataset, columns: Columns, name: str, kind: str) -> np.ndarray:
    """A column in the unit of the standardised number as values in the event table's unit."""
    if not name or name not in data:
        return np.full(len(data), np.nan)
    factor_of = _factor_of(kind)
    factor = np.array([float(factor_of(u) or math.nan) for u in _unit(data, columns)], float)
    return bench.numbers(data, name).to_numpy() * factor


def _low(bench: Bench, data: Dataset, columns: Columns, kind: str) -> np.ndarray:
    """Lower limit of normal per record, NaN where not stated."""
    low = np.full(len(data), np.nan)
    for name in columns.low if kind == COUNT else ():
        low = np.where(np.isnan(low), _scaled(bench, data, columns, name, kind), low)
    return np.round(low, 6)


def _check_size(bench: Bench, data: Dataset, columns: Columns, value: np.ndarray) -> None:
    """A count that is no lymphocyte count in its unit is in another unit."""
    column = columns.text if columns.text in data else columns.number
    high = value > LARGEST_ALC
    expected = f"a lymphocyte count of at most {LARGEST_ALC:g} (1e9/L) in the stated unit"
    bench.flag(data, high, column, expected, "is the unit cells/uL?")
    bench.flag(data, value < 0, column, "a count of 0 or more")
    zero = value == 0
    expected = "a count above 0, or `<` and the limit of quantification"
    bench.flag(data, zero, column, expected)


def _check_grades(
    bench: Bench, data: Dataset, columns: Columns, value: np.ndarray, lln: np.ndarray
) -> None:
    """Compare the file's own grades with those of the values; the values count."""
    name = next((g for g in columns.grade if g in data), None)
    if name is None:
        return
    stated = bench.numbers(data, name).abs().to_numpy()
    known = np.isfinite(stated) & np.isfinite(value)
    own = np.array([grade_of_count(v, low) if k else 0
                    for v, low, k in zip(value, lln, known, strict=True)])  # fmt: skip
    differ = known & (own != stated)
    if differ.any():
        criteria = data.text("ATOXDSCL").iloc[0] if "ATOXDSCL" in data else ""
        said = f' (its criteria: "{criteria}")' if criteria else ""
        rows = ", ".join(f"{n:,}" for n in data.lines[differ][:5])
        bench.account.warn(
            f"{data.file}: {int(differ.sum()):,} of {int(known.sum()):,} grades in {name} are not "
            f"the CTCAE grade of the lymphocyte count{said}; the counts decide (rows {rows}...)"
        )


def _check_baseline(
    bench: Bench, data: Dataset, columns: Columns, table: pd.DataFrame, start: pd.Series
) -> None:
    """Baseline flags against dates: on or before the first treatment day, and the last such."""
    flagged = data.text(columns.baseline).str.upper().eq("Y").to_numpy()
    origin = start.reindex(table["id"]).to_numpy("datetime64[s]").astype("datetime64[D]")
    on = table["when"].to_numpy("datetime64[s]").astype("datetime64[D]")
    known = flagged & ~np.isnat(origin)
    late = known & (on > origin)
    if late.any():
        bench.account.warn(
            f"{data.file}: {int(late.sum()):,} of {int(known.sum()):,} records flagged as baseline "
            f"({columns.baseline}) lie after the first treatment day; dates decide"
        )
    before = pd.DataFrame({"id": table["id"], "when": table["when"], "flagged": flagged})
    before = before[(on <= origin) & np.isfinite(table["value"].to_numpy())]
    last = before.groupby("id")["when"].transform("max") == before["when"]
    not_last = before[before["flagged"] & ~last]
    if len(not_last):
        bench.account.warn(
            f"{data.file}: {len(not_last):,} records flagged as baseline ({columns.baseline}) are "
            "not the last count up to the first treatment day; all counts are kept"
        )


def _from_shares(
    bench: Bench,
    data: Dataset,
    leukocytes: Dataset,
    columns: Columns,
    start: pd.Series,
    counted: set[tuple],
) -> pd.DataFrame:
    """Lymphocytes as a share of leukocytes: only with the leukocytes of the same sample."""
    if not bench.mapping["lab"]["use_fraction_with_leukocytes"]:
        why = (
            "a share of leukocytes, not a count (to multiply it with the leukocytes of the same "
            "sample: [lab] use_fraction_with_leukocytes = true)"
        )
        bench.account.dropped(data.file, why, data.lines)
        return no_records()
    shares, when, clock = _placed(bench, _originals(bench, data, columns), columns, start)
    part = Reading(part_factor, bench.mapping["lab"]["units"], "", -1)
    count = Reading(count_factor, bench.mapping["lab"]["units"], "", -1)
    key = pd.Series(
        list(zip(subjects_of(bench, leukocytes), _moments(leukocytes, columns), strict=True))
    )
    numbers = [count(*cell).value for cell in _cells(bench, leukocytes, columns)]
    of_sample = dict(zip(key, numbers, strict=True))
    ids = subjects_of(bench, shares)
    keys = list(zip(ids, _moments(shares, columns), strict=True))
    value = np.array(
        [part(*c).value * of_sample.get(k, math.nan)
         for c, k in zip(_cells(bench, shares, columns), keys, strict=True)]
    )  # fmt: skip
    known = np.isfinite(value)
    taken = np.array([_key(r) in counted for r in zip(ids, when, strict=True)], bool)
    why = "a share of leukocytes without leukocytes of the same sample"
    bench.account.dropped(data.file, why, shares.lines[~known & ~taken])
    bench.account.dropped(data.file, "a share beside a count of the same sample",
                          shares.lines[taken])  # fmt: skip
    keep = known & ~taken
    chosen = shares.select(keep)
    bench.account.changed(data.file, "share of leukocytes x leukocytes", chosen.lines)
    return draft(chosen, COUNT, ids[keep], when=when[keep], clock=clock[keep],
                 value=np.round(value[keep], 2))  # fmt: skip


def _moments(data: Dataset, columns: Columns) -> list[str]:
    name = next((n for n in columns.dates if n in data), columns.dates[0])
    return data.text(name).tolist()


def _cells(bench: Bench, data: Dataset, columns: Columns) -> list[tuple]:
    parts = (
        data.text(columns.text),
        data.text(columns.text_unit),
        bench.numbers(data, columns.number),
    )
    return list(zip(*parts, _unit(data, columns), strict=True))
