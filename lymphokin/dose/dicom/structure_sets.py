"""Which RT Structure Set belongs to a dose."""

from __future__ import annotations

from lymphokin.dose.dicom.deliveries import Delivery
from lymphokin.dose.dicom.files import Object, referenced
from lymphokin.dose.dicom.patients import PatientObjects
from lymphokin.dose.dicom.structures import read_structures, reference_frames
from lymphokin.io.problems import Findings


def choose_set(objects: PatientObjects, delivery: Delivery, found: Findings) -> Object | None:
    """The structure set that plan or dose refer to, else the only one on the dose's frame.

    Several are a problem; the user names one. None without a structure set, and with a problem.
    """
    if not objects.structures:
        found.warn("no RT Structure Set: only the dose to the body as a whole is known")
        return None
    wanted = {uid for plan in delivery.plans
              for uid in referenced(plan.data, "ReferencedStructureSetSequence")}  # fmt: skip
    wanted |= {uid for dose in delivery.files
               for uid in referenced(dose.data, "ReferencedStructureSetSequence")}  # fmt: skip
    frame = delivery.files[0].frame
    chosen = [s for s in objects.structures if s.uid in wanted]
    on_frame = [s for s in objects.structures if frame in reference_frames(s)]
    possible = chosen or on_frame or objects.structures
    if wanted and not chosen:
        found.warn("the RT Structure Set that the plan refers to is not there")
    possible = _distinct(possible)
    if len(possible) > 1:
        names = ", ".join(objects.shown(s.file) for s in possible)
        found.add(None, "ReferencedStructureSetSequence", names,
                  "one RT Structure Set for a dose", "name the one to use")  # fmt: skip
        return None
    (pick,) = possible
    frames = reference_frames(pick)
    if frame and frames and frame not in frames:
        found.add(None, "FrameOfReferenceUID", f"structures ({pick.file}) on another one",
                  "dose and structures on one frame of reference",
                  "export the structure set that the plan was made on")  # fmt: skip
        return None
    if not frame or not frames:
        found.warn("the frame of reference of dose or structures is not stated: taken for the same")
    return pick


def _distinct(sets: list[Object]) -> list[Object]:
    """Structure sets without those that hold the same contours as another one."""
    kept: dict[str, Object] = {}
    if len(sets) == 1:
        return sets
    for one in sets:
        structures = read_structures(one, Findings(one.file))
        content = sorted((s.name, [c.tolist() for c in s.contours]) for s in structures)
        kept.setdefault(repr(content), one)
    return list(kept.values())
