"""The schedule of a what-if: fractions and ATRA pulses, as objects or in words like ``5x10``."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from lymphokin.plausible import LARGEST_FRACTION_GY
from lymphokin.schedule import treatment_days
from lymphokin.whatif.files import checked
from lymphokin.whatif.limits import (
    EARLIEST_DAY,
    LATEST_DAY,
    LATEST_FRACTION_DAY,
    MOST_FRACTIONS,
    MOST_LESIONS,
    MOST_PULSES,
    Strict,
)

FRACTIONS = re.compile(r"(\d{1,2})x(\d{1,3}(?:\.\d+)?)(?:/(\d))?")
PULSES = re.compile(r"(\d)x(\d{1,2})(?:@(-?\d{1,3}))?(?:/(\d{1,3}))?(?::(\d{1,3}(?:\.\d+)?))?")
NOTHING = "none"


class PlannedFraction(Strict):
    """One radiotherapy fraction to every lesion, or to one."""

    day: Annotated[int, Field(ge=0, le=LATEST_FRACTION_DAY)]
    gy: Annotated[float, Field(gt=0, le=LARGEST_FRACTION_GY)]
    lesion: Annotated[int, Field(ge=0, le=MOST_LESIONS)] = 0
    """0 = every lesion"""


class Pulse(Strict):
    """One pulse of ATRA: the same daily dose on consecutive days."""

    day: Annotated[float, Field(ge=EARLIEST_DAY, le=LATEST_DAY)]
    days: Annotated[int, Field(ge=1, le=14)] = 3
    mg_per_m2_per_day: Annotated[float, Field(gt=0, le=500)] = 150.0
    doses_per_day: Annotated[int, Field(ge=1, le=3)] = 1


class Schedule(Strict):
    """Fractions and ATRA pulses of one plan.

    Days count from a day 0 that all schedules of a question share, usually the first fraction.
    """

    fractions: Annotated[tuple[PlannedFraction, ...], Field(max_length=MOST_FRACTIONS)] = ()
    atra: Annotated[tuple[Pulse, ...], Field(max_length=MOST_PULSES)] = ()
    start_weekday: Annotated[int, Field(ge=0, le=6)] = 0
    """weekday of day 0, Monday = 0"""

    @model_validator(mode="after")
    def _distinct(self) -> Schedule:
        places = [(f.day, f.lesion) for f in self.fractions]
        if len(set(places)) < len(places):
            raise ValueError("two fractions to the same lesion on one day: join them")
        pulses = sorted(self.atra, key=lambda p: p.day)
        for pulse, following in pairwise(pulses):
            if pulse.day + pulse.days > following.day:
                raise ValueError(f"the ATRA pulse on day {following.day:g} begins in another one")
        return self

    @property
    def first_fraction_day(self) -> int:
        """Day of the first fraction; 0 without any."""
        return min((f.day for f in self.fractions), default=0)

    @property
    def last_fraction_day(self) -> int:
        """Day of the last fraction; 0 without any."""
        return max((f.day for f in self.fractions), default=0)

    @property
    def total_gy(self) -> float:
        """Sum of the fractions' doses, Gy."""
        return sum(f.gy for f in self.fractions)


def schedule_of(schedule: Schedule | str) -> Schedule:
    """A schedule from words, or the schedule itself.

    ``5x10`` is 5 fractions of 10 Gy on weekdays from a Monday, ``3x18/2`` every other day, and
    ``5x10 + 4x3`` has 4 ATRA pulses of 3 days besides; ``none`` is no treatment.

    Raises:
        ValueError: when the words mean nothing.
        BadInput: when they mean a schedule outside the limits.
    """
    if isinstance(schedule, Schedule):
        return schedule
    fractions, _, pulses = (part.strip() for part in schedule.partition("+"))
    planned = Schedule() if fractions == NOTHING else fractions_in_words(fractions)
    if not pulses:
        return planned
    return planned.model_copy(update={"atra": pulses_in_words(pulses)})


def fractions_in_words(text: str, start_weekday: int = 0) -> Schedule:
    """Fractions from words: ``5x10`` is 5 of 10 Gy on weekdays, ``3x18/2`` every other day.

    Raises:
        ValueError: when the words mean nothing.
        BadInput: when they mean fractions outside the limits.
    """
    match = FRACTIONS.fullmatch(text.replace(" ", ""))
    if not match:
        raise ValueError(
            f"fractions {text!r}: expected COUNTxGY, e.g. 5x10, or COUNTxGY/DAYS, e.g. 3x18/2"
        )
    count, gy, gap = int(match[1]), float(match[2]), int(match[3] or 1)
    days = treatment_days(count, start_weekday, gap)
    fractions = [{"day": int(day), "gy": gy} for day in days]
    raw = {"fractions": fractions, "start_weekday": start_weekday}
    return checked(Schedule, raw, f"fractions {text}")


def pulses_in_words(text: str) -> tuple[Pulse, ...]:
    """ATRA pulses from words: ``4x3`` is 4 pulses of 3 days, as in NCT06439888.

    In full ``4x3@0/21:150``: from day 0, every 21 days, 150 mg/m2 per day.

    Raises:
        ValueError: when the words mean nothing.
        BadInput: when they mean pulses outside the limits.
    """
    match = PULSES.fullmatch(text.replace(" ", ""))
    if not match:
        raise ValueError(
            f"ATRA {text!r}: expected PULSESxDAYS[@FIRST_DAY][/EVERY][:MG_PER_M2], "
            "e.g. 4x3@0/21:150"
        )
    count, days = int(match[1]), int(match[2])
    first, every, dose = int(match[3] or 0), int(match[4] or 21), float(match[5] or 150)
    raw = [
        {"day": first + every * k, "days": days, "mg_per_m2_per_day": dose} for k in range(count)
    ]
    return checked(Schedule, {"atra": raw}, f"ATRA {text}").atra
