"""Parameters with a role of their own in every result."""

from __future__ import annotations

from dataclasses import dataclass

from lymphokin.model.model import Model
from lymphokin.quantities import DRUG

SUPPRESSION = "suppression"
"""How strongly myeloid cells suppress lymphocytes (gamma). Nobody has measured this link in people,
so every result is shown without it too."""


@dataclass(frozen=True)
class Contrast:
    """A disputed link, without which every result is shown too.

    Attributes:
        parameter: its strength; zero takes the link away.
        drug: the drug that acts on lymphocytes through it alone.
        assumes: what is assumed with it.
        without: what is so without it, in a clause.
    """

    parameter: str
    drug: str
    assumes: str
    without: str


DISPUTED = (
    Contrast(
        SUPPRESSION,
        DRUG,
        "ATRA protects lymphocytes",
        "if myeloid cells held back no lymphocytes",
    ),
)


def contrast_of(model: Model) -> Contrast | None:
    """The disputed link of a model; None where it has none."""
    found = (c for c in DISPUTED if c.parameter in model.table.parameters)
    return next(found, None)
