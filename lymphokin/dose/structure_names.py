"""The organ that a structure's name stands for.

Two tables say it. `data/organ_names.csv` holds whole names, those of AAPM Task Group 263 (TG-263,
doi:10.1016/j.ijrobp.2017.12.013) first. `data/organ_words.csv` holds words of several languages:
a name is known when every one of its words is, as an organ with a side and without a target
(`Lunge_re`, `lungs-IGTV`). A name with any other word (`Heart_PRV`, `GTV lung`) is no organ.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pandas as pd

from lymphokin.shipped import data_path

BODY = "body"
"""The outline of the body: no organ of its own."""

PAIRED = ("lungs", "kidneys", "adrenals")
"""Organs of two sides."""

IGNORED = "none"
"""Organ of a table of own names that marks a structure as no organ."""


class Part(NamedTuple):
    """An organ or a part of one: `whole`, or e.g. `left`."""

    organ: str
    part: str


class Match(NamedTuple):
    """What a name stands for. `rank`: how far the name is from the standard one, 0 is nearest;
    among structures of one part the lowest is taken."""

    part: Part
    rank: int


OWN, STANDARD, SYNONYM, WORDS, MARKED, WITHOUT_TARGET = range(6)
"""Ranks: the user's own name, TG-263, a synonym, known words, words that mark an automatic
contour, an organ without a target."""


def known_organs() -> tuple[str, ...]:
    """Organs with a share of the blood, and the body."""
    return tuple(dict.fromkeys(match.part.organ for match in _names().values()))


def plain(name: str) -> str:
    """A structure's name without accents, case, blanks and marks."""
    return re.sub(r"[^a-z0-9]", "", _ascii(name).lower())


def is_target(name: str) -> bool:
    """Whether a name is that of a treated volume: one that begins with GTV, CTV, PTV or ITV."""
    return re.match(r"[iz]?[gcpi]tv", plain(name)) is not None


def organ_of(name: str, own: Mapping[str, Part] | None = None) -> Part | None:
    """The organ that a structure's name stands for, None if it is not known."""
    match = match_name(name, own)
    return None if match is None else match.part


def match_name(name: str, own: Mapping[str, Part] | None = None) -> Match | None:
    """What a structure's name stands for, None if it is not known.

    Args:
        name: The name as in the file.
        own: The user's names (as `plain` makes them), which go before the tables; the organ
            `none` marks a structure that is no organ.
    """
    key = plain(name)
    if own and key in own:
        part = own[key]
        return None if part.organ == IGNORED else Match(part, OWN)
    return _names().get(key) or _by_words(name)


@cache
def _names() -> dict[str, Match]:
    table = pd.read_csv(data_path("organ_names.csv"))
    names: dict[str, Match] = {}
    cells = (table[column].tolist() for column in ("organ", "part", "name", "origin"))
    for organ, part, name, origin in zip(*cells, strict=True):
        rank = STANDARD if origin == "TG-263" else SYNONYM
        names.setdefault(plain(name), Match(Part(organ, part), rank))
    return names


class _Word(NamedTuple):
    role: str
    meaning: str
    languages: frozenset[str]
    alone: bool


_ROLES = {"organ": "O", "side": "S", "both": "B", "extra": "X", "minus": "M", "target": "T",
          "tumour": "U"}  # fmt: skip
_KNOWN = re.compile(r"[SBX]*O[SBX]*(?:(?:M[TU]|-T)N?[SBX]*)*")
"""Roles of the words of a known name. A mark takes a target away (`Lungs-GTV`) and a word also a
tumour (`Lunge ohne Tumor`); `Lung-tumour` is a tumour of the lung."""
_LONGEST = 3
"""Words in a row that have one meaning."""


@cache
def _words() -> dict[tuple[str, ...], _Word]:
    """Meanings by the words, which may be several in a row."""
    table = pd.read_csv(data_path("organ_words.csv"), keep_default_na=False)
    cells = (table[column].tolist() for column in ("word", "role", "meaning", "language", "alone"))
    return {
        tuple(word.split()): _Word(role, meaning, frozenset(language.split()), alone == "whole")
        for word, role, meaning, language, alone in zip(*cells, strict=True)
    }


def _by_words(name: str) -> Match | None:
    """The part that the words of a name add up to, None when a word is not known."""
    tokens = _tokens(name)
    meant: list[_Word] = []
    roles = ""
    at = 0
    while at < len(tokens):
        widths = range(min(_LONGEST, len(tokens) - at), 0, -1)
        width = next((w for w in widths if tuple(tokens[at : at + w]) in _words()), 0)
        if width:
            meant.append(_words()[tuple(tokens[at : at + width])])
            roles += _ROLES[meant[-1].role]
        elif tokens[at] == "-":
            roles += "-"
        else:
            roles += "N" if tokens[at].isdigit() else "?"
        at += max(width, 1)
    roles = re.sub("-(?!T)", "", roles)  # a mark between other words parts them
    if not _KNOWN.fullmatch(roles):
        return None
    return _put_together(meant, without="T" in roles or "U" in roles)


def _put_together(meant: list[_Word], without: bool) -> Match | None:
    """The part that known words mean together, None when they do not go together."""
    (organ,) = (word for word in meant if word.role == "organ")
    allowed = organ.languages | {"any"}
    if not all(word.languages & allowed for word in meant if word.role in ("side", "both")):
        return None
    where, _, part = organ.meaning.partition(":")
    sides = {word.meaning for word in meant if word.role == "side"}
    both = len(sides) == 2 or any(word.role == "both" for word in meant)
    if (sides and where not in PAIRED) or (without and where == BODY):
        return None  # half of a heart; a body without the target, where most of the dose is
    if not (part or sides or both or organ.alone):
        return None  # `Poumon`: which one?
    if not part:
        part = sides.pop() if sides and not both else "whole"
    marked = any(word.role == "extra" for word in meant)
    return Match(Part(where, part), WITHOUT_TARGET if without else MARKED if marked else WORDS)


def _tokens(name: str) -> list[str]:
    """Words in lower case without accents, numbers, and `-`; `GreatVes` is two words."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _ascii(name))
    return re.findall(r"[a-z]+|[0-9]+|-", parted.lower())


def _ascii(name: str) -> str:
    letters = name.replace("œ", "oe").replace("ß", "ss").replace("ø", "o").replace("\u2013", "-")
    return unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()
