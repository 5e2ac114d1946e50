"""The blood that organs hold, and organs put together from their parts.

Blood volumes are those of ICRP Publication 89 (reference adults), per cent of the blood of the
body (`data/literature/icrp89_blood_compartments.csv`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pandas as pd

from lymphokin.dose.structure_names import Part
from lymphokin.shipped import data_path

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
