"""One entry of a table in a file, and the checks that collect everything wrong with it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from lymphokin.model.units import unknown_unit

CERTAINTIES = ("read", "computed", "proposed prior", "fixed")
"""How sure a number of a table is."""


class Entry:
    """One entry of the table; every check that fails adds to the problems of the file."""

    def __init__(self, where: str, raw: Any, problems: list[str]) -> None:
        self.where = where
        self.raw: dict[str, Any] = dict(raw) if isinstance(raw, Mapping) else {}
        self._all = problems
        self._before = len(problems)
        self.is_table: bool = isinstance(raw, Mapping)
        if not self.is_table:
            self.refuse(f"must be a table of keys, not {raw!r}")

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong so far."""
        return len(self._all) == self._before

    def refuse(self, problem: str) -> None:
        self._all.append(f"{self.where}: {problem}")

    def parts(self, key: str) -> dict[str, Any]:
        """Take out the entries below ``key``."""
        below = self.raw.pop(key, {})
        if isinstance(below, Mapping):
            return dict(below)
        self.refuse(f"{key} must be a table of keys, not {below!r}")
        return {}

    def keys(self, known: Collection[str], needed: Collection[str]) -> None:
        if not self.is_table:
            return  # which is said already
        for key in sorted(set(self.raw) - set(known)):
            self.refuse(f"unknown key {key!r}")
        for key in needed:
            if key not in self.raw:
                self.refuse(f"{key} is missing")

    def choice(self, key: str, allowed: tuple[str, ...]) -> None:
        if key in self.raw and self.raw[key] not in allowed:
            names = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if allowed[1:] else allowed[0]
            self.refuse(f"{key} must be {names}, not {self.raw[key]!r}")

    def texts(self, *keys: str) -> None:
        for key in keys:
            if not isinstance(self.raw.get(key, ""), str):
                self.refuse(f"{key} must be text, not {self.raw[key]!r}")

    def known_unit(self) -> None:
        unit = self.raw.get("unit")
        if isinstance(unit, str) and (problem := unknown_unit(unit)):
            self.refuse(problem)

    def number(self, key: str) -> float | None:
        """The finite number at ``key``; None if there is none, which is refused if it is else."""
        value = self.raw.get(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            self.refuse(f"{key} must be a finite number, not {value!r}")
            return None
        return value

    def positive(self, *keys: str) -> None:
        for key in keys:
            if (value := self.number(key)) is not None and value <= 0:
                self.refuse(f"{key} must be above 0, not {value}")

    def not_negative(self, *keys: str) -> None:
        for key in keys:
            if (value := self.number(key)) is not None and value < 0:
                self.refuse(f"{key} must not be negative, but is {value}")
