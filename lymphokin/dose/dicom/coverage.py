"""Whether the doses of beams, fraction groups and sessions add up to the dose of the plan."""

from __future__ import annotations

from collections.abc import Sequence

from lymphokin.dose.dicom.files import Object, items, number
from lymphokin.dose.dicom.plans import Plan
from lymphokin.io.problems import Findings

SESSION = ("FRACTION_SESSION", "BEAM_SESSION")
"""Kinds of dose of one session."""
OF_BEAMS = ("BEAM", "BEAM_SESSION")

Stack = list[Object]
"""The files of one dose: one, or one per plane."""


def beams_of(dose: Object) -> frozenset[int]:
    """Numbers of the beams that a dose refers to."""
    numbers = {
        number(beam, "ReferencedBeamNumber")
        for plan in items(dose.data, "ReferencedRTPlanSequence")
        for group in items(plan, "ReferencedFractionGroupSequence")
        for beam in items(group, "ReferencedBeamSequence")
    }
    return frozenset(int(n) for n in numbers if n is not None)


def check_beams(kind: str, doses: Sequence[Stack], stated: Plan, found: Findings) -> None:
    """Every beam of the plan has its dose once."""
    planned = stated.beams
    given = [beams for stack in doses if (beams := beams_of(stack[0]))]
    twice = sum(len(b) for b in given) - len(frozenset().union(*given))
    if twice or (planned and len(doses) > len(planned)):
        found.add(None, "ReferencedBeamNumber", f"{len(doses)} doses of {len(planned)} beams",
                  "the dose of each beam once", "was a dose exported twice?")  # fmt: skip
    elif planned:
        known = len(given) == len(doses)
        count = len(frozenset().union(*given) & planned) if known else len(doses)
        found.judge("beams_with_dose", count / len(planned), None, "ReferencedBeamNumber",
                    f"the dose of {count} of {len(planned)} beams",
                    "export the dose of every beam, or that of the plan")  # fmt: skip
    else:
        found.warn("the RT Plan lists no beams: it is not known whether each one's dose is there")
    if kind == "BEAM_SESSION" and not (planned and given):
        found.add(None, "ReferencedBeamNumber", None, "the beams that the dose is of",
                  "export the dose of the plan")  # fmt: skip


def check_groups(doses: Sequence[Stack], stated: Plan, found: Findings) -> None:
    """Every fraction group of the plan has its dose once."""
    given = [
        int(n)
        for stack in doses
        for plan in items(stack[0].data, "ReferencedRTPlanSequence")
        for group in items(plan, "ReferencedFractionGroupSequence")
        if (n := number(group, "ReferencedFractionGroupNumber")) is not None
    ]
    planned = max(stated.groups, 1)
    if len(set(given)) < len(given) or len(doses) > planned:
        found.add(None, "ReferencedFractionGroupNumber",
                  f"{len(doses)} doses of {planned} fraction groups",
                  "the dose of each fraction group once", "was a dose exported twice?")  # fmt: skip
        return
    found.judge("beams_with_dose", len(doses) / planned, None, "ReferencedFractionGroupNumber",
                f"the dose of {len(doses)} of {planned} fraction groups",
                "export the dose of the plan")  # fmt: skip


def count_sessions(kind: str, doses: Sequence[Stack], stated: Plan, found: Findings) -> int:
    """How often a dose of a session counts: once per planned fraction, or once if all are there."""
    fractions, sessions = stated.fractions, len(doses)
    if kind != "FRACTION_SESSION":
        sessions = 1  # of several beams
    if fractions == sessions:
        return 1
    shown = f"{sessions} of {fractions or 'an unknown number of'} sessions"
    if sessions == 1 and stated.fraction_gy and fractions:
        found.warn(f"the dose of {shown} was taken {fractions} times")
        return fractions
    found.add(None, "DoseSummationType", f"{kind}: {shown}",
                  "the dose of every session, or of one session with the RT Plan's fractions and "
                  "prescription", "export the dose of the plan")  # fmt: skip
    return 1
