"""What identifiers of patients say: which of them are spelt alike, and which name nobody."""

from __future__ import annotations

import re
import unicodedata

_PART = re.compile(r"[^\W\d_]+|\d+")
_DECIMALS = re.compile(r"(\d+)\.0+")
"""A whole number as a spreadsheet or R writes it."""

_NOBODY = re.compile(
    r"(anon\w*|de-?ident\w*|pseudonym\w*|unknown|none|null|nil|n/?a|no_?id|no_?name|test\w*|"
    r"patient|patientid|subject|phantom|dummy|default|demo|removed|deleted|blank|x+|0+|1|9+|"
    r"0*123(4(5(6(7(8(9)?)?)?)?)?)?|[-_.?*#]*)[-_ ]?(patient|id)?",
    re.IGNORECASE,
)
"""Identifiers and names that stand for nobody (judgement, from what anonymisers write)."""

_SUMMARY = re.compile(
    r"mean|average|avg|median|sd|std|stdev|sem|cv|min|max|minimum|maximum|sum|total|count|"
    r"n ?= ?\d+|mittelwert|mittel|summe|gesamt|anzahl|moyenne|mediane|somme|media|mediana|suma|"
    r"totale",
    re.IGNORECASE,
)
"""Words at the start of a row that sums up others (judgement)."""


def spelling(identifier: str) -> tuple[str, ...]:
    """An identifier without what typing and spreadsheets change.

    That is case, leading zeros, blanks and marks, the form of a letter, and the decimals of a
    whole number.
    """
    plain = unicodedata.normalize("NFKC", identifier).strip()
    whole = _DECIMALS.fullmatch(plain)
    parts = _PART.findall((whole[1] if whole else plain).casefold())
    return tuple(part.lstrip("0") or "0" for part in parts)


def names_nobody(identifier: str) -> bool:
    """Whether an identifier or name is one that anonymising leaves behind."""
    return _NOBODY.fullmatch(identifier.strip()) is not None


def names_no_patient(identifier: str) -> bool:
    """Whether an identifier in a table of patients is none: a placeholder, or a sum over rows.

    Numbers are identifiers there, as are single letters.
    """
    word = identifier.strip().rstrip(".:")
    if re.search(r"\d", word) and not _SUMMARY.fullmatch(word):
        return False
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    return bool(_SUMMARY.fullmatch(plain)) or (len(word) > 1 and names_nobody(word))
