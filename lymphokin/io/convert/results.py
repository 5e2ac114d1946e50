"""A laboratory's result: text, number and unit as one value, exact to the reported decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

_RESULT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
MOST_DECIMALS = 4
AGREE = 0.02
"""Largest relative difference of a result and its standardised form that is no error."""
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_WHOLE_CELLS = Fraction(1, 1000)
"""Factor of a unit in which counts are whole numbers: cells/uL."""

type Factor = Callable[[str], Fraction | None]


@dataclass(frozen=True)
class Result:
    """A value in the event table's unit. `problem`: why there is none; `remark`: what was done."""

    value: float = math.nan
    problem: str = ""
    remark: str = ""


def read_number(text: str) -> Fraction | None:
    """The exact number of a result as text; None if it is no number."""
    match = _RESULT.fullmatch(text.strip())
    return None if match is None else Fraction(match[0])


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
class Rounding:
    """By how much the printed numbers of one quantity may be rounded, half of their last digit.

    `collected`: by unit of the result as collected; `standard`: by both units. How many decimals
    are printed is decided over all records of a unit, because single numbers lose zeros at the end.
    """

    collected: Mapping[str, float] = field(default_factory=dict)
    standard: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @staticmethod
    def of(cells: Sequence[tuple[str, str, float, str]], printed: Iterable[str],
           decimals: int) -> Rounding:  # fmt: skip
        """The rounding of a test's results.

        Args:
            cells: Collected result and unit, standardised number and unit, of each record.
            printed: The standardised results as text.
            decimals: Decimals of the standardised numbers, below 0 where not known.
        """
        numbers: dict[tuple[str, str], set[float]] = {}
        places: dict[tuple[str, str], int] = {}
        collected: dict[str, int] = {}
        for (text, text_unit, number, unit), shown in zip(cells, printed, strict=True):
            key = text_unit, unit
            if not math.isnan(number):
                numbers.setdefault(key, set()).add(number)
                places[key] = max(places.get(key, 0), _places(shown))
            if read_number(text) is not None:
                collected[text_unit] = max(collected.get(text_unit, 0), _places(text))
        standard = {}
        for key, values in numbers.items():
            of_values = decimals_of(np.array(list(values)))
            known = -1 if of_values < 0 else max(of_values, places[key])
            known = decimals if decimals >= 0 else known
            standard[key] = 0.5 * 10.0**-known if known >= 0 else 0.0
        return Rounding({u: 0.5 * 10.0**-n for u, n in collected.items()}, standard)


def _places(text: str) -> int:
    """Digits after the decimal point of a number as text."""
    return len(text.partition(".")[2]) if read_number(text) is not None and "e" not in text else 0


@dataclass(frozen=True)
class Reading:
    """How the results of one quantity are read.

    `factor`: from a unit to the event table's; `translate`: the study's units to usual ones;
    `unit`: the unit where a record states none; `decimals`: of numbers without their text;
    `rounding`: of the printed numbers, within which collected and standardised results agree.
    """

    factor: Factor
    translate: Mapping[str, str]
    unit: str
    decimals: int
    rounding: Rounding = Rounding()

    def __call__(self, text: str, text_unit: str, number: float, number_unit: str) -> Result:
        """Value of a record from its result as collected and its standardised number.

        The collected text is exact; the standardised number says whether it was understood.
        """
        collected = read_number(text) if text else None
        by_text, by_number = self.factor_of(text_unit), self.factor_of(number_unit)
        if not text and math.isnan(number):
            return Result()
        if collected is not None and by_text is not None:
            if math.isnan(number) and by_text == _WHOLE_CELLS and _THOUSANDS.fullmatch(text):
                return Result(problem="mark")
            rounding = self.rounding.collected.get(text_unit, 0) * float(by_text)
            if by_number is not None:
                key = text_unit, number_unit
                rounding += self.rounding.standard.get(key, 0) * float(by_number)
            result = self._from_text(collected, by_text, number, by_number, rounding)
            unchecked = number_unit and by_number is None and not math.isnan(number)
            reported = f"unit {number_unit} of the standardised result is not known: not compared"
            return replace(result, remark=reported) if unchecked else result
        if by_number is not None and not math.isnan(number):
            remark = "" if text in ("", "-") else "taken from the standardised number alone"
            return Result(self._rounded(number, by_number), remark=remark)
        if by_text is None and by_number is None:
            stated = number_unit or text_unit
            return Result(problem="unit" if stated else "no unit")
        return Result(problem="number")

    def factor_of(self, unit: str) -> Fraction | None:
        """Factor from a unit of the study to the event table's; None if it is not known."""
        unit = self.translate.get(unit, unit) or self.unit
        return self.factor(unit) if unit else None

    def _from_text(
        self,
        collected: Fraction,
        by_text: Fraction,
        number: float,
        by_number: Fraction | None,
        rounding: float,
    ) -> Result:
        value = float(collected * by_text)
        if not math.isnan(number) and by_number is not None:
            standard = number * float(by_number)
            largest = max(abs(value), abs(standard))
            if abs(standard - value) > max(AGREE * largest, rounding * (1 + 1e-9)) + 1e-9:
                return Result(problem="disagree")
        return Result(value)

    def _rounded(self, number: float, factor: Fraction) -> float:
        reported = round(number, self.decimals) if self.decimals >= 0 else number
        return float(Fraction(repr(reported)) * factor)


EXPECTED = {
    "unit": 'a known unit; name it in the mapping, e.g. [lab.units] "theirs" = "10^9/L"',
    "no unit": 'a unit on every result, or the unit of all in the mapping: [lab] unit = "10^9/L"',
    "number": "a number, a range low-high, or `<` and a limit; words of no result: [lab] missing "
    'in the mapping, marks beside numbers: [format] flags = ["*"]',
    "word": "no standardised number where there is no result",
    "disagree": "the result as collected and its standardised number to agree within 2 % or "
    "the rounding of what is printed (its decimals in the mapping: [lab] standard_decimals = 1)",
    "mark": "a number that cannot be read two ways: 1.450 in cells/uL is 1450 or 1.45; write it "
    "without a mark",
}
"""What should stand where a result could not be read."""
