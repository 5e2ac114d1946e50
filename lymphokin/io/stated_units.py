"""Columns that state the unit of a value: what they say must be the unit that is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np

from lymphokin.io.records import Records
from lymphokin.io.sheet import Sheet, is_blank
from lymphokin.io.vocabulary import OF_DOSES, OF_RESULTS, UNIT_COLUMNS
from lymphokin.lab_units import (
    DoseUnit,
    count_factor,
    dose_unit,
    level_factor,
    part_factor,
    radiation_factor,
)
from lymphokin.quantities import DRUGS

_MEANINGS: tuple[Callable[[str], Fraction | DoseUnit | None], ...] = (
    *(count_factor, level_factor, radiation_factor, dose_unit, part_factor),
)


def same_unit(stated: str, own: str) -> bool:
    """Whether two spellings mean one unit."""
    if "".join(stated.split()).lower() == "".join(own.split()).lower():
        return True
    meant = [(meaning(stated), meaning(own)) for meaning in _MEANINGS]
    return any(one is not None and one == other for one, other in meant)


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
