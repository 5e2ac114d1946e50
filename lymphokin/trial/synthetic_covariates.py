"""Covariates that change within the patients of a synthetic trial, such as courses of steroids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.model import Model
from lymphokin.quantities import VaryingCovariate
from lymphokin.trial.declared import held_covariates

KEYS = ("probability", "values", "starts", "lasts")


def drawn_covariates(
    model: Model, design: Mapping[str, Any], first: Mapping[Any, float], rng: np.random.Generator
) -> pd.DataFrame:
    """Values of the covariates of each patient, by the day from which they hold.

    Everybody is at what the design holds a covariate at (``covariates``), else at what counts until
    one is stated. Some patients have one course of another value (``covariate_courses``).

    Args:
        model: whose covariates they are.
        design: the ``[design]`` table; ``covariate_courses`` has for each covariate the probability
            that a patient has a course, the values of which it has one, and the days between which
            it starts and that it lasts, both drawn uniformly in whole days. None starts before a
            patient's first record.
        first: day of each patient's first record, from which on values are stated.
        rng: of the courses; nothing is drawn where none are declared.

    Returns:
        ``varying`` of a cohort: id, day, covariate, value.

    Raises:
        ValueError: when a covariate or a key is not known, or a value cannot be.
    """
    known, held = model.table.varying, held_covariates(model, design)
    courses: Mapping[str, Any] = design.get("covariate_courses", {})
    least = max([0.0, *first.values()])
    problems = [p for name, own in courses.items() for p in _problems(name, own, known, least)]
    if problems:
        raise ValueError("; ".join(problems))
    rows = []
    for patient, day in first.items():
        for name, rest in held.items():
            stated = {day: rest}
            if own := courses.get(name):
                has = rng.random() < own["probability"]
                value = float(rng.choice(own["values"]))
                start, lasts = (float(rng.integers(a, b + 1)) for a, b in
                                (own["starts"], own["lasts"]))  # fmt: skip
                if has:
                    stated |= {start: value, start + lasts: rest}
            rows += [(patient, since, name, level) for since, level in stated.items()]
    return pd.DataFrame(rows, columns=["id", "day", "covariate", "value"])


def _problems(
    name: str, own: Any, known: Mapping[str, VaryingCovariate], first_record: float
) -> list[str]:
    """``first_record``: the latest day of a patient's first record, at least 0."""
    where = f"design.covariate_courses.{name}"
    if name not in known:
        return [f"{where}: expected a covariate that changes: {', '.join(known) or 'none'}"]
    if not isinstance(own, Mapping) or set(own) != set(KEYS):
        found = sorted(own) if isinstance(own, Mapping) else own
        return [f"{where}: found {found}, expected the keys {', '.join(KEYS)}"]
    problems, covariate = [], known[name]
    p = own["probability"]
    if not _is_number(p) or not 0 <= p <= 1:
        problems.append(f"{where}.probability: found {p!r}, expected 0 to 1")
    values = own["values"]
    low, high = covariate.lowest, covariate.highest
    if (
        not isinstance(values, list)
        or not values
        or not all(_is_number(v) and low <= v <= high for v in values)
    ):
        expected = f"a list of {low:g} to {high:g} {covariate.unit}"
        problems.append(f"{where}.values: found {values!r}, expected {expected}")
    for key, least in (("starts", first_record), ("lasts", 1)):
        days = own[key]
        pair = isinstance(days, list) and len(days) == 2 and all(map(_is_whole, days))
        if not pair or not least <= days[0] <= days[1]:
            expected = f"two whole days in order, from {least:g} on"
            problems.append(f"{where}.{key}: found {days!r}, expected {expected}")
    return problems


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
