"""Results of a laboratory domain as values in the event table's unit."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, LEVEL, Bench
from lymphokin.io.convert.columns import Columns
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.results import EXPECTED, Reading, Result, Rounding, decimals_of
from lymphokin.lab_units import count_factor, level_factor
from lymphokin.quantities import CELLS_PER_UL

_BRACKETED = re.compile(r".*[(\[]([^()\[\]]+)[)\]]\s*$")


LARGEST_LLOQ = 1.0
"""Largest plausible limit of quantification of a lymphocyte count in 1e9/L: counters report 0.1 or
less (judgement). A larger one is in cells/uL."""

FACTORS = {COUNT: count_factor, LEVEL: level_factor}


def units_of(data: Dataset, columns: Columns) -> pd.Series:
    """Unit of the standardised number, '' where not stated."""
    unit = pd.Series("", index=data.frame.index, dtype=object)
    for name in columns.unit:
        text = data.text(name)
        if name == "PARAM":
            text = text.str.extract(_BRACKETED, expand=False).fillna("").str.strip()
        unit = unit.where(unit != "", text)
    return unit


def _cells_per_ul(unit: str) -> Fraction | None:
    factor = count_factor(unit)
    return None if factor is None else factor * int(CELLS_PER_UL)


def cells_of(bench: Bench, data: Dataset, columns: Columns) -> list[tuple[str, str, float, str]]:
    """Result as collected and its unit, standardised number and its unit, of each record.

    Where nothing is collected, the standardised text says what a number cannot, such as `<0.1`.
    """
    text, text_unit = bench.plain(data, columns.text), data.text(columns.text_unit)
    number, unit = bench.numbers(data, columns.number), units_of(data, columns)
    blank = text == ""
    text = text.where(~blank, data.text(columns.standard_text))
    text_unit = text_unit.where(~blank, unit)
    return list(zip(text, text_unit, number, unit, strict=True))


def reading_of(
    bench: Bench, data: Dataset, columns: Columns, kind: str, cells: list[tuple]
) -> Reading:
    """How the results of one quantity are read."""
    lab = bench.mapping["lab"]
    decimals = decimals_of(bench.numbers(data, columns.number).to_numpy())
    printed = data.text(columns.standard_text)
    return Reading(
        FACTORS.get(kind, _cells_per_ul),
        lab["units"],
        lab["unit"] if kind == COUNT else "",
        decimals,
        Rounding.of(cells, printed, int(lab["standard_decimals"])),
    )


def results_of(
    bench: Bench, data: Dataset, columns: Columns, read: Reading, cells: list[tuple]
) -> list[Result]:
    """Value of each record; one that cannot be read is a problem."""
    results = [read(*cell) for cell in cells]
    shown = {"unit": columns.text_unit, "no unit": columns.text_unit}
    for at, result in enumerate(results):
        if result.problem:
            column = shown.get(result.problem, columns.text)
            column = column if column in data else columns.number
            text, text_unit, number, unit = cells[at]
            value = f"{text or number} {unit or text_unit}".strip()
            if result.problem == "disagree":
                value = f"{text} {text_unit} and {number:g} {unit}"
            found = bench.found(data.file)
            found.add(int(data.lines[at]), column, value, EXPECTED[result.problem])
    known = pd.Series([c[1] or c[3] for c, r in zip(cells, results, strict=True)
                       if math.isfinite(r.value)], dtype=object).value_counts()  # fmt: skip
    if len(known) > 1:
        told = ", ".join(f"{unit or 'none'} ({count:,})" for unit, count in known.items())
        bench.account.warn(f"{data.file}: more than one unit of the same test: {told}")
    return results


def limits_of(
    bench: Bench, data: Dataset, columns: Columns, read: Reading, kind: str, names: tuple[str, ...]
) -> np.ndarray:
    """The first stated of the columns `names` as values in the event table's unit.

    They are in the unit of the standardised number, or of the collected one where that has none.
    """
    unit = units_of(data, columns)
    unit = unit.where(unit != "", data.text(columns.text_unit))
    factors = {each: float(read.factor_of(each) or math.nan) for each in unit.unique()}
    factor = unit.map(factors).to_numpy(float)
    limit = np.full(len(data), np.nan)
    for name in (n for n in names if n in data):
        stated = bench.numbers(data, name).to_numpy()
        unread = np.isfinite(stated) & np.isnan(factor) & np.isnan(limit)
        if unread.any():
            bench.account.warn(f"{data.file}: {int(unread.sum()):,} values of {name} are not used, "
                               "as the unit of the standardised result is not known")  # fmt: skip
        limit = np.where(np.isnan(limit), stated * factor, limit)
    if kind == COUNT and names == (columns.lloq,):
        expected = f"a limit of quantification of at most {LARGEST_LLOQ:g} (1e9/L)"
        hint = "is it in the unit of the standardised result?"
        bench.flag(data, limit > LARGEST_LLOQ, columns.lloq, expected, hint)
    return limit
