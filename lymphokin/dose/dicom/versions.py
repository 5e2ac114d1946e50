"""Which plans of a patient were given.

Rejected plans, plans for quality assurance and, beside approved ones, plans that nobody approved
are left out and listed. Versions of one plan, plans of two planning images and plans made months
apart are never added quietly.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from lymphokin.dose.dicom.deliveries import Choice, Delivery
from lymphokin.dose.dicom.patients import PatientObjects
from lymphokin.dose.dicom.plans import NOT_FOR_PATIENTS
from lymphokin.dose.grid import DoseGrid, highest, voxels
from lymphokin.io.problems import Findings

HIGH = 0.8
"""Part of a plan's highest dose above which a volume is of high dose."""
SAME_DOSE = 0.05
"""Relative difference of prescriptions that are the same."""


def keep_given(choice: Choice, named: set[str], objects: PatientObjects, found: Findings) -> None:
    """Leave out the plans that were not given, by what they say of themselves.

    Args:
        choice: The deliveries, which are changed.
        named: Files that the user named as given; they stay, with a warning.
        objects: The patient's.
        found: Takes problems and warnings.
    """
    approved = any(d.stated.approval == "APPROVED" for d in choice.deliveries)
    kept: list[Delivery] = []
    for one in choice.deliveries:
        state, intent = one.stated.approval, one.stated.intent
        reason = ""
        if state == "REJECTED":
            reason = "a rejected plan"
        elif intent in NOT_FOR_PATIENTS:
            reason = f"a plan for {intent.replace('_', ' ').lower()}"
        elif state == "UNAPPROVED" and approved:
            reason = "an unapproved plan beside an approved one"
        if reason and _is_named(one, named):
            found.warn(f"{objects.shown(one.file)}: {reason}, named as given")
            reason = ""
        elif state == "UNAPPROVED" and not reason:
            found.warn("the RT Plan is not approved: is it the one that was given?")
        if reason:
            choice.left_out.append(f"{objects.shown(one.file)}: {reason}")
        else:
            kept.append(one)
    if not kept:
        found.add(None, "ApprovalStatus", "; ".join(choice.left_out[-3:]),
                  "the dose of a plan that was given", "name its file if it was given")  # fmt: skip
    choice.deliveries = kept
    _check_relations(choice, named, found)


def _is_named(one: Delivery, named: set[str]) -> bool:
    return bool(named & {o.file for o in [*one.plans, *one.files]})


def _check_relations(choice: Choice, named: set[str], found: Findings) -> None:
    """Plans that say that they are another version of one that is added, dates and images."""
    singles = [d for d in choice.deliveries if not d.several]
    for one, other in itertools.permutations(singles, 2):
        if one.stated.versions & other.uids and not (
            _is_named(one, named) and _is_named(other, named)
        ):
            found.add(None, "ReferencedRTPlanSequence", "an adapted or alternative plan beside "
                      "the one that it replaces", "the plans that were given as planned",
                      "name them; of a plan that was given in part, export that part")  # fmt: skip
    days = sorted(d.stated.date for d in singles if d.stated.date is not None)
    if len(days) > 1:
        apart = (days[-1] - days[0]).days
        found.judge("plan_dates_apart", apart, None, "RTPlanDate", f"{apart} days",
                    "two courses? leave one out, by naming the files of the other")  # fmt: skip
    frames = {o.frame for d in choice.deliveries for o in d.files} - {""}
    found.judge("planning_images", len(frames), None, "FrameOfReferenceUID",
                f"doses on {len(frames)} frames of reference",
                "a replanning, another course or another person?")  # fmt: skip


def check_overlap(
    given: Sequence[tuple[Delivery, Sequence[DoseGrid]]],
    shown: Callable[[str], str],
    found: Findings,
) -> None:
    """Plans of one prescription that treat one volume are versions of each other, or one dose
    counted twice; others that meet are reported with their sum."""
    for (one, grids), (other, more) in itertools.combinations(given, 2):
        if not grids or not more or one.files[0].frame != other.files[0].frame:
            continue
        shared = shared_high_dose(grids, more)
        doses = one.stated.prescribed_gy, other.stated.prescribed_gy
        per_fraction = one.stated.fraction_gy, other.stated.fraction_gy
        if _alike(*doses) or _alike(*per_fraction):
            found.judge("plan_overlap", shared, None, "ReferencedRTPlanSequence",
                        f"{100 * shared:.0f} % of {shown(one.file)} and {shown(other.file)}",
                        "versions of one plan? name the one that was given")  # fmt: skip
        if shared > 0 and doses[0] is not None and doses[1] is not None:
            together = doses[0] + doses[1]
            found.judge("total_dose", together, None, "TargetPrescriptionDose",
                        f"{together:g} Gy of two plans in one place", "two courses?")  # fmt: skip


def _alike(one: float | None, other: float | None) -> bool:
    """Whether two prescriptions may be the same; what is not stated may be anything."""
    if one is None or other is None:
        return True
    return abs(one - other) <= SAME_DOSE * max(one, other)


def shared_high_dose(one: Sequence[DoseGrid], other: Sequence[DoseGrid]) -> float:
    """Shared over joint volume of two high-dose volumes, 0 to 1 (Jaccard index)."""
    limits = HIGH * highest(one), HIGH * highest(other)
    sizes, shared = [], []
    for own, rest, limit, far in ((one, other, *limits), (other, one, *limits[::-1])):
        size = both = 0.0
        for points, dose, cm3 in voxels(own, limit):
            high = dose >= limit
            if not high.any():
                continue
            there = np.sum([grid.at(points[high])[0] for grid in rest], axis=0)
            size += float(cm3[high].sum())
            both += float(cm3[high][there >= far].sum())
        sizes.append(size)
        shared.append(both)
    meeting = sum(shared) / 2
    joint = sum(sizes) - meeting
    return min(meeting / joint, 1.0) if joint > 0 else 0.0
