"""The organ doses of a DICOM folder: structures on dose grids, or histograms; plans summed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lymphokin.dose.contours import planes_of, points_within
from lymphokin.dose.course import CourseDose, course_dose
from lymphokin.dose.dicom.files import Object, PatientObjects, quiet, read_folder, text
from lymphokin.dose.dicom.objects import (
    Plan,
    Structure,
    check_dose,
    read_grid,
    read_histograms,
    read_plan,
    read_structures,
    reference_frames,
    referenced,
)
from lymphokin.dose.grid import DoseGrid
from lymphokin.dose.histogram import Histogram
from lymphokin.dose.organs import OrganDose, combine
from lymphokin.dose.structure_names import BODY, Part, organ_of
from lymphokin.io.problems import BadInput, Findings

BINS = 100
"""Bins of a histogram that is reported."""
OUTSIDE_TOLD = 0.01
"""Part of a structure outside the dose grid that is told."""


@dataclass
class _Sum:
    """Organ doses summed over plans."""

    parts: dict[Part, OrganDose] = field(default_factory=dict)
    histograms: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    integral: float = 0.0
    fractions: int | None = 0
    plans: list[dict[str, Any]] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)
    from_grid: bool = False

    def add(self, part: Part, dose: OrganDose) -> None:
        before = self.parts.get(part)
        if before is not None:
            dose = OrganDose(dose.mean_gy + before.mean_gy, before.volume_cm3)
        self.parts[part] = dose


def folder_doses(folder: Path, own_names: Mapping[str, Part] | None = None) -> list[CourseDose]:
    """Immune dose of every patient of a DICOM folder; patients are `patient 1`, 2, ... by the
    order of their identifiers.

    Raises BadInput with every problem found.
    """
    problems, doses = [], []
    with quiet():  # pydicom decodes elements, and complains of them, when they are first used
        for number, objects in enumerate(read_folder(folder), start=1):
            try:
                doses.append(_patient(f"patient {number}", objects, own_names or {}))
            except BadInput as error:
                problems += error.problems
    if problems:
        raise BadInput(problems)
    return doses


def _patient(name: str, objects: PatientObjects, own_names: Mapping[str, Part]) -> CourseDose:
    total = _Sum()
    warnings: list[str] = []
    problems = []
    by_plan = _by_plan(objects, warnings)
    for at, (plan, doses) in enumerate(by_plan):
        before = dict(total.parts)
        found = Findings(doses[0].file)
        stated = read_plan(plan, found) if plan else Plan(None, None)
        total.plans.append({"fractions": stated.fractions, "prescribed_gy": stated.prescribed_gy})
        total.fractions = (
            total.fractions + stated.fractions
            if total.fractions is not None and stated.fractions is not None
            else None
        )
        _add_plan(total, objects, plan, doses, own_names, found)
        warnings += found.warnings
        problems += found.problems
        if at and set(before) != set(total.parts):
            warnings.append("not every structure is in every plan: where it is not, 0 Gy was added")
    if problems:
        raise BadInput(problems)
    organs, remarks = combine(total.parts)
    return course_dose(
        name, "dicom" if total.from_grid else "dvh", organs, objects.sex,
        total.integral if total.from_grid else _integral(organs), total.fractions,
        plans=total.plans, histograms=total.histograms, unknown=list(total.unknown),
        warnings=list(dict.fromkeys([*warnings, *remarks])),
    )  # fmt: skip


def _integral(organs: Mapping[str, OrganDose]) -> float:
    body = organs.get(BODY)
    return math.nan if body is None else body.mean_gy * body.volume_cm3


def _by_plan(
    objects: PatientObjects, warnings: list[str]
) -> list[tuple[Object | None, list[Object]]]:
    """The doses of each plan that together are its dose, with the plan."""
    plans = {plan.uid: plan for plan in objects.plans}
    grouped: dict[str, list[Object]] = {}
    for dose in objects.doses:
        uids = sorted(referenced(dose.data, "ReferencedRTPlanSequence"))
        grouped.setdefault(uids[0] if uids else "", []).append(dose)
    chosen = []
    for uid, doses in grouped.items():
        kinds = {text(d.data, "DoseSummationType").upper() for d in doses}
        kind = next((k for k in ("PLAN", "FRACTION", "BEAM") if k in kinds), None)
        kept = [d for d in doses if kind is None or text(d.data, "DoseSummationType") == kind]
        others = [d for d in doses if d not in kept]
        if others:
            told = ", ".join(sorted({text(d.data, "DoseSummationType") for d in others}))
            warnings.append(f"of one plan the {kind} dose was taken, not {told} as well")
        if kind == "PLAN" and len(kept) > 1:
            found = Findings(kept[1].file)
            what = f"{len(kept)} doses of the whole of one plan" if uid else f"{len(kept)} doses"
            found.add(None, "ReferencedRTPlanSequence", what, "one dose of type PLAN per RT Plan",
                      "is it the same dose twice? leave one, or export the plans too")  # fmt: skip
            found.raise_if_any()
        plan = plans.get(uid)
        if plan is None and len(plans) == 1 and len(grouped) == 1:
            plan = next(iter(plans.values()))
        if plan is None:
            warnings.append("a dose without its RT Plan: the number of fractions is not known")
        chosen.append((plan, kept))
    several = [c for c in chosen if text(c[1][0].data, "DoseSummationType") == "MULTI_PLAN"]
    if several and len(several) < len(chosen):
        warnings.append("a dose of several plans was left out beside the doses of single plans")
        chosen = [c for c in chosen if c not in several]
    return chosen


def _add_plan(
    total: _Sum,
    objects: PatientObjects,
    plan: Object | None,
    doses: Sequence[Object],
    own_names: Mapping[str, Part],
    found: Findings,
) -> None:
    for dose in doses:
        check_dose(dose, found)
    if found.problems:
        return
    structures = _structures(objects, plan, doses, found)
    grids = [grid for dose in doses if (grid := read_grid(dose, found)) is not None]
    if found.problems:
        return
    named = [] if structures is None else read_structures(structures, found)
    known: dict[Part, Structure] = {}
    for structure in named:
        part = organ_of(structure.name, own_names)
        if part is None:
            total.unknown[objects.shown(structure.name)] = None
        elif part not in known:
            known[part] = structure
    if grids:
        total.from_grid = True
        _from_grids(total, known, grids, found)
    else:
        for dose in doses:
            histograms = read_histograms(dose, found)
            for part, structure in known.items():
                if structure.number in histograms:
                    _add_histogram(total, part, histograms[structure.number])
    if not known:
        found.warn("no structure with the name of a known organ")


def _structures(
    objects: PatientObjects, plan: Object | None, doses: Sequence[Object], found: Findings
) -> Object | None:
    """The structure set of a plan: the one it refers to, else the one of the dose's frame."""
    if not objects.structures:
        found.warn("no RT Structure Set: only the dose to the body as a whole is known")
        return None
    wanted = referenced(plan.data, "ReferencedStructureSetSequence") if plan else set()
    wanted |= referenced(doses[0].data, "ReferencedStructureSetSequence")
    frame = doses[0].frame
    chosen = [s for s in objects.structures if s.uid in wanted]
    fitting = [s for s in objects.structures if frame in reference_frames(s)]
    pick = (chosen or fitting or objects.structures)[0]
    frames = reference_frames(pick)
    if frame and frames and frame not in frames:
        found.add(None, "FrameOfReferenceUID", f"structures ({pick.file}) on another one",
                  "dose and structures on one frame of reference",
                  "export the structure set that the plan was made on")  # fmt: skip
        return None
    if not frame or not frames:
        found.warn("the frame of reference of dose or structures is not stated: taken for the same")
    return pick


