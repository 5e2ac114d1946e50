"""Patients and schedules from TOML or JSON files, with every problem in one message."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lymphokin.io.problems import BadInput, Problem
from lymphokin.schedule import treatment_days
from lymphokin.whatif.contract import PlannedFraction, Pulse, Schedule

COURSE = re.compile(r"(\d{1,2})x(\d{1,3}(?:\.\d+)?)(?:/(\d))?")
PULSES = re.compile(r"(\d)x(\d{1,2})(?:@(-?\d{1,3}))?(?:/(\d{1,3}))?(?::(\d{1,3}(?:\.\d+)?))?")


def read_as[T: BaseModel](kind: type[T], path: Path) -> T:
    """An object of the contract from a TOML or JSON file.

    Raises:
        FileNotFoundError: when there is no such file.
        BadInput: listing everything that is wrong in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    text = path.read_text(encoding="utf-8")
    try:
        raw: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        kind_of_file = "JSON" if path.suffix == ".json" else "TOML"
        raise BadInput(
            [Problem(str(path), None, None, None, f"{kind_of_file} ({error})")]
        ) from None
    return checked(kind, raw, str(path))


def checked[T: BaseModel](kind: type[T], raw: Any, where: str) -> T:
    """An object of the contract; raises BadInput naming ``where`` with all that is wrong."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise BadInput(
            Problem(
                where,
                None,
                ".".join(str(p) for p in e["loc"]) or None,
                None if e["type"] == "missing" else str(e["input"])[:60],
                _expected(e["msg"]),
            )
            for e in error.errors()
        ) from None


def _expected(message: str) -> str:
    for start in ("Value error, ", "Input should be ", "expected "):
        message = message.removeprefix(start)
    return message[:1].lower() + message[1:]


def course_of(text: str, start_weekday: int = 0) -> Schedule:
    """Fractions from words: ``5x10`` is 5 of 10 Gy on weekdays, ``3x18/2`` every other day.

    Raises:
        ValueError: when the words mean nothing.
    """
    found = COURSE.fullmatch(text.replace(" ", ""))
    if not found:
        raise ValueError(
            f"fractions {text!r}: expected COUNTxGY, e.g. 5x10, or COUNTxGY/DAYS, e.g. 3x18/2"
        )
    count, gy, gap = int(found[1]), float(found[2]), int(found[3] or 1)
    days = treatment_days(count, start_weekday, gap)
    fractions = [PlannedFraction(day=int(d), gy=gy).model_dump() for d in days]
    raw = {"fractions": fractions, "start_weekday": start_weekday}
    return checked(Schedule, raw, f"--fractions {text}")


def pulses_of(text: str) -> tuple[Pulse, ...]:
    """ATRA pulses from words: ``4x3`` is 4 pulses of 3 days, as in NCT06439888.

    In full ``4x3@0/21:150``: from day 0, every 21 days, 150 mg/m2 per day.

    Raises:
        ValueError: when the words mean nothing.
    """
    found = PULSES.fullmatch(text.replace(" ", ""))
    if not found:
        raise ValueError(
            f"ATRA {text!r}: expected PULSESxDAYS[@FIRST_DAY][/EVERY][:MG_PER_M2], "
            "e.g. 4x3@0/21:150"
        )
    count, days = int(found[1]), int(found[2])
    first, every, dose = int(found[3] or 0), int(found[4] or 21), float(found[5] or 150)
    raw = [
        {"day": first + every * k, "days": days, "mg_per_m2_per_day": dose} for k in range(count)
    ]
    return checked(Schedule, {"atra": raw}, f"--atra {text}").atra
