"""The entry of a residual in a table: how measurements scatter, and what shifts them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lymphokin.model.entry import CERTAINTIES, Entry
from lymphokin.model.residual import CategoryEffect, DelayEffect, Residual

CATEGORIES_OF_RECORDS = ("TUBE", "CENTRE")
"""Columns whose categories may shift what is measured."""
DISTRIBUTIONS = ("student_t", "normal")
ERRORS = ("log_normal", "additive", "proportional", "combined")
SD_PRIORS = ("log_normal", "half_normal", "half_cauchy")
SD_COLUMN = "SD"
"""Column of the event table with the SD of a measurement."""


def residual_of(quantity: str, raw: Any, problems: list[str]) -> Residual | None:
    """The residual of an entry; None, with every problem added, when anything is wrong."""
    entry = Entry(f"residuals.{quantity}", raw, problems)
    effects = tuple(
        effect
        for column, below in entry.parts("covariates").items()
        for effect in _record_effects(entry.where, column, below, problems)
    )
    known = {f.name for f in fields(Residual)} - {"quantity", "effects"}
    of_record = "sd_column" in entry.raw
    needed = ("distribution", "certainty") if of_record else ("distribution", "sd", "certainty")
    entry.keys((*known, "scale"), needed)
    entry.choice("distribution", DISTRIBUTIONS)
    entry.choice("error", ERRORS)
    _check_scale(entry)
    entry.choice("sd_prior", SD_PRIORS)
    if entry.raw.get("sd_prior", "log_normal") != "log_normal" and "sd_log_sd" in entry.raw:
        entry.refuse(f"sd_log_sd is only for sd_prior log_normal, not {entry.raw['sd_prior']}")
    entry.choice("sd_column", (SD_COLUMN,))
    if of_record and entry.raw.get("error", "log_normal") not in ("log_normal", "additive"):
        entry.refuse(f"sd_column is for error log_normal or additive, not {entry.raw['error']!r}")
    entry.choice("certainty", CERTAINTIES)
    entry.texts("source", "doi")
    entry.positive("sd", "proportional_sd", "degrees_of_freedom")
    entry.not_negative("sd_log_sd", "proportional_sd_log_sd")
    if entry.raw.get("distribution") == "student_t" and "degrees_of_freedom" not in entry.raw:
        entry.refuse("distribution student_t needs degrees_of_freedom")
    if not entry.sound:
        return None
    entry.raw.pop("scale", None)
    entry.raw.setdefault("sd", 1.0)
    return Residual(quantity=quantity, effects=effects, **entry.raw)


def _check_scale(entry: Entry) -> None:
    """The scale follows from the error; a combined error has two SDs, the others one."""
    error = entry.raw.get("error", "log_normal")
    scale = "log" if error == "log_normal" else "natural"
    if entry.raw.get("scale", scale) != scale:
        entry.refuse(f"scale must be {scale} for error {error}, not {entry.raw['scale']!r}")
    if error == "combined" and "proportional_sd" not in entry.raw:
        entry.refuse("error combined needs proportional_sd")
    for key in ("proportional_sd", "proportional_sd_log_sd"):
        if error != "combined" and key in entry.raw:
            entry.refuse(f"{key} is only for error combined")


def _delay(entry: Entry) -> tuple[DelayEffect, ...]:
    words = ("source", "doi", "certainty")
    entry.keys((*words, "per_hour", "per_hour_sd"), ("per_hour",))
    entry.texts(*words)
    entry.number("per_hour")
    entry.not_negative("per_hour_sd")
    if not entry.sound:
        return ()
    raw = entry.raw
    return (DelayEffect(raw["per_hour"], raw.get("per_hour_sd", 0.0), raw.get("source", "")),)


def _record_effects(
    where: str, column: str, raw: Any, problems: list[str]
) -> tuple[CategoryEffect | DelayEffect, ...]:
    entry = Entry(f"{where}.covariates.{column}", raw, problems)
    if column == "DELAY":
        return _delay(entry)
    if column not in CATEGORIES_OF_RECORDS:
        entry.refuse(f"expected DELAY or one of {', '.join(CATEGORIES_OF_RECORDS)}")
        return ()
    words = ("reference", "source", "doi", "certainty")
    numbers = [key for key in entry.raw if key not in words]
    categories = [key for key in numbers if not key.endswith("_sd")]
    sds = [f"{category}_sd" for category in categories]
    entry.keys((*words, *categories, *sds), ("reference",))
    entry.texts(*words)
    for category in categories:
        entry.number(category)
    entry.not_negative(*sds)
    if not categories:
        entry.refuse("no category with its log-ratio to the reference")
    if not entry.sound:
        return ()
    return tuple(
        CategoryEffect(
            column.lower(),
            entry.raw["reference"],
            category,
            entry.raw[category],
            entry.raw.get(f"{category}_sd", 0.0),
            entry.raw.get("source", ""),
        )
        for category in categories
    )
