"""Usual regimens of drugs: rows of a shipped table (`data/regimens.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lymphokin.schedule import PulseCalendar
from lymphokin.shipped import data_path


@dataclass(frozen=True)
class Regimen:
    """Pulses of a drug as they are usually given.

    Attributes:
        mg_per_m2_per_day: dose per body surface area on each day of a pulse.
        days: length of a pulse.
        every: days from the beginning of one pulse to the next.
        pulses: how many there are.
        doses_per_day: intakes that share the daily dose.
        trial: where it comes from.
        fractions: the radiotherapy that it was given with, in words such as ``5x7``.
        toxic_level: peak level on day 1 that went with severe toxicity, in the unit of the level.
    """

    mg_per_m2_per_day: float
    days: int
    every: int
    pulses: int
    doses_per_day: int
    trial: str
    fractions: str
    toxic_level: float | None = None


@cache
def regimens() -> Mapping[str, Regimen]:
    """The usual regimens, by the drug's word in the event table."""
    tables = tomllib.loads(data_path("regimens.toml").read_text(encoding="utf-8"))
    return {drug: Regimen(**keys) for drug, keys in tables.items()}


def usual_pulses(drug: str, per_mg: float = 1.0) -> PulseCalendar:
    """The usual regimen of a drug as a calendar, from day 0.

    Args:
        drug: its word in the event table.
        per_mg: how many of the unit of its amounts a milligram is.

    Raises:
        KeyError: when no usual regimen of the drug is known.
    """
    usual = regimens()[drug]
    return PulseCalendar(
        drug,
        usual.mg_per_m2_per_day,
        usual.days,
        usual.every,
        usual.pulses,
        usual.doses_per_day,
        per_mg=per_mg,
    )
