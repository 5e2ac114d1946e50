"""Named checks of plausibility: which numbers are usual, improbable or impossible, and why.

A number outside the possible range is refused. Outside the plausible range it is refused unless
the user accepts the check by its name with a reason. Outside the usual range it is warned of.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


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

    def range_text(self, limits: tuple[float, float]) -> str:
        """A range in words, such as `0.1 to 40 Gy`."""
        low, high = limits
        if math.isinf(high):
            text = f"{low:g} or more"
        else:
            text = f"at most {high:g}" if low in (0, -math.inf) else f"{low:g} to {high:g}"
        return f"{text} {self.unit}".rstrip()


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            "fraction_dose",
            "the prescribed dose of one fraction",
            "Gy",
            (0, 100),
            (0.1, 40),
            (1, 34),
            "34 Gy in one fraction is the largest dose of RTOG 0915 (Videtic et al. 2015, "
            "doi:10.1016/j.ijrobp.2015.07.2260); radiosurgery of nerves, up to 90 Gy, is to be "
            "accepted. Above 100 the dose is in cGy (judgement)",
        ),
        Check(
            "total_dose",
            "the prescribed dose of all fractions to one lesion",
            "Gy",
            (0, 400),
            (0.5, 120),
            (4, 90),
            "60 Gy in 3 fractions (RTOG 0236, Timmerman et al. 2010, doi:10.1001/jama.2010.261) "
            "and about 80 Gy in 2 Gy fractions are the largest usual courses; 120 Gy leaves room "
            "for a second one (judgement)",
        ),
        Check(
            "fraction_count",
            "the number of fractions to one lesion",
            "",
            (1, 1000),
            (1, 80),
            (1, 45),
            "judgement: conventional courses have up to 45 fractions, twice daily ones up to 70",
        ),
        Check(
            "fraction_spacing",
            "the median interval between successive fractions to one lesion",
            "days",
            (0, 3653),
            (0.15, 10),
            (0.25, 8),
            "judgement: from twice a day with 6 hours between to once a week; courses with longer "
            "pauses between pulses (Moore et al. 2021, doi:10.1016/j.ijrobp.2021.03.047) are to be "
            "accepted. 24 is hours taken for days",
        ),
        Check(
            "fraction_interval",
            "the shortest interval between fractions to one lesion",
            "days",
            (0, 3653),
            (0.15, 3653),
            (0.24, 3653),
            "judgement: twice-daily courses keep at least 6 hours (0.25 days) for repair",
        ),
        Check(
            "course_gap",
            "the longest pause between fractions to one lesion",
            "days",
            (0, 3653),
            (0, 3653),
            (0, 21),
            "judgement: a longer pause means two courses, which one course of the table may not be",
        ),
        Check(
            "visit_day",
            "the day of a measurement or dose, from the first fraction",
            "days",
            (-3653, 3653),
            (-400, 1000),
            (-120, 550),
            "judgement: trials follow counts for one or two years; days beyond are hours or "
            "another year",
        ),
    )
}
"""Every check by its name."""


def checked_reasons(accept: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Accepted checks with their reasons, and what is wrong as (found, expected, hint)."""
    reasons, wrong = {}, []
    for name, reason in accept.items():
        if name not in CHECKS:
            close = difflib.get_close_matches(str(name), CHECKS, n=1)
            hint = f"{close[0]}?" if close else ""
            wrong.append((str(name), "the name of a check of plausibility to accept", hint))
        elif not str(reason).strip() or not str(reason).isprintable():
            wrong.append((f"{name} without a reason", "a reason, in one line, for what is accepted",
                          f'such as {name} = "checked in the chart"'))  # fmt: skip
        else:
            reasons[name] = str(reason).strip()
    return reasons, wrong
