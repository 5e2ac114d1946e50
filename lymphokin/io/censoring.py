"""What limits of quantification say of a result: one rule for every reader of tables.

A result is a number, missing, or known only to lie between two limits: below a lower limit of
quantification, above an upper one, or between two numbers. The columns CENS and LIMIT mean what
they mean in Monolix and nlmixr2: with CENS 1 the result lies below DV (and above LIMIT, where that
is stated), with CENS -1 above DV (and below LIMIT).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Numbers = NDArray[np.float64]
type Mask = NDArray[np.bool_]

MISSING_WORDS = ("", ".", "-", "na", "nan", "n/a", "#n/a", "null", "none", "nd", "n.d.", "n.d",
                 "nr", "not done", "not available", "not determined", "missing")  # fmt: skip
"""Words of a result that is missing, in lower case: not available, not done. Whoever means "not
detected" by ND has to say so."""

UNSURE_WORDS = ("nd", "n.d.", "n.d")
"""Words of a missing result that some write for "not detected", in lower case."""

BELOW_WORDS = ("blq", "bql", "bloq", "blloq", "lloq", "<lloq", "<loq", "<blq", "<bql",
               "below lloq", "below loq", "below limit of quantification",
               "below the limit of quantification", "below quantification limit",
               "below detection limit", "below the detection limit", "not detected",
               "not detectable", "undetectable", "blod", "<lod", "bld", "bdl")  # fmt: skip
ABOVE_WORDS = ("alq", "aql", "auloq", "uloq", ">uloq", ">loq", ">alq", "above uloq", "above loq")
"""Words of a result beyond a limit that stands in another column, in lower case."""

_LIMIT = re.compile(r"(<|≤|>|≥)=?\s*(.*)")
_NAMED_LIMIT = re.compile(
    r"(?:<\s*)?(?:blq|bql|bloq|blloq|lloq|loq|lod|blod)\s*[:=]?\s*[<(\[]*\s*(\d[\d.,]*)\s*[)\]]*"
    r"|<\s*(\d[\d.,]*)\s*[(\[]?(?:blq|bql|bloq|blloq|lloq|loq|lod|blod)[)\]]?"
)
"""A word below a limit with its number: `BLQ (<0.1)`, `<LLOQ(0.1)`, `<0.1 BLQ`."""
BETWEEN = re.compile(r"(\d*[.,]?\d+)\s*(?:[-\u2013\u2014]|\.\.\.?|to|bis|a|\u00e0)\s*(\d*[.,]?\d+)")
"""A result between two numbers: `0.1-0.5`, `0.1 to 0.5`."""


@dataclass(frozen=True)
class Word:
    """A cell of results: a number as text (empty: none), and -1 below, 1 above a limit, else 0.

    `other`: the number that a result below `number` lies above, empty where there is none.
    """

    number: str = ""
    side: int = 0
    missing: bool = False
    other: str = ""

    @property
    def shortest(self) -> str:
        """The number without zeros at its end: how its marks are meant is settled."""
        plain = "." in self.number and "e" not in self.number.lower()
        return self.number.rstrip("0").rstrip(".") if plain else self.number


def read_word(cell: str) -> Word:
    """A result as it is written: `0.9`, `<0.1`, `>10`, `0.1-0.5`, `BLQ (<0.1)`, `NA`, a blank."""
    bare = " ".join(cell.lower().split())
    close = bare.replace("< ", "<").replace("> ", ">")
    if bare in MISSING_WORDS:
        return Word(missing=True)
    if close in BELOW_WORDS:
        return Word(side=-1)
    if close in ABOVE_WORDS:
        return Word(side=1)
    named = _NAMED_LIMIT.fullmatch(bare)
    if named:
        return Word(named[1] or named[2], -1)
    match = _LIMIT.fullmatch(cell.strip())
    if match:
        return Word(match[2], -1 if match[1] in "<≤" else 1)
    between = BETWEEN.fullmatch(bare)
    if between and "," not in bare and float(between[1]) < float(between[2]):
        return Word(between[2], -1, other=between[1])
    return Word(cell)


