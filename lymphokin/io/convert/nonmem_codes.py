"""Codes of NONMEM tables as words of the event table, and columns that state a unit."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.stated_units import other_units


def read_codes(bench: Bench, data: Dataset, column: str, key: str) -> pd.Series:
    """CMT of doses (key `cmt`) or what was measured (`dvid`) as words of the event table.

    A code that the mapping does not name, or names by a word that the event table does not have,
    is a problem.
    """
    words = bench.words
    allowed = words.compartments if key == "cmt" else words.quantities
    named = {str(code): str(word) for code, word in bench.mapping["nonmem"][key].items()}
    own = {word.lower(): word for word in allowed}
    codes = data.text(column)
    said = [str(named.get(code, code)).lower() for code in codes.tolist()]
    read = pd.Series([own.get(word, word) for word in said], index=codes.index, dtype=object)
    unknown = ~read.isin(allowed).to_numpy()
    expected = "one of " + ", ".join(allowed)
    by_name = codes.isin(list(named)).to_numpy()
    hint = f'name the codes in the mapping, [nonmem.{key}] "1" = "{allowed[0]}"'
    bench.flag(data, unknown & ~by_name, column, expected, hint)
    for code in dict.fromkeys(codes[unknown & by_name]):
        rows = data.lines[unknown & (codes == code).to_numpy()]
        shown = f'{code} = "{named[code]}" of [nonmem.{key}] in the mapping'
        close = difflib.get_close_matches(named[code].lower(), allowed, n=1)
        other = "" if words.model else "words of a model are known where that model is given"
        bench.found(data.file).add(int(rows[0]), column, shown, expected,
                                   f"{close[0]}?" if close else other,
                                   more=len(rows) - 1)  # fmt: skip
    return read


def check_units(
    bench: Bench, data: Dataset, rows: np.ndarray, columns: tuple[str, ...], expected: str,
    unit: str,
) -> None:  # fmt: skip
    """Columns that state a unit agree with the unit that is read."""
    for column in (name for name in columns if name in data):
        bench.flag(data, rows & other_units(data.text(column), unit), column, expected)


def read_lesions(bench: Bench, data: Dataset) -> np.ndarray:
    """LESION of every row, 0 where none is stated."""
    number = bench.numbers(data, "LESION")
    wrong = number.notna() & ~((number >= 0) & (number % 1 == 0))
    bench.flag(data, wrong, "LESION", "the number of a lesion, 1, 2, ...")
    return number.where(~wrong, 0).fillna(0).to_numpy(int)
