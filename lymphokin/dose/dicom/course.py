"""The organ doses of a DICOM folder: structures on dose grids, or histograms; plans summed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lymphokin.dose.agreement import check_body_volume
from lymphokin.dose.course import CourseDose, course_dose
from lymphokin.dose.dicom.agreement import check_sum
from lymphokin.dose.dicom.deliveries import Delivery, deliveries_of
from lymphokin.dose.dicom.files import Object, quiet, read_objects, referenced
from lymphokin.dose.dicom.grids import check_dose, read_grid
from lymphokin.dose.dicom.patients import PatientObjects, patients_of
from lymphokin.dose.dicom.sums import CourseSum, add_delivery
from lymphokin.dose.dicom.versions import check_overlap, keep_given
from lymphokin.dose.grid import DoseGrid, added
from lymphokin.dose.structure_names import BODY, Part
from lymphokin.io.problems import BadInput, Findings, Problem


@dataclass
class _Notes:
    """Problems, warnings and accepted checks of all files of a patient."""

    accept: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)

    def close(self, found: Findings) -> None:
        """Take over what was found."""
        self.problems += found.problems
        self.warnings += found.warnings
        self.accepted |= found.accepted

    def raise_if_any(self) -> None:
        if self.problems:
            raise BadInput(dict.fromkeys(self.problems))


def folder_doses(
    folder: Path,
    own_names: Mapping[str, Part] | None = None,
    use: Sequence[str] = (),
    accept: Mapping[str, str] | None = None,
) -> list[CourseDose]:
    """Immune dose of every patient of a DICOM folder; patients are `patient 1`, 2, ... by the
    order of their identifiers.

    Args:
        folder: Folder of RT Dose, RT Structure Set and RT Plan files, or one file.
        own_names: The user's names of structures, see `structure_names.match_name`.
        use: Files to use, as paths within the folder: of a kind of which files are named (dose,
            structure set, plan), only those are used, and of doses only those of named plans.
        accept: Checks of plausibility to accept, by name with the reason.

    Raises:
        BadInput: with every problem found.
    """
    Findings(folder.name, accept).raise_if_any()
    problems, doses = [], []
    with quiet():  # pydicom decodes elements, and complains of them, when they are first used
        objects, left_out = _named(read_objects(folder), use, folder.name)
        patients = patients_of(objects, folder.name, accept)
        for number, patient in enumerate(patients, start=1):
            notes = _Notes(accept or {}, [], list(patient.warnings), dict(patient.accepted))
            try:
                dose = _patient(f"patient {number}", patient, own_names or {}, set(use), notes,
                                folder.name)  # fmt: skip
            except BadInput as error:
                problems += error.problems
                continue
            dose.left_out[:0] = [patient.shown(name) for name in left_out]
            doses.append(dose)
    if problems:
        raise BadInput(problems)
    return doses


def _named(
    objects: list[Object], use: Sequence[str], folder: str
) -> tuple[list[Object], list[str]]:
    """The objects to use, and the files that the user's choice leaves out."""
    found = Findings(folder)
    for name in set(use) - {o.file for o in objects}:
        found.add(None, None, name, "a radiotherapy file of the folder",
                  "one of " + ", ".join(sorted(o.file for o in objects)[:6]))  # fmt: skip
    found.raise_if_any()
    kinds = {o.kind for o in objects if o.file in use}
    kept = [o for o in objects if o.kind not in kinds or o.file in use]
    if "RTPLAN" in kinds:
        gone = {o.uid for o in objects if o.kind == "RTPLAN" and o.file not in use}
        kept = [o for o in kept if o.kind != "RTDOSE" or o.file in use
                or not referenced(o.data, "ReferencedRTPlanSequence") & gone]  # fmt: skip
    return kept, [f"{o.file}: not named" for o in objects if o not in kept]


def _patient(
    name: str, objects: PatientObjects, own_names: Mapping[str, Part], named: set[str],
    notes: _Notes, folder: str,
) -> CourseDose:  # fmt: skip
    found = Findings(folder, notes.accept)
    choice = deliveries_of(objects, found)
    if not found.problems:
        keep_given(choice, named, objects, found)
    notes.close(found)
    notes.raise_if_any()
    given = []
    for delivery in choice.deliveries:
        found = Findings(delivery.file, notes.accept)
        given.append((delivery, _read_grids(delivery, found)))
        notes.close(found)
    notes.raise_if_any()
    found = Findings(folder, notes.accept)
    parts = check_sum(given, found)
    choice.left_out += [f"{objects.shown(d.file)}: a sum of plans beside the plans"
                        for d, _ in given if d not in [p for p, _ in parts]]  # fmt: skip
    check_overlap(parts, objects.shown, found)
    notes.close(found)
    course = CourseSum()
    for delivery, grids in parts:
        found = Findings(delivery.file, notes.accept)
        add_delivery(course, objects, delivery, grids, own_names, found)
        notes.close(found)
    notes.raise_if_any()
    found = Findings(folder, notes.accept)
    organs = course.summed(found)
    stated = [d.stated for d, _ in parts]
    fractions = [s.fractions for s in stated]
    integral = course.integral
    if not course.from_grid:
        body = organs.get(BODY)
        integral = math.nan if body is None else body.mean_gy * body.volume_cm3
        check_body_volume(organs, found)
    prescribed = [s.prescribed_gy for s in stated if s.prescribed_gy is not None]
    return course_dose(
        name, "dicom" if course.from_grid else "dvh", organs, found, objects.sex, integral,
        None if None in fractions else sum(n for n in fractions if n is not None),
        sum(prescribed) if len(prescribed) == len(stated) else None,
        plans=[{"fractions": s.fractions, "prescribed_gy": s.prescribed_gy} for s in stated],
        histograms=course.histograms, unknown=list(course.unknown),
        not_taken=list(course.not_taken), left_out=choice.left_out,
        warnings=list(dict.fromkeys(notes.warnings)), accepted=notes.accepted,
    )  # fmt: skip


def _read_grids(delivery: Delivery, found: Findings) -> list[DoseGrid]:
    """The dose grids of a delivery, given as often as it is; empty for histograms."""
    for file in delivery.files:
        check_dose(file, found)
    if found.problems:
        return []
    grids = [grid for files in delivery.doses if (grid := read_grid(files, found)) is not None]
    return [grid.times(delivery.times) for grid in added(grids)]
