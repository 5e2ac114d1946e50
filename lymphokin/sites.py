"""Anatomical sites of a lesion: rows of a shipped table (`data/immune_dose_by_site.csv`).

Each gives the dose to the immune system of a reference course to one lesion, how well that is
known, its label and the words that mean it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lymphokin.shipped import data_path

UNKNOWN = "other"
"""Where the site is not stated."""


@dataclass(frozen=True)
class Site:
    """An anatomical site class.

    Attributes:
        name: Its word in an event table.
        label: What a form calls it.
        synonyms: Words that mean it, in lower case.
        immune_dose_per_gy: Gy to the blood per prescribed Gy to one lesion.
        log_sd: Log-SD of a course's true dose around it; None: that of the model's parameter table.
    """

    name: str
    label: str
    synonyms: tuple[str, ...]
    immune_dose_per_gy: float
    log_sd: float | None


@cache
def sites() -> Mapping[str, Site]:
    """The site classes by name."""
    with data_path("immune_dose_by_site.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["site"]: Site(
            row["site"],
            row["label"],
            tuple(word for word in row["synonyms"].split("|") if word),
            float(row["immune_dose_gy"]) / float(row["reference_prescribed_gy"]),
            float(row["log_sd"]) if row["log_sd"] else None,
        )
        for row in rows
    }


@cache
def by_word() -> Mapping[str, str]:
    """Site classes by every word that means them, in lower case with spaces."""
    words = {}
    for site in sites().values():
        words |= dict.fromkeys((site.name, site.name.replace("_", " "), *site.synonyms), site.name)
    return words


def site_class(text: str) -> str | None:
    """The site classes that a text means, one per lesion joined by `+`; None if one is not known.

    >>> site_class("Liver + Prostate gland")
    'liver+prostate'
    """
    found = [by_word().get(" ".join(part.lower().split())) for part in text.split("+")]
    return None if None in found else "+".join(str(name) for name in found)
