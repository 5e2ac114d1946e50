"""Organ doses of the plans of a course, gathered and added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lymphokin.dose.agreement import check_parts
from lymphokin.dose.contours import contoured_cm3
from lymphokin.dose.dicom.agreement import check_prescription
from lymphokin.dose.dicom.deliveries import Delivery
from lymphokin.dose.dicom.histograms import LOWEST_MEAN_GY, read_histograms
from lymphokin.dose.dicom.organs import Organs, choose_organs
from lymphokin.dose.dicom.patients import PatientObjects
from lymphokin.dose.dicom.structure_sets import choose_set
from lymphokin.dose.dicom.structures import Structure, read_structures
from lymphokin.dose.grid import DoseGrid, highest
from lymphokin.dose.organs import OrganDose, combine
from lymphokin.dose.structure_names import BODY, Part
from lymphokin.dose.within import dose_within
from lymphokin.io.problems import Findings

OUTSIDE_REPORTED = 0.01
"""Part of a structure outside the dose grid that is reported."""
NOWHERE = 0.999
"""Part of a structure outside every dose grid above which nothing is known of its dose."""


@dataclass
class CourseSum:
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

    def summed(self, found: Findings) -> dict[str, OrganDose]:
        """Organ doses added over the plans, without organs of which a plan tells nothing."""
        names = list(dict.fromkeys(name for organs in self.organs for name in organs))
        nowhere = [n for n in names if min(self.outside.get(n, [0.0])) > NOWHERE]
        if names and len(nowhere) == len(names):
            found.add(None, None, "every structure lies outside the dose grid",
                      "structures within the dose grid",
                      "are they of the same planning image?")  # fmt: skip
            return {}
        summed: dict[str, OrganDose] = {}
        for name in names:
            part = min(self.outside.get(name, [0.0]))
            if name == BODY:
                found.judge("body_outside_grid", part, None, name, f"{100 * part:.0f} %",
                            "are they of the same planning image?")  # fmt: skip
            elif name in nowhere:
                found.warn(f"{name}: outside the dose grid, left out")
                continue
            else:
                found.judge("outside_grid", part, None, name, f"{100 * part:.0f} %")
            doses = [organs[name] for organs in self.organs if name in organs]
            if len(doses) < len(self.organs):
                found.warn(f"{name}: not in the structures of every plan, left out")
                continue
            summed[name] = OrganDose(sum(d.mean_gy for d in doses), doses[0].volume_cm3)
        return summed


def add_delivery(
    course: CourseSum, objects: PatientObjects, delivery: Delivery, grids: Sequence[DoseGrid],
    own_names: Mapping[str, Part], found: Findings,
) -> None:  # fmt: skip
    """Add the organ doses of one plan to those of the course."""
    structures = choose_set(objects, delivery, found)
    if found.problems:
        return
    named = [] if structures is None else read_structures(structures, found)
    drawn = None if grids else _with_histogram(delivery)
    chosen = choose_organs(named, delivery.files[0].frame, own_names, objects.shown, found, drawn)
    course.unknown |= dict.fromkeys(chosen.unknown)
    course.not_taken |= dict.fromkeys(chosen.not_taken)
    if not chosen.by_part:
        found.warn("no structure with the name of a known organ")
    if grids:
        course.from_grid = True
        _from_grids(course, chosen, delivery, grids, found)
    else:
        _from_histograms(course, chosen, delivery, found)


def _with_histogram(delivery: Delivery) -> set[int]:
    """Numbers of the structures that have a histogram in every file of a delivery."""
    aside = Findings(delivery.file)  # problems are reported when the doses are added
    return set.intersection(*(set(read_histograms(f, aside)) for f in delivery.files))


def _from_grids(
    course: CourseSum,
    chosen: Organs,
    delivery: Delivery,
    grids: Sequence[DoseGrid],
    found: Findings,
) -> None:
    integral = sum(grid.integral_gy_cm3() for grid in grids)
    parts: dict[Part, OrganDose] = {}
    outside: dict[str, float] = {}
    for part, structure in chosen.by_part.items():
        try:
            inside = dose_within(structure.contours, grids)
        except ValueError as error:
            found.add(None, structure.name, None, f"contours with a volume: {error}")
            continue
        if inside.outside > OUTSIDE_REPORTED:
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
    _compare_histograms(chosen, delivery, parts, outside, found)
    _add_organs(course, parts, outside, found)


def _compare_histograms(
    chosen: Organs, delivery: Delivery, parts: Mapping[Part, OrganDose],
    outside: Mapping[str, float], found: Findings,
) -> None:  # fmt: skip
    """Compare means on the grid with those of histograms that came with it."""
    if len(delivery.files) > 1:
        return
    stated = read_histograms(delivery.files[0], Findings(delivery.file))
    for part, dose in parts.items():
        number = chosen.by_part[part].number
        mean = stated[number][0].mean_gy * delivery.times if number in stated else 0.0
        if mean > LOWEST_MEAN_GY and outside[part.organ] <= OUTSIDE_REPORTED:
            found.judge("grid_over_histogram", dose.mean_gy / mean, None, part.organ,
                        f"{dose.mean_gy:.4g} Gy on the grid, {mean:.4g} of its DVH",
                        "another structure set, or a scaling?")  # fmt: skip


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


def _from_histograms(
    course: CourseSum, chosen: Organs, delivery: Delivery, found: Findings
) -> None:
    sums: dict[int, OrganDose] = {}
    peak = 0.0
    for file in delivery.files:
        read = read_histograms(file, found)
        peak += max((float(h.highest_gy) for h, _ in read.values()), default=0.0)
        for roi, (histogram, volume) in read.items():
            before = sums[roi].mean_gy if roi in sums else 0.0
            sums[roi] = OrganDose(before + delivery.times * histogram.mean_gy, volume)
    targets = {s.number for s in chosen.targets}
    parts = {
        part: _with_volume(sums[s.number], s)
        for part, s in chosen.by_part.items()
        if s.number in sums
    }
    # The highest dose of the body is that of all space.
    check_prescription(delivery, delivery.times * peak,
                       [d.mean_gy for roi, d in sums.items() if roi in targets], found,
                       whole=any(part.organ == BODY for part in parts))  # fmt: skip
    _add_organs(course, parts, {}, found)


def _with_volume(dose: OrganDose, structure: Structure) -> OrganDose:
    """A dose of a histogram in per cent with the volume of the contours, where they are there."""
    if dose.volume_cm3 == dose.volume_cm3 or not structure.contours:
        return dose
    try:
        return OrganDose(dose.mean_gy, contoured_cm3(structure.contours))
    except ValueError:  # contours without a volume
        return dose


def _add_organs(
    course: CourseSum,
    parts: Mapping[Part, OrganDose],
    outside: Mapping[str, float],
    found: Findings,
) -> None:
    check_parts(parts, found)
    organs, remarks = combine(parts)
    for remark in remarks:
        found.warn(remark)
    course.organs.append(organs)
    for organ, part in outside.items():
        course.outside.setdefault(organ, []).append(part)
