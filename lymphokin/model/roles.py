"""Parameters with a role of their own in every result."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lymphokin.model.entry import Entry
from lymphokin.shipped import data_path

if TYPE_CHECKING:
    from lymphokin.model.model import Model

_NEEDED = ("parameter", "drug", "link", "assumes", "without")
_WORDS = ("evidence", "mechanism", "zero_means")


@dataclass(frozen=True)
class Contrast:
    """A disputed link, without which every result is shown too.

    Attributes:
        parameter: its strength, log-normal; zero takes the link away.
        drug: the drug that acts on lymphocytes through it alone.
        link: what it is called, such as "the myeloid link".
        assumes: what is assumed with it.
        without: what is so without it, in a clause.
        evidence: a sentence on what nobody has shown.
        mechanism: sentences on what the model says instead.
        zero_means: what a strength of zero means, in a clause.
        limits: sentences that stand beside every risk.
    """

    parameter: str
    drug: str
    link: str
    assumes: str
    without: str
    evidence: str = ""
    mechanism: str = ""
    zero_means: str = ""
    limits: tuple[str, ...] = ()


def contrast_entry(
    raw: Mapping[str, Any], rows: Mapping[str, Any], problems: list[str]
) -> Contrast | None:
    """The ``[contrast]`` of a parameter table.

    Args:
        raw: its keys; none where the table declares no contrast.
        rows: the entries of the table's parameters.
        problems: to which everything wrong with it is added.
    """
    if not raw:
        return None
    entry = Entry("contrast", raw, problems)
    entry.keys((*_NEEDED, *_WORDS, "limits"), _NEEDED)
    entry.texts(*_NEEDED, *_WORDS)
    limits = entry.raw.pop("limits", [])
    if not isinstance(limits, list) or not all(isinstance(text, str) for text in limits):
        entry.refuse(f"limits must be a list of sentences, not {limits!r}")
    name = entry.raw.get("parameter")
    row = rows.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and not isinstance(row, Mapping):
        entry.refuse(f"parameter {name!r} is not in the table; expected one that is")
    elif isinstance(row, Mapping) and (row.get("transform") != "log" or "prior" in row):
        entry.refuse(
            f"parameter {name} must have transform log and a log-normal prior, so that it can be "
            "taken to zero"
        )
    return Contrast(**entry.raw, limits=tuple(limits)) if entry.sound else None


@cache
def _shipped() -> Mapping[str, Contrast]:
    """The disputed links of the shipped models, by their parameter."""
    tables = tomllib.loads(data_path("contrasts.toml").read_text(encoding="utf-8"))
    return {
        name: Contrast(name, **{**keys, "limits": tuple(keys.get("limits", ()))})
        for name, keys in tables.items()
    }


def contrast_of(model: Model) -> Contrast | None:
    """The disputed link of a model: of its table, else a shipped one whose parameter it has."""
    if model.table.contrast is not None:
        return model.table.contrast
    found = (c for name, c in _shipped().items() if name in model.table.parameters)
    return next(found, None)
