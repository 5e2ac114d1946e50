"""Whether the organ doses of a course agree with each other and with the prescription."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lymphokin.dose.organs import OrganDose
from lymphokin.dose.structure_names import BODY, Part
from lymphokin.io.problems import Findings


def check_course(
    organs: Mapping[str, OrganDose], blood_gy: float, prescribed_gy: float | None, found: Findings
) -> None:
    """Compare organ doses and volumes with what is plausible, and with the prescription.

    Args:
        organs: Mean dose and volume per organ over the course.
        blood_gy: Mean dose to the blood.
        prescribed_gy: Gy prescribed over the course, None if not known.
        found: Takes problems and warnings.
    """
    inner = {name: dose for name, dose in organs.items() if name != BODY}
    for name, dose in organs.items():
        check = "body_mean_dose" if name == BODY else "organ_mean_dose"
        found.judge(check, dose.mean_gy, None, name, f"{dose.mean_gy:.4g} Gy", "cGy?")
    found.judge("immune_dose", blood_gy, None, None, f"{blood_gy:.4g} Gy", "cGy?")
    if prescribed_gy:
        shown = f"{blood_gy:.4g} Gy to the blood, {prescribed_gy:g} Gy prescribed"
        found.judge("immune_dose_per_prescribed_gy", blood_gy / prescribed_gy, None, None, shown,
                    "one plan or session against a course, or cGy?")  # fmt: skip
        name, most = max(((n, d.mean_gy) for n, d in inner.items()), key=lambda nd: nd[1],
                         default=("", math.nan))  # fmt: skip
        found.judge("organ_over_prescription", most / prescribed_gy, None, name or None,
                    f"{most:.4g} Gy, {prescribed_gy:g} Gy prescribed", "cGy?")  # fmt: skip
    body = organs[BODY].volume_cm3 if BODY in organs else math.nan
    if body > 0:
        volumes = sum(d.volume_cm3 for d in inner.values() if not math.isnan(d.volume_cm3))
        found.judge("organs_over_body", volumes / body, None, BODY,
                    f"{body:.4g} cm3, and {volumes:.4g} cm3 of organs in it",
                    "per cent, litres, or a mark of thousands?")  # fmt: skip
        _check_integrals(organs[BODY], inner, found)


def _check_integrals(body: OrganDose, inner: Mapping[str, OrganDose], found: Findings) -> None:
    """Compare the integral dose of each organ with that of the body around it."""
    whole = body.mean_gy * body.volume_cm3
    for name, dose in inner.items():
        part = dose.mean_gy * dose.volume_cm3
        if whole > 0:
            found.judge("organ_over_body_dose", part / whole, None, name,
                        f"{part:.4g} Gy cm3, and {whole:.4g} in the whole body",
                        "another unit of dose or volume?")  # fmt: skip


def check_body_volume(organs: Mapping[str, OrganDose], found: Findings) -> None:
    """Compare a stated volume of the body with what is plausible."""
    if BODY in organs:
        volume = organs[BODY].volume_cm3
        found.judge("body_volume", volume, None, BODY, f"{volume:.6g} cm3",
                    "per cent, litres, or a mark of thousands?")  # fmt: skip


def check_parts(parts: Mapping[Part, OrganDose], found: Findings) -> None:
    """Compare volume and mean dose of a whole organ with its two sides, where both are there."""
    for part, dose in parts.items():
        left, right = (parts.get(Part(part.organ, side)) for side in ("left", "right"))
        if part.part == "whole" and left and right:
            both = left.volume_cm3 + right.volume_cm3
            if both > 0 and dose.volume_cm3 == dose.volume_cm3:
                found.judge("whole_over_parts", dose.volume_cm3 / both, None, part.organ,
                            f"{dose.volume_cm3:.4g} cm3, left and right {both:.4g}",
                            "is it one side alone?")  # fmt: skip
            share = left.volume_cm3 / both if both > 0 else 0.5
            mean = share * left.mean_gy + (1 - share) * right.mean_gy
            if mean > 0:
                found.judge("whole_mean_over_parts", dose.mean_gy / mean, None, part.organ,
                            f"{dose.mean_gy:.4g} Gy, left and right {mean:.4g}",
                            "is it one side alone?")  # fmt: skip
