"""Organs by the names that planning systems give them, and the blood that they hold.

Structures are named by AAPM Task Group 263 (`data/organ_names.csv`, TG-263 names first, then
common synonyms). Blood volumes are those of ICRP Publication 89 (reference adults), per cent of
the blood of the body (`data/literature/icrp89_blood_compartments.csv`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pandas as pd

from lymphokin.shipped import data_path

BODY = "body"
"""The outline of the body: no organ of its own."""

_COMPARTMENTS = {
    "lungs": ("lung", "bronchial"),
    "heart": ("right_heart", "left_heart", "coronary"),
    "great_vessels": (
        "aorta",
        "pulmonary_artery",
        "superior_vena_cava",
        "inferior_vena_cava",
    ),
}
"""Organs that hold the blood of several compartments of ICRP 89; any other holds its own."""

REFERENCE_BODY_CM3 = {"M": 73_000.0, "F": 60_000.0}
"""Body of the reference adult of ICRP 89 (73 and 60 kg) at 1 g/cm3."""

_PAIRS = {"left", "right"}


class Part(NamedTuple):
    """An organ or a part of one: `whole`, or e.g. `left`."""

    organ: str
    part: str


class OrganDose(NamedTuple):
    """Mean dose (Gy) and volume (cm3, NaN if not known) of an organ or a part of one."""

    mean_gy: float
    volume_cm3: float = float("nan")


@cache
def blood_share(sex: str | None) -> dict[str, float]:
    """Share of the body's blood in each ICRP 89 compartment; sums to 1.

    `sex`: F or M; None: the mean of both reference adults.
    """
    table = pd.read_csv(data_path("literature/icrp89_blood_compartments.csv"))
    if sex is not None:
        table = table[table["sex"] == sex]
    share = table.groupby("compartment")["blood_volume_percent_of_total"].mean()
    return {str(name): float(value) for name, value in (share / share.sum()).items()}


def share_of(organ: str, sex: str | None) -> float:
    """Share of the body's blood that an organ holds."""
    share = blood_share(sex)
    return sum(share[name] for name in _COMPARTMENTS.get(organ, (organ,)))


def compartments(organ: str) -> tuple[str, ...]:
    """ICRP 89 compartments whose blood an organ holds."""
    return _COMPARTMENTS.get(organ, (organ,))


def known_organs() -> tuple[str, ...]:
    """Organs with a share of the blood, and the body."""
    return tuple(dict.fromkeys(part.organ for part in _names().values()))


@cache
def _names() -> dict[str, Part]:
    table = pd.read_csv(data_path("organ_names.csv"))
    return {
        plain(name): Part(organ, part)
        for organ, part, name in zip(table["organ"], table["part"], table["name"], strict=True)
    }


def plain(name: str) -> str:
    """A structure's name without accents, case, blanks and marks."""
    letters = unicodedata.normalize("NFKD", name.replace("œ", "oe")).encode("ascii", "ignore")
    return re.sub(r"[^a-z0-9]", "", letters.decode().lower())


def organ_of(name: str, own: Mapping[str, Part] | None = None) -> Part | None:
    """The organ that a structure's name stands for, None if it is not known.

    `own`: further names (as `plain` makes them) that go before the table's.
    """
    key = plain(name)
    return (own or {}).get(key) or _names().get(key)


def combine(parts: Mapping[Part, OrganDose]) -> tuple[dict[str, OrganDose], list[str]]:
    """Mean dose per organ from organs and parts, and what a reader should know.

    A whole organ goes before its parts. Parts are weighted with their volumes. Of a pair both
    must be there: one lung does not tell the dose to both.
    """
    organs: dict[str, OrganDose] = {}
    remarks = []
    for organ in dict.fromkeys(part.organ for part in parts):
        of_organ = {p.part: dose for p, dose in parts.items() if p.organ == organ}
        if "whole" in of_organ:
            organs[organ] = of_organ["whole"]
            continue
        if _PAIRS & set(of_organ) and not set(of_organ) >= _PAIRS:
            remarks.append(f"{organ}: only the {next(iter(of_organ))} one is there; left out")
            continue
        volumes = [dose.volume_cm3 for dose in of_organ.values()]
        if any(v != v for v in volumes):
            remarks.append(f"{organ}: parts without volumes are weighted equally")
            volumes = [1.0] * len(of_organ)
        total = sum(volumes)
        mean = sum(v * d.mean_gy for v, d in zip(volumes, of_organ.values(), strict=True)) / total
        organs[organ] = OrganDose(mean, total)
    return organs, remarks