@dataclass(frozen=True)
class Limits:
    """Results with what is known of them, an element per record.

    Attributes:
        value: The number; NaN where missing; the limit where censored (DV of an interval).
        censored: Whether only limits are known.
        lower: Lower limit where censored (0: none), else NaN.
        upper: Upper limit where censored (infinity: none), else NaN.
        lloq: Limit of quantification below which a result of the record would be censored.
        problem: A key of `EXPECTED`, empty where there is none.
    """

    value: Numbers
    censored: Mask
    lower: Numbers
    upper: Numbers
    lloq: Numbers
    problem: NDArray[np.object_]


EXPECTED = {
    "negative": "a value above 0, not its logarithm",
    "zero": "a value above 0, or the limit of quantification of a result below it",
    "no limit": "a limit of quantification for a result that is only known to lie beyond it",
    "both": "a result below one limit or above another, not both",
    "disagree": "a result flagged as below its limit to lie below the limit of quantification",
    "order": "LIMIT below DV where CENS is 1, above DV where CENS is -1",
    "flag": "CENS 0 (a value), 1 (below DV) or -1 (above DV)",
    "no flag": "CENS 1 or -1 beside LIMIT, which bounds a censored value on its other side",
}


def limited(
    value: Numbers,
    side: NDArray[np.int8],
    *,
    cens: Numbers | None = None,
    limit: Numbers | None = None,
    other: Numbers | None = None,
    flagged: Mask | None = None,
    lloq: Numbers | None = None,
    uloq: Numbers | None = None,
) -> Limits:
    """Apply the limits of quantification to results, all in one unit.

    Args:
        value: Number of the result; NaN where there is none.
        side: -1 where the result is written as below `value` (NaN: below its LLOQ), 1 above, 0.
        cens: Column CENS: 0, 1, -1 or NaN.
        limit: Column LIMIT of Monolix: the other limit of a result with CENS 1 or -1.
        other: What a result that is written as below `value` lies above; NaN where there is none.
        flagged: Results flagged as below the limit whose number may be anything, such as half
            of it (BLQ 1).
        lloq: Lower limits of quantification, NaN where there is none.
        uloq: Upper limits of quantification.
    """
    nothing = np.full(len(value), np.nan)
    cens, limit, other, lloq, uloq = (
        nothing if a is None else a for a in (cens, limit, other, lloq, uloq)
    )
    flagged = np.zeros(len(value), bool) if flagged is None else flagged
    problem = np.full(len(value), "", dtype=object)

    def note(rows: Mask, name: str) -> None:
        problem[rows & (problem == "")] = name

    note(~np.isnan(cens) & ~np.isin(cens, (-1, 0, 1)), "flag")
    note(value < 0, "negative")
    number = np.where(value > 0, value, np.nan)
    low = (side < 0) | (cens == 1) | flagged | (value < lloq)
    high = (side > 0) | (cens == -1) | (value > uloq)
    note(low & high, "both")
    note(low & (side == 0) & (number > lloq), "disagree")
    note((value == 0) & ~low & ~high, "zero")
    note((limit > 0) & (cens != 1) & (cens != -1), "no flag")
    # The number of `<x` is the limit itself; that of a flagged result may be half of it.
    upper = np.where((side < 0) & (number > 0), number, np.fmax(number, lloq))
    upper = np.where(flagged & ~np.isnan(lloq), lloq, upper)
    lower = np.where(np.isnan(number) | ((side == 0) & (cens != -1)), uloq, number)
    note(low & np.isnan(upper), "no limit")
    note(high & np.isnan(lower), "no limit")
    beyond = np.where(np.isnan(limit) | (limit <= 0), np.nan, limit)
    note(low & (cens == 1) & (beyond >= upper), "order")
    note(high & (cens == -1) & (beyond <= lower), "order")
    below = np.fmax(np.where(cens == 1, np.nan_to_num(beyond), 0.0), other)
    above = np.where((cens == -1) & ~np.isnan(beyond), beyond, np.inf)
    censored = (low | high) & (problem == "")
    usable = np.where(problem == "", value, np.nan)
    return Limits(
        value=np.where(censored, np.where(low, upper, lower), usable),
        censored=censored,
        lower=np.where(censored, np.where(low, below, lower), np.nan),
        upper=np.where(censored, np.where(low, upper, above), np.nan),
        lloq=np.where(censored & low, upper, lloq),
        problem=problem,
    )
