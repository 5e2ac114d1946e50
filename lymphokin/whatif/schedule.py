"""The schedule of a what-if: fractions and drug pulses, as objects or in words like ``5x10``."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, model_validator

from lymphokin.model.units import mg_in
from lymphokin.pages.messages import RefusedError
from lymphokin.plausible import LARGEST_FRACTION_GY
from lymphokin.quantities import DRUG, DRUGS
from lymphokin.regimens import regimens
from lymphokin.schedule import LONGEST_INFUSION_HOURS, treatment_days
from lymphokin.whatif.files import checked
from lymphokin.whatif.limits import (
    EARLIEST_DAY,
    LARGEST_AMOUNT,
    LARGEST_IMMUNE_DOSE_GY,
    LATEST_DAY,
    LATEST_FRACTION_DAY,
    MOST_FRACTIONS,
    MOST_LESIONS,
    MOST_PULSES,
    Strict,
)

FRACTIONS = re.compile(r"(\d{1,2})x(\d{1,3}(?:\.\d+)?)(?:/(\d))?")
PULSES = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9_.]*) )?"
    r"(\d)x(\d{1,2})(?:@(-?\d{1,3}))?(?:/(\d{1,3}))?(?::(\d{1,6}(?:\.\d+)?))?"
    r"(?: over (\d{1,3}(?:\.\d+)?) ?h)?"
)
NOTHING = "none"
THREE_WEEKS = 21
"""Days from pulse to pulse of a drug whose regimen is not known (judgement)."""


class PlannedFraction(Strict):
    """One radiotherapy fraction to every lesion, or to one."""

    day: Annotated[int, Field(ge=0, le=LATEST_FRACTION_DAY)]
    gy: Annotated[float, Field(gt=0, le=LARGEST_FRACTION_GY)]
    lesion: Annotated[int, Field(ge=0, le=MOST_LESIONS)] = 0
    """0 = every lesion"""


class Pulse(Strict):
    """One pulse of a drug: the same daily dose on consecutive days.

    Length and dose may be left out where the drug has a usual regimen (`data/regimens.toml`).
    """

    drug: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$", max_length=40)] = DRUG
    """its word in the event table"""
    day: Annotated[float, Field(ge=EARLIEST_DAY, le=LATEST_DAY)]
    days: Annotated[int, Field(ge=1, le=14)] = 1
    mg_per_m2_per_day: Annotated[float, Field(gt=0, le=500)] | None = None
    amount_per_day: Annotated[float, Field(gt=0, le=LARGEST_AMOUNT)] | None = None
    """in the drug's unit, whatever the body surface; instead of the dose per m2"""
    doses_per_day: Annotated[int, Field(ge=1, le=3)] = 1
    infusion_hours: Annotated[float, Field(ge=0, le=LONGEST_INFUSION_HOURS)] = 0.0
    """how long each dose lasts, of a drug that the model knows infusions of; 0: at once"""

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, pulse: Any) -> Any:
        if not isinstance(pulse, dict):
            return pulse
        usual = regimens().get(str(pulse.get("drug", DRUG)))
        if usual is None:
            return pulse
        doses = ("mg_per_m2_per_day", "amount_per_day")
        known = {"days": usual.days} | pulse
        if all(pulse.get(name) is None for name in doses):
            known["mg_per_m2_per_day"] = usual.mg_per_m2_per_day
        return known

    @model_validator(mode="after")
    def _one_dose(self) -> Pulse:
        if (self.mg_per_m2_per_day is None) == (self.amount_per_day is None):
            raise ValueError(
                f"a pulse of {self.drug} with either mg_per_m2_per_day, or amount_per_day in "
                "its unit"
            )
        return self

    def amount(self, bsa: float, unit: str = "mg") -> float:
        """What is given on each of its days, in the drug's unit, for a body surface area (m2).

        Raises:
            RefusedError: when the dose is one per m2, and the drug's unit is no mass.
        """
        if self.amount_per_day is not None:
            return self.amount_per_day
        assert self.mg_per_m2_per_day is not None
        per_mg = mg_in(unit)
        if per_mg is None:
            raise RefusedError("error.no_mass", drug=self.drug, unit=unit)
        return self.mg_per_m2_per_day * bsa * per_mg


