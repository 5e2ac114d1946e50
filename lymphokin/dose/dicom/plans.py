"""What an RT Plan says: fractions, prescription, beams, and whether it was meant for treatment."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from lymphokin.dose.dicom.files import Object, items, number, referenced, text
from lymphokin.io.problems import Findings

_NOT_TREATED = ("SETUP", "OPEN_PORTFILM", "TRMT_PORTFILM")
"""Delivery types of beams that only make images (DICOM PS3.3 C.8.8.14)."""
NOT_FOR_PATIENTS = ("VERIFICATION", "MACHINE_QA", "SERVICE")
"""Intents of plans that no patient is treated with (DICOM PS3.3 C.8.8.9)."""
REPLACES = ("PRIOR", "PREDECESSOR", "ALTERNATIVE")
"""Relations to a plan of which this one is another version."""


@dataclass(frozen=True)
class Plan:
    """An RT Plan.

    `fractions`: over all fraction groups; `prescribed_gy`: Gy to the target over all of them
    (None if the plan does not say). `beams`: numbers of the treatment beams. `groups`: number of
    fraction groups. `approval`: APPROVED, UNAPPROVED, REJECTED or ''. `versions`: UIDs of plans
    of which this is another version.
    """

    fractions: int | None = None
    prescribed_gy: float | None = None
    beams: frozenset[int] = frozenset()
    groups: int = 0
    approval: str = ""
    intent: str = ""
    date: dt.date | None = None
    versions: frozenset[str] = frozenset()
    structures: frozenset[str] = frozenset()

    @property
    def fraction_gy(self) -> float | None:
        """Gy prescribed per fraction, None if the plan does not say."""
        if self.prescribed_gy is None or not self.fractions:
            return None
        return self.prescribed_gy / self.fractions


def read_plan(plan: Object, found: Findings) -> Plan:
    """The statements of an RT Plan.

    The prescription is that of the target, else the sum of the doses of the beams. Both are
    compared with what is plausible, and with each other.
    """
    groups = items(plan.data, "FractionGroupSequence")
    planned = [number(g, "NumberOfFractionsPlanned") for g in groups]
    known = [int(n) for n in planned if n is not None and n >= 1 and n == int(n)]
    fractions = sum(known) if known and len(known) == len(groups) else None
    if fractions is None:
        found.warn("no number of fractions in the RT Plan")
    targets = [
        number(d, "TargetPrescriptionDose")
        for d in items(plan.data, "DoseReferenceSequence")
        if text(d, "DoseReferenceType") == "TARGET"
    ]
    stated = [t for t in targets if t is not None and t > 0]
    of_beams = sum(
        (number(b, "BeamDose") or 0.0) * (n or 0)
        for g, n in zip(groups, planned, strict=True)
        for b in items(g, "ReferencedBeamSequence")
    )
    prescribed = max(stated) if stated else of_beams or None
    if prescribed is not None:
        shown = f"{prescribed:g} Gy in {fractions or 'an unknown number of'} fractions"
        column = "TargetPrescriptionDose"
        if fractions is not None:
            found.judge("fraction_dose", prescribed / fractions, None, column, shown,
                        "is it in cGy?")  # fmt: skip
        found.judge("total_dose", prescribed, None, column, shown, "is it in cGy?")
        if stated and of_beams:
            found.judge("beams_over_prescription", of_beams / prescribed, None, "BeamDose",
                        f"{of_beams:g} Gy of the beams, {prescribed:g} Gy prescribed",
                        "is the prescription that of one fraction, or in cGy?")  # fmt: skip
    return Plan(
        fractions, prescribed, _beams(plan.data, groups), len(groups),
        text(plan.data, "ApprovalStatus").upper(), text(plan.data, "PlanIntent").upper(),
        _date(plan.data), _versions(plan.data),
        frozenset(referenced(plan.data, "ReferencedStructureSetSequence")),
    )  # fmt: skip


def _beams(data: Any, groups: list[Any]) -> frozenset[int]:
    beams = items(data, "BeamSequence") + items(data, "IonBeamSequence")
    images = {number(b, "BeamNumber") for b in beams
              if text(b, "TreatmentDeliveryType").upper() in _NOT_TREATED}  # fmt: skip
    numbers = {number(b, "ReferencedBeamNumber") for g in groups
               for b in items(g, "ReferencedBeamSequence")}  # fmt: skip
    return frozenset(int(n) for n in numbers - images if n is not None and math.isfinite(n))


def _date(data: Any) -> dt.date | None:
    try:
        return dt.datetime.strptime(text(data, "RTPlanDate"), "%Y%m%d").date()
    except ValueError:
        return None


def _versions(data: Any) -> frozenset[str]:
    return frozenset(
        text(item, "ReferencedSOPInstanceUID")
        for item in items(data, "ReferencedRTPlanSequence")
        if text(item, "RTPlanRelationship").upper() in REPLACES
    )
