"""A laboratory's result: text, number and unit as one value, exact to the reported decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

_RESULT = re.compile(r"([<>]=?|≤|≥)?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)")
MOST_DECIMALS = 4
AGREE = 0.02
"""Largest relative difference of a result and its standardised form that is rounding."""

type Factor = Callable[[str], Fraction | None]


@dataclass(frozen=True)
class Result:
    """A value in the event table's unit. `problem`: why there is none; `remark`: what was done."""

    value: float = math.nan
    below: bool = False
    problem: str = ""
    remark: str = ""


def read_number(text: str) -> tuple[str, Fraction] | None:
    """Sign (`<`, `>` or '') and exact number of a result as text; None if it is no number."""
    match = _RESULT.fullmatch(text.strip())
    if match is None:
        return None
    sign = {"≤": "<", "≥": ">"}.get(match[1] or "", (match[1] or "")[:1])
    return sign, Fraction(match[2])


def decimals_of(values: np.ndarray) -> int:
    """Decimals to which stored numbers were reported: the fewest that give all of them back."""
    values = values[np.isfinite(values)]
    for decimals in range(MOST_DECIMALS + 1):
        if np.all(
            np.abs(values - np.round(values, decimals)) <= 1e-9 * np.maximum(1, np.abs(values))
        ):
            return decimals
    return -1


@dataclass(frozen=True)
class Reading:
    """How the results of one quantity are read.

    `factor`: from a unit to the event table's; `translate`: the study's units to usual ones;
    `unit`: the unit where a record states none; `decimals`: of numbers without their text.
    """

    factor: Factor
    translate: Mapping[str, str]
    unit: str
    decimals: int

    def __call__(self, text: str, text_unit: str, number: float, number_unit: str) -> Result:
        """Value of a record from its result as collected and its standardised number.

        The collected text is exact; the standardised number says whether it was understood.
        """
        collected = read_number(text) if text else None
        by_text, by_number = self._factor(text_unit), self._factor(number_unit)
        if not text and math.isnan(number):
            return Result()
        if collected is not None and by_text is not None:
            result = self._from_text(collected, by_text, number, by_number)
            unchecked = number_unit and by_number is None and not math.isnan(number)
            told = f"unit {number_unit} of the standardised result is not known: not compared"
            return replace(result, remark=told) if unchecked else result
        if by_number is not None and not math.isnan(number):
            remark = "" if text in ("", "-") else "taken from the standardised number alone"
            return Result(self._rounded(number, by_number), remark=remark)
        if by_text is None and by_number is None:
            stated = number_unit or text_unit
            return Result(problem="unit" if stated else "no unit")
        return Result(problem="number")

    def _factor(self, unit: str) -> Fraction | None:
        unit = self.translate.get(unit, unit) or self.unit
        return self.factor(unit) if unit else None

    def _from_text(
        self,
        collected: tuple[str, Fraction],
        by_text: Fraction,
        number: float,
        by_number: Fraction | None,
    ) -> Result:
        sign, exact = collected
        value = float(exact * by_text)
        if sign == ">":
            return Result(problem="above")
        if not math.isnan(number) and by_number is not None and not sign:
            standard = number * float(by_number)
            if abs(standard - value) > AGREE * max(abs(value), abs(standard)) + 1e-9:
                return Result(problem="disagree")
        return Result(value, below=sign == "<")

    def _rounded(self, number: float, factor: Fraction) -> float:
        reported = round(number, self.decimals) if self.decimals >= 0 else number
        return float(Fraction(repr(reported)) * factor)


EXPECTED = {
    "unit": 'a known unit; name it in the mapping, e.g. [lab.units] "theirs" = "10^9/L"',
    "no unit": 'a unit on every result, or the unit of all in the mapping: [lab] unit = "10^9/L"',
    "number": "a number, or `<` and a limit",
    "above": "a number, not only a limit above which it lies",
    "disagree": "the result as collected and its standardised number to agree within 2 %",
}
"""What should stand where a result could not be read."""
