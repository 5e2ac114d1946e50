"""Covariates in a parameter table: those that change within a patient, and where others stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lymphokin.io.vocabulary import (
    ANY_TABLE,
    CATEGORY_COVARIATES,
    NUMERIC_COVARIATES,
    PER_LESION,
)
from lymphokin.model.entry import Entry
from lymphokin.quantities import VaryingCovariate

_NUMBERS = ("lowest", "highest", "missing")
_COLUMNS = {"power": (*NUMERIC_COVARIATES, PER_LESION), "category": CATEGORY_COVARIATES}


def varying_of(name: str, raw: Any, problems: list[str]) -> VaryingCovariate | None:
    """The covariate of an entry; None, with every problem added, when anything is wrong."""
    entry = Entry(f"covariates.{name}", raw, problems)
    if not entry.is_table:
        return None
    if not (name.isidentifier() and name == name.upper()):
        entry.refuse("expected a column name of capitals, digits and _")
    if name in {*ANY_TABLE, PER_LESION}:
        entry.refuse("expected a column of its own: this one has its meaning in every event table")
    entry.keys(("varies", "unit", "meaning", *_NUMBERS), ("unit", "meaning", *_NUMBERS))
    entry.texts("unit", "meaning")
    entry.known_unit()
    if entry.raw.pop("varies", None) is not True:
        entry.refuse(
            "expected varies = true: a covariate that is constant within a patient stands below "
            "the parameter that it changes"
        )
    lowest, highest, missing = (entry.number(key) for key in _NUMBERS)
    if lowest is not None and highest is not None:
        if lowest >= highest:
            entry.refuse(f"expected lowest below highest, not {lowest} and {highest}")
        elif missing is not None and not lowest <= missing <= highest:
            entry.refuse(f"missing must lie between {lowest} and {highest}, not {missing}")
    return VaryingCovariate(name, **entry.raw) if entry.sound else None


def check_columns(rows: Mapping[str, Any], varying: Mapping[str, Any], problems: list[str]) -> None:
    """A typical value holds for a patient, so what changes it is constant, and in a column that
    every cohort has.
    """
    for parameter, entry in rows.items():
        below = entry.get("covariates") if isinstance(entry, Mapping) else None
        columns = below if isinstance(below, Mapping) else {}
        for name, effect in columns.items():
            where = f"parameters.{parameter}.covariates.{name}"
            form = effect.get("form", "power") if isinstance(effect, Mapping) else None
            known = _COLUMNS.get(str(form))
            if name in varying:
                problems.append(
                    f"{where}: found a covariate that varies, expected one that is constant within "
                    f"a patient; a block reads it in its flows, as u.{name}"
                )
            elif known and name.upper() not in known:
                problems.append(
                    f"{where}: expected, for form {form}, one of the columns {', '.join(known)}"
                )
