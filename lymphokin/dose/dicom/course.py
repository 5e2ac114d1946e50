"""The organ doses of a DICOM folder: structures on dose grids, or histograms; plans summed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lymphokin.dose.agreement import check_body_volume, check_parts
from lymphokin.dose.course import CourseDose, course_dose
from lymphokin.dose.dicom.agreement import check_prescription, check_sum
from lymphokin.dose.dicom.deliveries import Delivery, deliveries_of
from lymphokin.dose.dicom.files import Object, quiet, read_objects, referenced
from lymphokin.dose.dicom.grids import check_dose, read_grid
from lymphokin.dose.dicom.histograms import read_histograms
from lymphokin.dose.dicom.organs import Organs, choose_organs
from lymphokin.dose.dicom.patients import PatientObjects, patients_of
from lymphokin.dose.dicom.structure_sets import choose_set
from lymphokin.dose.dicom.structures import Structure, read_structures
from lymphokin.dose.dicom.versions import check_overlap, keep_given
from lymphokin.dose.grid import DoseGrid, added, highest
from lymphokin.dose.organs import OrganDose, combine
from lymphokin.dose.structure_names import BODY, Part
from lymphokin.dose.within import dose_within
from lymphokin.io.problems import BadInput, Findings, Problem

OUTSIDE_TOLD = 0.01
"""Part of a structure outside the dose grid that is told."""
NOWHERE = 0.999
"""Part of a structure outside every dose grid above which nothing is known of its dose."""


@dataclass
class _Course:
    """What is gathered over the plans of a course.

    `organs`: doses per plan; `outside`: part of each outside the grids, per plan.
    """

    organs: list[dict[str, OrganDose]] = field(default_factory=list)
    outside: dict[str, list[float]] = field(default_factory=dict)
    histograms: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    integral: float = 0.0
    unknown: dict[str, None] = field(default_factory=dict)
    not_taken: dict[str, None] = field(default_factory=dict)
    from_grid: bool = False


@dataclass
class _Notes:
    """Problems, warnings and accepted checks of all files of a patient."""

    accept: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)

    def close(self, found: Findings) -> bool:
        """Take over what was found; whether nothing stops."""
        self.problems += found.problems
        self.warnings += found.warnings
        self.accepted |= found.accepted
        return not found.problems

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
    check_overlap(parts, found)
    notes.close(found)
    course = _Course()
    for delivery, grids in parts:
        found = Findings(delivery.file, notes.accept)
        _add_delivery(course, objects, delivery, grids, own_names, found)
        notes.close(found)
    notes.raise_if_any()
    found = Findings(folder, notes.accept)
    organs = _summed(course, found)
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


def _add_delivery(
    course: _Course, objects: PatientObjects, delivery: Delivery, grids: Sequence[DoseGrid],
    own_names: Mapping[str, Part], found: Findings,
) -> None:  # fmt: skip
    structures = choose_set(objects, delivery, found)
    if found.problems:
        return
    named = [] if structures is None else read_structures(structures, found)
    chosen = choose_organs(named, delivery.files[0].frame, own_names, objects.shown, found,
                           drawn=bool(grids))  # fmt: skip
    course.unknown |= dict.fromkeys(chosen.unknown)
    course.not_taken |= dict.fromkeys(chosen.not_taken)
    if not chosen.known:
        found.warn("no structure with the name of a known organ")
    if grids:
        course.from_grid = True
        _from_grids(course, chosen, delivery, grids, found)
    else:
        _from_histograms(course, chosen, delivery, found)


def _from_grids(
    course: _Course, chosen: Organs, delivery: Delivery, grids: Sequence[DoseGrid], found: Findings
) -> None:
    integral = sum(grid.integral_gy_cm3() for grid in grids)
    parts: dict[Part, OrganDose] = {}
    outside: dict[str, float] = {}
    for part, structure in chosen.known.items():
        try:
            inside = dose_within(structure.contours, grids)
        except ValueError as error:
            found.add(None, structure.name, None, f"contours with a volume: {error}")
            continue
        if inside.outside > OUTSIDE_TOLD:
            found.warn(f"{100 * inside.outside:.0f} % of {structure.name} lies outside the dose "
                       "grid and counts with 0 Gy")  # fmt: skip
        parts[part] = inside.dose
        outside[part.organ] = max(inside.outside, outside.get(part.organ, 0.0))
        label = part.organ if part.part == "whole" else f"{part.organ} ({part.part})"
        # Histograms of several plans cannot be added: then there is none.
        course.histograms[label] = {} if label in course.histograms else inside.histogram
        if part.organ == BODY:
            integral = inside.dose.mean_gy * inside.dose.volume_cm3
    if not any(part.organ == BODY for part in parts):
        found.warn("no body outline: the integral dose is that of the whole dose grid")
    course.integral += integral
    check_prescription(delivery, highest(grids), _target_doses(chosen.targets, grids), found)
    _add_organs(course, parts, outside, found)


def _target_doses(targets: Sequence[Structure], grids: Sequence[DoseGrid]) -> list[float]:
    """Mean doses to the targets that lie on the grids."""
    doses = []
    for target in targets:
        try:
            inside = dose_within(target.contours, grids)
        except ValueError:  # a target without volume tells nothing
            continue
        if inside.outside < 0.5:
            doses.append(inside.dose.mean_gy)
    return doses


def _from_histograms(course: _Course, chosen: Organs, delivery: Delivery, found: Findings) -> None:
    sums: dict[int, OrganDose] = {}
    peak = 0.0
    for file in delivery.files:
        read = read_histograms(file, found)
        peak += max((float(h.highest_gy) for h, _ in read.values()), default=0.0)
        for roi, (histogram, volume) in read.items():
            before = sums[roi].mean_gy if roi in sums else 0.0
            sums[roi] = OrganDose(before + delivery.times * histogram.mean_gy, volume)
    targets = {s.number for s in chosen.targets}
    check_prescription(delivery, delivery.times * peak,
                       [d.mean_gy for roi, d in sums.items() if roi in targets], found,
                       whole=False)  # fmt: skip
    parts = {part: sums[s.number] for part, s in chosen.known.items() if s.number in sums}
    _add_organs(course, parts, {}, found)


def _add_organs(
    course: _Course, parts: Mapping[Part, OrganDose], outside: Mapping[str, float], found: Findings
) -> None:
    check_parts(parts, found)
    organs, remarks = combine(parts)
    for remark in remarks:
        found.warn(remark)
    course.organs.append(organs)
    for organ, part in outside.items():
        course.outside.setdefault(organ, []).append(part)


def _summed(course: _Course, found: Findings) -> dict[str, OrganDose]:
    """Organ doses added over the plans, without organs of which a plan tells nothing."""
    names = list(dict.fromkeys(name for organs in course.organs for name in organs))
    nowhere = [n for n in names if min(course.outside.get(n, [0.0])) > NOWHERE]
    if names and len(nowhere) == len(names):
        found.add(None, None, "every structure lies outside the dose grid",
                  "structures within the dose grid",
                  "are they of the same planning image?")  # fmt: skip
        return {}
    summed: dict[str, OrganDose] = {}
    for name in names:
        part = min(course.outside.get(name, [0.0]))
        if name == BODY:
            found.judge("body_outside_grid", part, None, name, f"{100 * part:.0f} %",
                        "are they of the same planning image?")  # fmt: skip
        elif name in nowhere:
            found.warn(f"{name}: outside the dose grid, left out")
            continue
        else:
            found.judge("outside_grid", part, None, name, f"{100 * part:.0f} %")
        doses = [organs[name] for organs in course.organs if name in organs]
        if len(doses) < len(course.organs):
            found.warn(f"{name}: not in the structures of every plan, left out")
            continue
        summed[name] = OrganDose(sum(d.mean_gy for d in doses), doses[0].volume_cm3)
    return summed
