"""What a treatment is, by whole words of its name: `ISOTRETINOIN` is no tretinoin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.io.convert.datasets import Dataset

WANTED, INERT, UNCLEAR, OTHER = "wanted", "inert", "unclear", "other"
"""Kinds of a treatment's name: the one looked for, a placebo of it, either, or another."""

_WORD = re.compile(r"[^\W_]+")
_EITHER = re.compile(r"[/+&]|\b(?:OR|AND|VS|VERSUS|PLUS|WITH)\b")
"""Between the name of a drug and the word placebo: the text names both."""

SHOWN = 5
"""Names of other treatments spelt out in the account."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in upper case, without punctuation."""
    return tuple(_WORD.findall(text.upper()))


def holds(text: str, names: Iterable[object]) -> bool:
    """Whether one of the names stands in the text as whole words, one after the other."""
    words = words_of(text)
    for name in names:
        wanted = words_of(str(name))
        starts = range(len(words) - len(wanted) + 1) if wanted else ()
        if any(words[at : at + len(wanted)] == wanted for at in starts):
            return True
    return False


def holding(texts: pd.Series, names: Iterable[object]) -> np.ndarray:
    """Which texts hold one of the names; each distinct text is looked at once."""
    names, written = list(names), texts.tolist()
    found = {each: holds(each, names) for each in set(written)}
    return np.array([found[each] for each in written], bool)


@dataclass(frozen=True)
class Names:
    """Names of one kind of treatment.

    Attributes:
        names: Names of the treatment.
        inert: Words that turn a name into that of a placebo.
        stated: Whole texts with what they are, as the mapping states them; they decide.
    """

    names: tuple[str, ...]
    inert: tuple[str, ...]
    stated: dict[str, str]

    @staticmethod
    def of(mapping: dict[str, Any]) -> Names:
        """The names of a table of the mapping, that of the drug or [radiotherapy]."""
        stated = {str(text).upper(): str(kind) for text, kind in mapping["treatments"].items()}
        return Names(tuple(mapping["names"]), tuple(mapping["placebo"]), stated)

    def kind(self, *texts: str) -> str:
        """The kind of a treatment that the texts (name, decoded name, category) describe."""
        for text in texts:
            if text.upper() in self.stated:
                return {"yes": WANTED, "placebo": INERT, "no": OTHER}[self.stated[text.upper()]]
        if not any(holds(text, self.names) for text in texts):
            return OTHER
        inert = [text for text in texts if holds(text, self.inert)]
        if not inert:
            return WANTED
        both = any(holds(text, self.names) and _EITHER.search(text.upper()) for text in inert)
        return UNCLEAR if both else INERT

    def kinds(self, data: Dataset, *columns: str) -> np.ndarray:
        """The kind of every row of `data` by the texts in its columns."""
        texts = pd.Series(
            list(zip(*(data.text(name) for name in columns), strict=True)), dtype=object
        )
        return texts.map({each: self.kind(*each) for each in set(texts)}).to_numpy(object)

    def near(self, texts: Iterable[str]) -> list[str]:
        """Texts that hold a name only as a part of a longer word."""
        plain = {" ".join(words_of(name)) for name in self.names}
        return [t for t in texts if any(name in " ".join(words_of(t)) for name in plain)]


def listed(texts: Iterable[str]) -> str:
    """Distinct texts as a short list."""
    distinct = sorted({text for text in texts if text})
    more = f" and {len(distinct) - SHOWN} more" if len(distinct) > SHOWN else ""
    return ", ".join(distinct[:SHOWN]) + more
