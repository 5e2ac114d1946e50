"""What of a model's curves a trial can teach, as its table declares it: composites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lymphokin.model.entry import Entry

_NEEDED = ("meaning", "quantity", "what", "from", "day")
FOLD, RATE, SHARE = "fold", "rate", "share"
"""What is asked of the change since treatment began: its factor in the typical patient, its mean
rate per day in new patients, and the share of new patients in whom it lies beyond a factor."""


@dataclass(frozen=True)
class DeclaredComposite:
    """A change of a curve since treatment began, which data may teach although no parameter alone
    is.

    Attributes:
        name: its word.
        meaning: what it is, without a full stop.
        quantity: whose curve; of a quantity of lesions the curve of one outside the field.
        what: :data:`FOLD`, :data:`RATE` of the logarithm or :data:`SHARE`.
        reference: the fraction that the day is counted from (key ``from``).
        day: days from it, above 0 for a rate from the first fraction.
        below, above: the factor beyond which a change counts; one of them, of a share alone.
        without: disputed links without each of which the composite is shown too.
        expected: a sentence on what is expected of it, which stands beside every number.
    """

    name: str
    meaning: str
    quantity: str
    what: Literal["fold", "rate", "share"]
    reference: Literal["first_fraction", "last_fraction"]
    day: float
    below: float | None = None
    above: float | None = None
    without: tuple[str, ...] = ()
    expected: str = ""

    @property
    def unit(self) -> str:
        """Of its number."""
        return {FOLD: "fold", RATE: "1/d", SHARE: "1"}[self.what]


def composite_of(
    name: str, raw: Any, rows: Mapping[str, Any], problems: list[str]
) -> DeclaredComposite | None:
    """The composite of an entry; None, with every problem added, when anything is wrong.

    Args:
        name: of the entry, below ``composites``.
        raw: its keys.
        rows: the entries of the table's parameters.
        problems: to which everything wrong is added.
    """
    entry = Entry(f"composites.{name}", raw, problems)
    entry.keys((*_NEEDED, "below", "above", "without", "expected"), _NEEDED)
    entry.texts("meaning", "quantity", "expected")
    entry.choice("what", (FOLD, RATE, SHARE))
    entry.choice("from", ("first_fraction", "last_fraction"))
    entry.not_negative("day")
    entry.positive("below", "above")
    beyond = [key for key in ("below", "above") if key in entry.raw]
    if len(beyond) != (entry.raw.get("what") == SHARE):
        entry.refuse("expected below or above, the factor, where what is share, and else neither")
    keys = entry.raw.get("what"), entry.raw.get("from"), entry.raw.get("day")
    if keys == (RATE, "first_fraction", 0):
        entry.refuse("day must be above 0 for a rate from the first fraction, but is 0")
    links = entry.raw.pop("without", [])
    if not isinstance(links, list) or not all(isinstance(link, str) for link in links):
        entry.refuse(f"without must be a list of parameters, not {links!r}")
        links = []
    for link in links:
        row = rows.get(link)
        if not isinstance(row, Mapping) or row.get("transform") != "log" or "prior" in row:
            entry.refuse(
                f"without: found {link!r}, expected a parameter of the table with transform log "
                "and a log-normal prior, so that it can be taken to zero"
            )
    if not entry.sound:
        return None
    reference = entry.raw.pop("from")
    return DeclaredComposite(name, **entry.raw, reference=reference, without=tuple(links))
