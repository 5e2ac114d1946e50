"""Which RT Doses together are the dose of each plan over its whole course.

DICOM names what a dose is summed over (DoseSummationType, PS3.3 C.8.8.3). A dose of a plan or of
all fractions of a fraction group is taken as it is, one of a single session times the number of
sessions, and one of part of a beam is refused. A plan of several beams needs the dose of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lymphokin.dose.dicom.coverage import (
    OF_BEAMS,
    SESSION,
    Stack,
    beams_of,
    check_beams,
    check_groups,
    count_sessions,
)
from lymphokin.dose.dicom.files import Object, number, referenced, text
from lymphokin.dose.dicom.patients import PatientObjects
from lymphokin.dose.dicom.plans import Plan, read_plan
from lymphokin.io.problems import Findings

WHOLE = ("PLAN", "FRACTION", "BEAM")
"""Kinds of dose over all sessions, best first."""
MULTI_PLAN = "MULTI_PLAN"


@dataclass
class Delivery:
    """The dose of one plan, or of several at once.

    `plans`: the RT Plans that it refers to and that are there; `stated`: what they say together.
    `doses`: doses to add; `times`: how often each is given.
    """

    plans: list[Object]
    stated: Plan
    kind: str
    doses: list[Stack]
    times: int = 1
    several: bool = False
    uids: frozenset[str] = frozenset()

    @property
    def files(self) -> list[Object]:
        return [file for stack in self.doses for file in stack]

    @property
    def file(self) -> str:
        return self.files[0].file


@dataclass
class Choice:
    """Deliveries of a patient, and what was left out with the reason."""

    deliveries: list[Delivery] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def deliveries_of(objects: PatientObjects, found: Findings) -> Choice:
    """The deliveries of a patient; what does not add up to the dose of a plan is a problem."""
    plans = {plan.uid: plan for plan in objects.plans}
    grouped: dict[frozenset[str], list[Object]] = {}
    for dose in objects.doses:
        uids = frozenset(referenced(dose.data, "ReferencedRTPlanSequence"))
        if len(uids) > 1 and kind_of(dose) != MULTI_PLAN:
            uids = frozenset((min(uids),))
        grouped.setdefault(uids, []).append(dose)
    choice = Choice()
    for uids, doses in grouped.items():
        by_sum = [d for d in doses if kind_of(d) == MULTI_PLAN]
        for own, several in ((by_sum, True), ([d for d in doses if d not in by_sum], False)):
            if not own:
                continue
            there = [plans[uid] for uid in sorted(uids) if uid in plans]
            if not uids and len(plans) == 1 and len(grouped) == 1:
                there = list(plans.values())
                found.warn("the dose refers to no RT Plan: the only one there is taken for its own")
            missing = len(uids) - len(there) if uids else int(not there)
            if missing:
                found.warn("a dose without its RT Plan: the number of fractions is not known, and "
                           "the dose cannot be compared with a prescription")  # fmt: skip
            stated = _together([read_plan(plan, found) for plan in there], bool(missing))
            made = _delivery(own, there, stated, several, uids, choice, objects, found)
            if made is not None:
                choice.deliveries.append(made)
    used = {plan.uid for d in choice.deliveries for plan in d.plans}
    for plan in objects.plans:
        if plan.uid not in used.union(*grouped):
            name = objects.shown(plan.file)
            found.warn(f"{name}: an RT Plan without an RT Dose, which is not in the sum")
    return choice


def kind_of(dose: Object) -> str:
    return text(dose.data, "DoseSummationType").upper()


def _together(plans: Sequence[Plan], missing: bool) -> Plan:
    if missing or not plans:
        return Plan()
    if len(plans) == 1:
        return plans[0]
    states = {p.approval for p in plans}
    approval = next((s for s in ("REJECTED", "UNAPPROVED", "") if s in states), "APPROVED")
    fractions = [p.fractions for p in plans if p.fractions is not None]
    prescribed = [p.prescribed_gy for p in plans if p.prescribed_gy is not None]
    return Plan(
        sum(fractions) if len(fractions) == len(plans) else None,
        sum(prescribed) if len(prescribed) == len(plans) else None,
        approval=approval,
    )


def _delivery(
    doses: Sequence[Object], plans: list[Object], stated: Plan, several: bool,
    uids: frozenset[str], choice: Choice, objects: PatientObjects, found: Findings,
) -> Delivery | None:  # fmt: skip
    kinds = {kind_of(d) for d in doses}
    if several:
        kind = MULTI_PLAN
    elif kinds == {""}:
        kind = "PLAN"
        found.warn("a dose does not say what it is summed over: taken for that of a whole plan")
    else:
        kind = next((k for k in (*WHOLE, *SESSION) if k in kinds), "")
    kept = [d for d in doses if kind_of(d) == kind or kinds == {""}]
    for other in sorted(kinds - {kind, ""}):
        choice.left_out.append(f"{other} dose beside the {kind} dose of one plan")
    if not kind:
        found.add(None, "DoseSummationType", ", ".join(sorted(kinds)),
                  "the dose of a plan, of a fraction group or of all beams",
                  "export the dose of the plan")  # fmt: skip
        return None
    stacks = _stacks(kept)
    made = Delivery(plans, stated, kind, stacks, 1, several, uids)
    if kind in ("PLAN", MULTI_PLAN) and len(stacks) > 1:
        what = f"{len(stacks)} doses of the whole of one plan" if plans else f"{len(stacks)} doses"
        found.add(None, "ReferencedRTPlanSequence", what, f"one dose of type {kind} per RT Plan",
                  "is it the same dose twice? name the one that was given, or export the plans "
                  "too: " + _files(stacks, objects))  # fmt: skip
        return None
    if kind in OF_BEAMS:
        check_beams(kind, stacks, stated, found)
    elif kind == "FRACTION":
        check_groups(stacks, stated, found)
    if kind in SESSION:
        made.times = count_sessions(kind, stacks, stated, found)
    return made


def _files(stacks: Sequence[Stack], objects: PatientObjects) -> str:
    return ", ".join(objects.shown(stack[0].file) for stack in stacks[:4])


def _stacks(doses: Sequence[Object]) -> list[Stack]:
    """Doses of one plane each that together are a volume, as one dose; others one by one."""
    grouped: dict[tuple, Stack] = {}
    for dose in doses:
        single = (number(dose.data, "NumberOfFrames") or 1) == 1 and "Rows" in dose.data
        names = ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient", "SeriesInstanceUID")
        same = tuple(text(dose.data, n) for n in names[:4])
        key = (kind_of(dose), same, beams_of(dose)) if single else (dose.uid, dose.file)
        grouped.setdefault(key, []).append(dose)
    stacks: list[Stack] = []
    for own in grouped.values():
        places = {text(d.data, "ImagePositionPatient") for d in own}
        stacks += [own] if len(places) == len(own) else [[d] for d in own]
    return stacks
