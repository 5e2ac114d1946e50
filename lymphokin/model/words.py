"""The names that blocks declare: words of event tables, and of what flows read (`u.alc`)."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from lymphokin.model.block import Block
from lymphokin.quantities import DRUGS, OBSERVABLES

_DECLARED = {
    "states": ("has a state", ""),
    "shows": ("shows", "DVID"),
    "hazards": ("hazards names", "DVID"),
    "takes": ("takes", "CMT"),
}
"""How a block's names are said, and the column of an event table that may have them."""


def unusable_names(block: Block) -> Iterator[str]:
    """What is wrong with the names of a block's states, outputs, events and drugs."""
    for key, (says, column) in _DECLARED.items():
        for name in getattr(block, key):
            own = key != "hazards" or name not in {*block.shows, *OBSERVABLES}
            if _is_name(name) and own and (key != "takes" or name.lower() != "rt"):
                continue
            word = f"a word of {column}" if column else "a name"
            besides = {"hazards": ", and a word of its own", "takes": ", and not rt"}
            yield (
                f"{says} {name!r}, which cannot be {word}: expected letters, digits and _, a "
                f"letter first, no keyword of Python{besides.get(key, '')}"
            )


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def words_alike(
    measured: Collection[str], events: Iterable[str], drugs: Iterable[str]
) -> list[str]:
    """Words that an event table, which is read without regard to case, cannot tell apart.

    Args:
        measured: outputs with a residual.
        events: of the hazards.
        drugs: that the blocks take.
    """
    return [
        *_alike("DVID", [*measured, *events], OBSERVABLES),
        *_alike("CMT", drugs, DRUGS),
    ]


def _alike(column: str, words: Iterable[str], of_any_table: Mapping[str, object]) -> Iterator[str]:
    spelled: dict[str, dict[str, None]] = {}
    for word in (*words, *of_any_table):
        spelled.setdefault(word.lower(), {})[word] = None
    for words_of_one in spelled.values():
        if len(words_of_one) > 1:
            both = " and ".join(map(repr, words_of_one))
            yield f"{both} are one word of {column}, which is read without regard to case"


def like_a_lesion(measured: Collection[str], of_lesions: Collection[str]) -> list[str]:
    """Measured outputs that are called what a single lesion's value of another is called.

    Args:
        measured: outputs with a residual.
        of_lesions: outputs that differ from lesion to lesion.
    """
    return [
        f"{name!r} is what lesion {match[1]} of {quantity!r} is called: use another name"
        for quantity in measured
        if quantity in of_lesions
        for name in measured
        if (match := re.fullmatch(f"{re.escape(quantity)}_([0-9]+)", name))
    ]
