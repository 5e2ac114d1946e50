"""Columns that state the unit of a value: what they say must be the unit that is read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lymphokin.io.records import Records
from lymphokin.io.sheet import Sheet, is_blank
from lymphokin.io.vocabulary import OF_DOSES, OF_RESULTS, UNIT_COLUMNS
from lymphokin.lab_units import unit_factor
from lymphokin.quantities import DRUGS


def same_unit(stated: str, own: str) -> bool:
    """Whether two spellings mean one unit."""
    return unit_factor(stated, own) == 1


def other_units(stated: Iterable[str], own: str) -> np.ndarray:
    """Which cells state another unit than `own`."""
    words = list(stated)
    known = {word: not is_blank(word) and not same_unit(word, own) for word in set(words)}
    return np.array([known[word] for word in words], bool)


def check_units(records: Records, sheet: Sheet) -> None:
    """Refuse values whose row states another unit than that of the event table."""
    words = records.words
    kinds = [
        (OF_RESULTS, "DV", records.is_observation & (records.quantity == n), words.observable(name))
        for n, name in enumerate(words.quantities)
    ]
    doses = ["Gy", *(drug.unit for drug in {**words.drugs, **DRUGS}.values())]
    for column in UNIT_COLUMNS:
        for names, value, rows, observable in kinds:
            if column in names:
                _refuse_others(sheet, column, value, rows, observable.unit)
        for n, unit in enumerate(doses):
            if column in OF_DOSES:
                of_kind = records.is_dose & (records.compartment == n)
                _refuse_others(sheet, column, "AMT", of_kind, unit)


def _refuse_others(sheet: Sheet, column: str, value: str, rows: np.ndarray, unit: str) -> None:
    stated = sheet.column(column)
    other = stated.rows(other_units(stated.words, unit))
    sheet.flag(rows & other, column, f"{value} in {unit}")
