"""Laboratory records (SDTM LB and PC, ADaM ADLB) into counts and drug levels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, LEVEL, OTHERS, Bench, draft, no_records, stated
from lymphokin.io.convert.columns import SDTM_PC, Columns
from lymphokin.io.convert.cross_checks import check_baseline, check_grades, check_size
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.laboratory import (
    cells_of,
    limited_results,
    limits_of,
    reading_of,
    results_of,
    units_of,
)
from lymphokin.io.convert.limits import in_draft
from lymphokin.io.convert.placing import original_records, placed
from lymphokin.io.convert.shares import counts_from_shares
from lymphokin.io.convert.specimens import (
    check_status,
    of_the_right_specimen,
    of_the_right_test,
)
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.io.convert.treatment_names import holding, listed
from lymphokin.lab_units import count_factor, part_factor
from lymphokin.quantities import DRUG


def read_measurements(
    bench: Bench, data: Dataset, columns: Columns, subjects: pd.DataFrame
) -> pd.DataFrame:
    """Draft records of the counts and levels in `data`.

    `subjects`: per subject, `first_day` (study day 1), to place records by study day where their
    date is incomplete, and `start`, the start of treatment.
    """
    bench.account.source(data.file, len(data))
    for note in data.notes:
        bench.account.warn(note)
    tests = data.text(columns.test).str.upper()
    lab = bench.mapping["lab"]
    codes = {COUNT: lab["lymphocytes"], **{name: lab[name] for name in OTHERS}}
    codes[LEVEL] = bench.mapping[DRUG]["level_tests"]
    codes |= {kind: lab["tests"].get(name, []) for kind, name in _of_a_model(bench).items()}
    wanted = {kind: tests.isin(_upper(names)).to_numpy() for kind, names in codes.items()}
    shares = tests.isin(_upper(lab["lymphocyte_fractions"])).to_numpy()
    as_share = wanted[COUNT] & _in_parts(bench, data, columns) & (COUNT not in bench.own)
    shares = shares | as_share
    wanted[COUNT] = wanted[COUNT] & ~as_share
    other = ~shares & ~np.any(list(wanted.values()), axis=0)
    leukocytes = data.select(tests.isin(_upper(lab["leukocytes"])))
    parts = []
    for kind, rows in wanted.items():
        if rows.any():
            parts.append(_measurements(bench, data.select(rows), columns, kind, subjects))
    if shares.any():
        of_blood = of_the_right_specimen(bench, data.select(shares), columns, COUNT)
        counted = {_key(r) for part in parts for r in part[["id", "when"]].to_numpy()}
        first_day = subjects["first_day"]
        parts.append(counts_from_shares(bench, of_blood, leukocytes, columns, first_day, counted))
    names = data.text(columns.test)[other]
    called = _named(data, columns)[other]
    like = holding(called, _LIKE_LYMPHOCYTES) & ~holding(called, lab["parts"])
    near = sorted(set(names[like]))
    if near:
        bench.account.warn(f"{data.file}: {listed(near)} not read, though their names speak of "
                           "lymphocytes; if they are counts: [lab] lymphocytes")  # fmt: skip
    why = f"another test: neither a lymphocyte count nor asked for ({listed(names)})"
    bench.account.dropped(data.file, why, data.lines[other])
    return pd.concat(parts, ignore_index=True) if parts else no_records()


def _of_a_model(bench: Bench) -> dict[str, str]:
    """Kinds of records that only the model has, and their words in [lab.tests] of the mapping."""
    return {name: name for name in bench.own} | {stated(name): name for name in bench.words.varying}


_LIKE_LYMPHOCYTES = ("LYMPHOCYTE", "LYMPHOCYTES", "LYMPHS", "ALC")


def _named(data: Dataset, columns: Columns) -> pd.Series:
    """What the file calls the test of each record, besides its code."""
    name = next((n for n in columns.named if n in data), columns.test)
    return data.text(name)


def _upper(names: list[str]) -> list[str]:
    return [str(name).upper() for name in names]


def _key(sample: Iterable) -> tuple:
    who, when = sample
    return who, pd.Timestamp(when)


def _in_parts(bench: Bench, data: Dataset, columns: Columns) -> np.ndarray:
    """Which records are in a unit of shares, such as %."""
    translate = bench.mapping["lab"]["units"]
    unit = data.text(columns.text_unit)
    unit = unit.where(unit != "", units_of(data, columns))
    known = {
        each: part_factor(translate.get(each, each)) is not None
        and count_factor(translate.get(each, each)) is None
        for each in unit.unique()
    }
    return unit.map(known).to_numpy(bool)


def _measurements(
    bench: Bench, data: Dataset, columns: Columns, kind: str, subjects: pd.DataFrame
) -> pd.DataFrame:
    data = of_the_right_specimen(bench, data, columns, kind)
    data = of_the_right_test(bench, data, columns, kind)
    data = original_records(bench, data, columns)
    check_status(bench, data, columns)
    data, when, clock = placed(bench, data, columns, subjects["first_day"])
    if kind == LEVEL or (columns is SDTM_PC and kind in bench.own):
        why = "a level without a clock time: nothing says how long after the dose it is"
        bench.account.dropped(data.file, why, data.lines[~clock])
        data, when, clock = data.select(clock), when[clock], clock[clock]
    cells = cells_of(bench, data, columns, kind)
    read = reading_of(bench, data, columns, kind, cells)
    results = results_of(bench, data, columns, read, cells, kind)
    value = np.array([r.value for r in results], float)
    found = limited_results(bench, data, columns, kind, read, cells, value)
    low = columns.low if kind == COUNT else ()
    lln = np.round(limits_of(bench, data, columns, read, kind, low), 6)
    sequence = data.numbers(columns.sequence).to_numpy()
    table = draft(data, kind, subjects_of(bench, data), when=when, clock=clock, lln=lln,
                  sequence=sequence, column=cells.column, cell=cells.shown,
                  **in_draft(found))  # fmt: skip
    remarks = np.array([r.remark for r in results], object)
    for remark in filter(None, dict.fromkeys(remarks)):
        bench.account.changed(data.file, remark, data.lines[remarks == remark])
    bounded = found.censored & (kind in bench.covariates)
    bench.flag(data, bounded, columns.text, "a number: a covariate has no limits")
    if kind == COUNT and kind not in bench.own:
        check_size(bench, data, cells, value)
        check_grades(bench, data, columns, found.value, lln)
        check_baseline(bench, data, columns, table, subjects["start"])
    return table
