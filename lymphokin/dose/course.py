"""What a planning system gives, as the immune dose of a course: the result of `lymphokin dose`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lymphokin.dose.agreement import check_course
from lymphokin.dose.blood import BloodDose, blood_dose
from lymphokin.dose.edic import edic
from lymphokin.dose.organs import OrganDose
from lymphokin.dose.structure_names import BODY
from lymphokin.io.problems import Findings


@dataclass
class CourseDose:
    """Immune dose of one patient's course.

    `blood_gy`: mean dose to the blood (ICRP 89). `edic_gy`: EDIC (`xu2020`), None where lungs,
    heart, body or fractions are not known. `organs`: mean dose and volume per organ.
    `integral_gy_cm3`: integral dose of the body. `plans`: fractions and prescription of each.
    `unknown`: structures without a known name. `not_taken`: structures with the name of an organ
    that were not taken; `left_out`: files and doses that were not used, both with the reason.
    `accepted`: checks of plausibility that the user accepted, by name with the reason.
    `source`: dicom, dvh or organs.
    """

    patient: str
    source: str
    sex: str | None
    blood_gy: float
    rest_gy: float
    rest_share: float
    edic_gy: float | None
    organs: dict[str, OrganDose]
    contributions_gy: dict[str, float]
    integral_gy_cm3: float
    plans: list[dict[str, Any]] = field(default_factory=list)
    histograms: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""

        def known(value: float | None, digits: int = 4) -> float | None:
            return None if value is None or math.isnan(value) else round(value, digits)

        return {
            "patient": self.patient,
            "immune_dose_gy": known(self.blood_gy),
            "immune_dose_source": self.source,
            "method": "mean dose to the blood, ICRP 89 blood volumes",
            "sex": self.sex,
            "edic_xu2020_gy": known(self.edic_gy),
            "integral_dose_gy_cm3": known(self.integral_gy_cm3, 1),
            "organs": {
                name: {
                    "mean_gy": known(dose.mean_gy),
                    "volume_cm3": known(dose.volume_cm3, 2),
                    "contribution_gy": known(self.contributions_gy.get(name, math.nan)),
                }
                for name, dose in self.organs.items()
            },
            "rest_of_body": {
                "mean_gy": known(self.rest_gy),
                "blood_share": known(self.rest_share),
                "contribution_gy": known(self.rest_gy * self.rest_share),
            },
            "plans": self.plans,
            "histograms": self.histograms,
            "unknown_structures": self.unknown,
            "structures_not_taken": self.not_taken,
            "left_out": self.left_out,
            "accepted": self.accepted,
            "warnings": self.warnings,
        }


def course_dose(
    patient: str,
    source: str,
    organs: Mapping[str, OrganDose],
    found: Findings,
    sex: str | None = None,
    integral_gy_cm3: float = math.nan,
    fractions: int | None = None,
    prescribed_gy: float | None = None,
    **more: Any,
) -> CourseDose:
    """Immune dose of a course from its organ doses, summed over plans.

    Args:
        patient: What the patient is called.
        source: dicom, dvh or organs.
        organs: Mean dose and volume per organ.
        found: Takes what is improbable; its warnings and accepted checks go into the result.
        sex: F, M or None.
        integral_gy_cm3: Integral dose of the body, NaN if not known.
        fractions: Number of fractions, for EDIC.
        prescribed_gy: Gy prescribed over the course, None if not known.
        more: Further fields of `CourseDose`.

    Raises:
        BadInput: when a dose is not plausible.
    """
    blood: BloodDose = blood_dose(organs, sex, integral_gy_cm3)
    check_course(organs, blood.gy, prescribed_gy, found)
    found.raise_if_any()
    lungs, heart, liver = (organs.get(name) for name in ("lungs", "heart", "liver"))
    formula = None
    if lungs and heart and fractions and not math.isnan(integral_gy_cm3):
        of_liver = liver.mean_gy if liver else 0.0
        formula = edic(lungs.mean_gy, heart.mean_gy, integral_gy_cm3, fractions, of_liver)
    warnings = [*more.pop("warnings", []), *found.warnings, *blood.remarks]
    if not any(name != BODY for name in organs):
        warnings.append("no organ is known: the dose to the blood is that to the body alone")
    return CourseDose(
        patient, source, sex, blood.gy, blood.rest_gy, blood.rest_share, formula, dict(organs),
        blood.organs, integral_gy_cm3, warnings=list(dict.fromkeys(warnings)),
        accepted={**more.pop("accepted", {}), **found.accepted}, **more,
    )  # fmt: skip
