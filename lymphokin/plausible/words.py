"""What is plausible of the quantities and drugs that every event table may hold, by their words.

A shipped table holds the ranges, as it holds the words themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from tomllib import loads
from typing import Any

from lymphokin.plausible.check import Check
from lymphokin.shipped import data_path


def _check(keys: Mapping[str, Any]) -> Check:
    ranges: dict[str, Any] = {k: tuple(keys[k]) for k in ("possible", "plausible", "usual")}
    return Check(**{**keys, **ranges})


def _checks(table: Mapping[str, Any]) -> dict[str, dict[str, Check]]:
    return {word: {of: _check(keys) for of, keys in own.items()} for word, own in table.items()}


_TABLE = loads(data_path("plausible.toml").read_text(encoding="utf-8"))
OF_OBSERVABLES = _checks(_TABLE["observables"])
"""By quantity, the checks of a `value`, of a `limit` of quantification, and of the `highest` value
of all patients."""
OF_DRUGS = _checks(_TABLE["drugs"])
"""By drug, the checks of a `dose` and of a `dose_per_m2` of body surface."""
CHECKS = tuple(c for own in (*OF_DRUGS.values(), *OF_OBSERVABLES.values()) for c in own.values())
