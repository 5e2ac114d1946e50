"""The entry of a covariate that changes within a patient, in a parameter table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lymphokin.model.entry import Entry
from lymphokin.quantities import VaryingCovariate

_NUMBERS = ("lowest", "highest", "missing")


def varying_of(name: str, raw: Any, problems: list[str]) -> VaryingCovariate | None:
    """The covariate of an entry; None, with every problem added, when anything is wrong."""
    entry = Entry(f"covariates.{name}", raw, problems)
    if not entry.is_table:
        return None
    if not (name.isidentifier() and name == name.upper()):
        entry.refuse("expected a column name of capitals, digits and _")
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


def refuse_in_typical_values(
    rows: Mapping[str, Any], varying: Mapping[str, Any], problems: list[str]
) -> None:
    """A typical value holds for a patient, so what changes it must be constant."""
    for parameter, entry in rows.items():
        below = entry.get("covariates") if isinstance(entry, Mapping) else None
        columns = below if isinstance(below, Mapping) else {}
        problems += [
            f"parameters.{parameter}.covariates.{name}: found a covariate that varies, expected "
            f"one that is constant within a patient; a block reads it in its flows, as u.{name}"
            for name in columns
            if name in varying
        ]
