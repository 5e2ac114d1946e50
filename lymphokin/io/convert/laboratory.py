"""Results of a laboratory domain as values in the event table's unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.io.censoring import Limits, Word
from lymphokin.io.convert.bench import COUNT, Bench
from lymphokin.io.convert.columns import Columns
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.limits import (
    BLANK,
    LLOQ,
    ULOQ,
    limit_hints,
    read_words,
    tell_missing,
    usual_limit,
    with_limits,
)
from lymphokin.io.convert.results import (
    EXPECTED,
    Reading,
    Result,
    Rounding,
    decimals_of,
    read_number,
)

_BRACKETED = re.compile(r".*[(\[]([^()\[\]]+)[)\]]\s*$")


def units_of(data: Dataset, columns: Columns) -> pd.Series:
    """Unit of the standardised number, '' where not stated."""
    unit = pd.Series("", index=data.frame.index, dtype=object)
    for name in columns.unit:
        text = data.text(name)
        if name == "PARAM":
            text = text.str.extract(_BRACKETED, expand=False).fillna("").str.strip()
        unit = unit.where(unit != "", text)
    return unit


@dataclass(frozen=True)
class Cells:
    """Results as they stand in a domain, an element per record.

    Attributes:
        read: Number as collected (as text) and its unit, standardised number and its unit.
        words: What is written: -1 below, 1 above the number, or a word of no result.
        column: Where the result stands.
        shown: The result as it is written.
    """

    read: list[tuple[str, str, float, str]]
    words: list[Word]
    column: list[str]
    shown: list[str]

    @property
    def side(self) -> NDArray[np.int8]:
        return np.array([word.side for word in self.words], np.int8)


def cells_of(bench: Bench, data: Dataset, columns: Columns, kind: str) -> Cells:
    """The results of `data`, words such as `<0.1`, BLQ and HEMOLYZED understood.

    Where nothing is collected, the standardised text says what a number cannot, such as `<0.1`.
    A result beyond a limit has no number but the one that is written with it.
    """
    text, text_unit = bench.plain(data, columns.text), data.text(columns.text_unit)
    number, unit = bench.numbers(data, columns.number), units_of(data, columns)
    standard = data.text(columns.standard_text)
    blank = text.isin(BLANK).to_numpy()
    text, text_unit = text.where(~blank, standard), text_unit.where(~blank, unit)
    stated = ~text.isin(BLANK).to_numpy()
    words = read_words(bench, text.where(stated, ""), kind)
    words = [word if there else Word() for word, there in zip(words, stated, strict=True)]
    exact = np.array([word.side == 0 for word in words], bool)
    shown = np.where(stated, text, data.text(columns.number))
    column = np.where(~blank, columns.text, np.where(stated, columns.standard_text,
                                                     columns.number))  # fmt: skip
    cells = zip((word.number for word in words), text_unit, number.where(exact), unit, strict=True)
    return Cells(list(cells), words, column.tolist(), shown.tolist())


def reading_of(bench: Bench, data: Dataset, columns: Columns, kind: str, cells: Cells) -> Reading:
    """How the results of one quantity are read."""
    lab = bench.mapping["lab"]
    decimals = decimals_of(bench.numbers(data, columns.number).to_numpy())
    printed = data.text(columns.standard_text)
    return Reading(
        partial(bench.unit_factor, kind),
        lab["units"],
        lab["unit"] if kind == COUNT and kind not in bench.own else "",
        decimals,
        Rounding.of(cells.read, printed, int(lab["standard_decimals"])),
    )


def results_of(
    bench: Bench, data: Dataset, columns: Columns, read: Reading, cells: Cells, kind: str
) -> list[Result]:
    """Value of each record, NaN where there is none; one that cannot be read is a problem."""
    results = []
    for cell, word in zip(cells.read, cells.words, strict=True):
        nothing = word.missing or (word.side != 0 and not cell[0])
        results.append(Result() if nothing else read(*cell))
    units = {"unit": columns.text_unit, "no unit": columns.text_unit}
    for at, result in enumerate(results):
        _, text_unit, number, unit = cells.read[at]
        problem = "word" if cells.words[at].missing and not math.isnan(number) else result.problem
        if problem:
            column = units.get(problem, cells.column[at])
            column = column if column in data else columns.number
            value = f"{cells.shown[at]} {text_unit or unit}".strip()
            if problem in ("disagree", "word"):
                value = f"{cells.shown[at]} {text_unit} and {number:g} {unit}"
            expected = EXPECTED[problem]
            if problem in units and (kind in bench.own or kind in bench.covariates):
                expected = f"a unit that becomes {bench.unit_of(kind)}; [lab.units] names theirs"
            bench.found(data.file).add(int(data.lines[at]), column, value, expected)
    tell_missing(bench, data, cells.shown, cells.words, kind)
    known = pd.Series([c[1] or c[3] for c, r in zip(cells.read, results, strict=True)
                       if math.isfinite(r.value)], dtype=object).value_counts()  # fmt: skip
    if len(known) > 1:
        reported = ", ".join(f"{unit or 'none'} ({count:,})" for unit, count in known.items())
        bench.account.warn(f"{data.file}: more than one unit of the same test: {reported}")
    return results


def limited_results(
    bench: Bench, data: Dataset, columns: Columns, kind: str, read: Reading, cells: Cells,
    value: NDArray[np.float64],
) -> Limits:  # fmt: skip
    """Results with their limits of quantification, by the rule of all tables.

    Limits stand in the columns of the domain; those of all records in the mapping.
    """
    factor = _standard_factor(data, columns, read)
    lloq = limits_of(bench, data, columns, read, kind, (columns.lloq, *LLOQ))
    uloq = limits_of(bench, data, columns, read, kind, (columns.uloq, *ULOQ))
    above = [read_number(word.other) for word in cells.words]
    own = [read.factor_of(unit or standard) for _, unit, _, standard in cells.read]
    other = [float(n * f) if n is not None and f is not None else math.nan
             for n, f in zip(above, own, strict=True)]  # fmt: skip
    usual = [usual_limit(bench, kind, name) or math.nan for name in ("lloq", "uloq")]
    return with_limits(
        bench, data, value, cells.side, factor,
        np.where(np.isnan(lloq), usual[0], lloq), np.where(np.isnan(uloq), usual[1], uloq),
        other=np.array(other, float), shown=cells.shown, column=cells.column,
        hints=limit_hints(bench, kind),
    )  # fmt: skip


def _standard_factor(data: Dataset, columns: Columns, read: Reading) -> NDArray[np.float64]:
    """Factor of each row's limits, NaN where it is not known.

    They are in the unit of the standardised number, or of the collected one where that has none.
    """
    unit = units_of(data, columns)
    unit = unit.where(unit != "", data.text(columns.text_unit))
    factors = {each: float(read.factor_of(each) or math.nan) for each in unit.unique()}
    return np.array([factors[each] for each in unit], float)


def limits_of(
    bench: Bench, data: Dataset, columns: Columns, read: Reading, kind: str, names: tuple[str, ...]
) -> np.ndarray:
    """The first stated of the columns `names` as values in the event table's unit."""
    factor = _standard_factor(data, columns, read)
    limit = np.full(len(data), np.nan)
    for name in (n for n in names if n in data):
        stated = bench.numbers(data, name).to_numpy()
        unread = np.isfinite(stated) & np.isnan(factor) & np.isnan(limit)
        if unread.any():
            bench.account.warn(f"{data.file}: {int(unread.sum()):,} values of {name} are not used, "
                               "as the unit of the standardised result is not known")  # fmt: skip
        limit = np.where(np.isnan(limit), stated * factor, limit)
    if kind == COUNT and kind not in bench.own and names[:1] == (columns.lloq,):
        hint = "is it in the unit of the standardised result?"
        bench.judge(data, "alc_limit", limit, columns.lloq, hint)
    return limit
