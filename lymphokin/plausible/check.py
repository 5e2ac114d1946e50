"""One check of plausibility: what is compared, its ranges, and where they come from."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import IntEnum

FLAG = (-0.5, 0.5)
"""The plausible range of a check that is met or not: 1 lies outside."""


class Verdict(IntEnum):
    """How far a number lies from what is usual."""

    USUAL = 0
    UNUSUAL = 1
    IMPROBABLE = 2
    IMPOSSIBLE = 3


@dataclass(frozen=True)
class Check:
    """One check of plausibility.

    Attributes:
        name: Name by which a user accepts an improbable number.
        compared: What is compared, as a noun phrase.
        unit: Unit of the number, empty for a ratio.
        possible: Range outside which the number is refused, limits included.
        plausible: Range outside which the number is refused unless accepted.
        usual: Range outside which the number is warned of.
        source: Citation, or "judgement" with its reason.
    """

    name: str
    compared: str
    unit: str
    possible: tuple[float, float]
    plausible: tuple[float, float]
    usual: tuple[float, float]
    source: str

    def __post_init__(self) -> None:
        ranges = (self.possible, self.plausible, self.usual)
        for wide, narrow in itertools.pairwise(ranges):
            if not wide[0] <= narrow[0] < narrow[1] <= wide[1]:
                raise ValueError(f"{self.name}: {narrow} does not lie within {wide}")

    def verdict(self, number: float) -> Verdict:
        """Where `number` lies; NaN (nothing to compare) is usual."""
        if math.isnan(number):
            return Verdict.USUAL
        ranges = (self.usual, self.plausible, self.possible)
        inside = [low <= number <= high for low, high in ranges]
        return Verdict(inside.index(True)) if any(inside) else Verdict.IMPOSSIBLE

    @property
    def is_flag(self) -> bool:
        """Whether the number only says that there is such a thing: 0 no, 1 yes."""
        return self.plausible == FLAG

    def expected(self, limits: tuple[float, float]) -> str:
        """What is expected of a number within `limits`, as a phrase."""
        if self.is_flag:
            return f"no {self.compared}"
        return f"{self.compared}, {self.range_text(limits)}"

    def range_text(self, limits: tuple[float, float]) -> str:
        """A range in words, such as `0.1 to 40 Gy`."""
        low, high = limits
        if limits == FLAG:
            return "none"
        if math.isinf(low) and math.isinf(high):
            return "any"
        if math.isinf(high):
            text = f"{low:g} or more"
        else:
            text = f"at most {high:g}" if low in (0, -math.inf) else f"{low:g} to {high:g}"
        return f"{text} {self.unit}".rstrip()
