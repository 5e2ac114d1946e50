"""The entry of a group of correlated parameters in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from lymphokin.model.correlations import Correlations
from lymphokin.model.entry import CERTAINTIES, Entry


def correlations_of(
    name: str, raw: Any, rows: Mapping[str, Any], problems: list[str]
) -> Correlations | None:
    """The group of an entry; None, with every problem added, when anything is wrong.

    Args:
        rows: the entries of all parameters, as they stand in the table.
    """
    entry = Entry(f"correlations.{name}", raw, problems)
    known = {f.name for f in fields(Correlations)} - {"name"}
    entry.keys(known, ("parameters", "source", "certainty"))
    entry.choice("certainty", CERTAINTIES)
    entry.texts("source", "doi")
    entry.positive("lkj")
    if ("lkj" in entry.raw) == ("fixed" in entry.raw):
        entry.refuse("needs either lkj, the shape of its prior, or fixed, the correlations")
    group = entry.raw.get("parameters", [])
    if not isinstance(group, list) or len(group) < 2 or len(set(map(str, group))) < len(group):
        entry.refuse(f"parameters must be a list of two or more names, not {group!r}")
        group = []
    partners = {r.get("acts_as_product_with") for r in rows.values() if isinstance(r, Mapping)}
    for parameter in group:
        row = rows.get(parameter) if isinstance(parameter, str) else None
        if not isinstance(row, Mapping):
            entry.refuse(f"names {parameter!r}, which is not in the table")
            continue
        if not row.get("between_subject_sd"):
            entry.refuse(f"{parameter} needs between_subject_sd")
        if row.get("parametrisation") == "centred":
            entry.refuse(f"{parameter} must be non-centred")
        if row.get("acts_as_product_with") or parameter in partners:
            entry.refuse(f"{parameter} acts as a product with another parameter")
    if not entry.sound:
        return None
    fixed = entry.raw.pop("fixed", None)
    entry.raw["parameters"] = tuple(group)
    found = Correlations(name=name, **entry.raw)
    return found if fixed is None else _with_fixed(entry, found, fixed)


def _with_fixed(entry: Entry, group: Correlations, fixed: Any) -> Correlations | None:
    """The group with correlations that are known, which must make a correlation matrix."""
    values = tuple(fixed) if isinstance(fixed, list) else ()
    if len(values) == len(group.pairs) and all(isinstance(v, int | float) for v in values):
        found = replace(group, fixed=values)
        if np.linalg.eigvalsh(found.matrix).min() > 0:
            return found
    entry.refuse(
        f"fixed must be the {len(group.pairs)} correlation(s) below the diagonal, row by row, of a "
        f"positive definite matrix, not {fixed!r}"
    )
    return None


def check_groups(groups: Mapping[str, Correlations | None], problems: list[str]) -> None:
    """A parameter is in one group only."""
    counted = Counter(p for group in groups.values() if group for p in group.parameters)
    problems += [
        f"correlations: {name} is in more than one group" for name, n in counted.items() if n > 1
    ]