class Schedule(Strict):
    """Fractions and drug pulses of one plan.

    Days count from a day 0 that all schedules of a question share, usually the first fraction.
    """

    fractions: Annotated[tuple[PlannedFraction, ...], Field(max_length=MOST_FRACTIONS)] = ()
    pulses: Annotated[tuple[Pulse, ...], Field(max_length=MOST_PULSES)] = ()
    """of all drugs; those of a drug of every event table also as a list under its word"""
    start_weekday: Annotated[int, Field(ge=0, le=6)] = 0
    """weekday of day 0, Monday = 0"""
    immune_dose_gy: Annotated[float, Field(ge=0, le=LARGEST_IMMUNE_DOSE_GY)] | None = None
    """mean dose to the blood of the whole course under this schedule; if absent, in proportion to
    that of the plan where it is known, else estimated"""

    @model_validator(mode="before")
    @classmethod
    def _by_drug(cls, schedule: Any) -> Any:
        """Lists of pulses under a drug's word join the others."""
        if not isinstance(schedule, dict) or not any(name in schedule for name in DRUGS):
            return schedule
        rest = {name: value for name, value in schedule.items() if name not in DRUGS}
        pulses = list(rest.get("pulses", ()))
        for name in DRUGS:
            own = schedule.get(name, ())
            if not isinstance(own, (list, tuple)):
                return schedule
            pulses += [{"drug": name} | p if isinstance(p, dict) else p for p in own]
        return rest | {"pulses": pulses}

    @model_validator(mode="after")
    def _distinct(self) -> Schedule:
        places = [(f.day, f.lesion) for f in self.fractions]
        if len(set(places)) < len(places):
            raise RefusedError("error.two_fractions")
        for drug in {p.drug for p in self.pulses}:
            pulses = sorted(self.pulses_of(drug), key=lambda p: p.day)
            for pulse, following in pairwise(pulses):
                if pulse.day + pulse.days > following.day:
                    raise RefusedError("error.pulses", drug=drug, day=following.day)
        return self

    def pulses_of(self, drug: str) -> tuple[Pulse, ...]:
        """Pulses of one drug."""
        return tuple(p for p in self.pulses if p.drug == drug)

    def with_pulses(self, pulses: tuple[Pulse, ...], drug: str) -> Schedule:
        """The schedule with other pulses of one drug."""
        others = tuple(p for p in self.pulses if p.drug != drug)
        return self.model_copy(update={"pulses": others + pulses})

    @property
    def first_fraction_day(self) -> int:
        """Day of the first fraction; 0 without any."""
        return min((f.day for f in self.fractions), default=0)

    @property
    def last_fraction_day(self) -> int:
        """Day of the last fraction; 0 without any."""
        return max((f.day for f in self.fractions), default=0)

    @property
    def fraction_days(self) -> list[int]:
        """Days with a fraction, to whichever lesions, in order."""
        return sorted({f.day for f in self.fractions})

    @property
    def lesions(self) -> list[int]:
        """Lesions that are treated, in order; 0 stands for every lesion."""
        return sorted({f.lesion for f in self.fractions})

    def summed(self, effect: Callable[[float], float]) -> float:
        """Sum of an effect of each fraction's dose (Gy) in the most heavily treated lesion."""
        common = sum(effect(f.gy) for f in self.fractions if f.lesion == 0)
        own = [
            sum(effect(f.gy) for f in self.fractions if f.lesion == lesion)
            for lesion in self.lesions
            if lesion
        ]
        return common + max(own, default=0.0)

    @property
    def total_gy(self) -> float:
        """Prescribed dose of the most heavily treated lesion, Gy."""
        return self.summed(lambda gy: gy)


def schedule_of(schedule: Schedule | str) -> Schedule:
    """A schedule from words, or the schedule itself.

    ``5x10`` is 5 fractions of 10 Gy on weekdays from a Monday, ``3x18/2`` every other day, and
    ``5x10 + 4x3`` has 4 drug pulses of 3 days besides; ``none`` is no treatment. Further drugs
    follow with their word: ``5x10 + 4x3 + il7 2x1@6:84``.

    Raises:
        ValueError: when the words mean nothing.
        BadInput: when they mean a schedule outside the limits.
    """
    if isinstance(schedule, Schedule):
        return schedule
    fractions, *drugs = (part.strip() for part in schedule.split("+"))
    planned = Schedule() if fractions == NOTHING else fractions_in_words(fractions)
    pulses = [pulse for part in drugs for pulse in pulses_in_words(part)]
    raw = planned.model_dump() | {"pulses": [p.model_dump() for p in pulses]}
    return checked(Schedule, raw, f"the schedule {schedule}") if pulses else planned


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
    """Pulses from words: ``4x3`` is 4 pulses of 3 days, every 21 days, as in NCT06439888.

    In full ``4x3@0/21:150``: from day 0, every 21 days, 150 mg/m2 per day. Another drug than the
    usual one is named before: ``il7 2x1@6/21:84``; without a usual regimen its dose is the amount
    of a day in its unit. ``mab 2x1@6/21:84 over 1.5h`` are infusions of 1.5 hours.

    Raises:
        ValueError: when the words mean nothing.
        BadInput: when they mean pulses outside the limits.
    """
    match = PULSES.fullmatch(" ".join(text.split()))
    if not match:
        raise ValueError(
            f"pulses {text!r}: expected [DRUG ]PULSESxDAYS[@FIRST_DAY][/EVERY][:DOSE]"
            "[ over HOURSh], e.g. 4x3@0/21:150"
        )
    drug, usual = match[1] or DRUG, regimens().get(match[1] or DRUG)
    count, days, first = int(match[2]), int(match[3]), int(match[4] or 0)
    every = int(match[5] or (usual.every if usual else THREE_WEEKS))
    dose: dict[str, float] = {}
    if match[6]:
        dose = {"mg_per_m2_per_day" if usual else "amount_per_day": float(match[6])}
    each = {"drug": drug, "days": days, "infusion_hours": float(match[7] or 0), **dose}
    raw = [{"day": first + every * k, **each} for k in range(count)]
    return checked(Schedule, {"pulses": raw}, f"pulses {text}").pulses