def _from_grids(
    total: _Sum, known: Mapping[Part, Structure], grids: Sequence[DoseGrid], found: Findings
) -> None:
    integral = sum(grid.integral_gy_cm3() for grid in grids)
    for part, structure in known.items():
        if not structure.contours:
            found.warn(f"{structure.name}: no closed contours")
            continue
        try:
            dose, histogram = _within(structure, grids, found)
        except ValueError as error:
            found.add(None, structure.name, None, f"contours with a volume: {error}")
            continue
        total.add(part, dose)
        label = part.organ if part.part == "whole" else f"{part.organ} ({part.part})"
        # Histograms of several plans cannot be added: then there is none.
        total.histograms[label] = {} if label in total.histograms else histogram
        if part.organ == BODY:
            integral = dose.mean_gy * dose.volume_cm3
    if not any(part.organ == BODY for part in known):
        found.warn("no body outline: the integral dose is that of the whole dose grid")
    total.integral += integral


def _within(
    structure: Structure, grids: Sequence[DoseGrid], found: Findings
) -> tuple[OrganDose, dict[str, list[float]]]:
    """Mean dose, volume and cumulative histogram of a structure on the sum of the grids."""
    fine = min(min(*g.spacing, float(g.frame_spacing().min())) for g in grids)
    planes = planes_of(structure.contours, usual_mm=float(grids[0].frame_spacing().min()))
    highest = max(sum(float(g.gy.max(initial=0)) for g in grids), 1e-6)
    edges = np.linspace(0, highest, BINS + 1)
    volume, energy, outside = 0.0, 0.0, 0.0
    bins = np.zeros(BINS)
    for points, cm3 in points_within(planes, fine / 2):
        dose = np.zeros(len(points), np.float32)
        covered = np.zeros(len(points), bool)
        for grid in grids:
            part, inside = grid.at(points)
            dose += part
            covered |= inside
        volume += cm3 * len(points)
        energy += cm3 * float(dose.sum(dtype=np.float64))
        outside += cm3 * float((~covered).sum())
        at = np.minimum((dose * (BINS / highest)).astype(int), BINS - 1)
        bins += cm3 * np.bincount(at, minlength=BINS)
    if volume <= 0:
        raise ValueError("no point lies inside")
    if outside > OUTSIDE_TOLD * volume:
        found.warn(
            f"{100 * outside / volume:.0f} % of {structure.name} lies outside the dose grid and "
            "counts with 0 Gy"
        )
    cumulative = Histogram(edges, bins).cumulative()
    histogram = {
        "dose_gy": np.round(edges, 4).tolist(),
        "volume_cm3": np.round(cumulative, 4).tolist(),
    }
    return OrganDose(energy / volume, volume), histogram


def _add_histogram(total: _Sum, part: Part, histogram: Histogram) -> None:
    total.add(part, OrganDose(histogram.mean_gy, histogram.total))
