"""What is read of each DICOM object: dose grid, histograms, contours, fractions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lymphokin.dose.dicom.files import Object, items, number, text
from lymphokin.dose.grid import DoseGrid
from lymphokin.dose.histogram import Histogram, from_cumulative
from lymphokin.io.problems import Findings
from lymphokin.units import LARGEST_FRACTION_GY

LARGEST_DOSE_GY = 1000.0


@dataclass(frozen=True)
class Plan:
    """Fractions of an RT Plan and the Gy prescribed to the target over all of them (None if the
    plan does not say)."""

    fractions: int | None
    prescribed_gy: float | None


def read_plan(plan: Object, found: Findings) -> Plan:
    """Fractions and prescription: of the target, else the sum of the doses of the beams."""
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
    prescribed = max(stated) if stated else None
    if prescribed is None and fractions is not None:
        per_beam = [
            (number(b, "BeamDose") or 0.0) * (n or 0)
            for g, n in zip(groups, planned, strict=True)
            for b in items(g, "ReferencedBeamSequence")
        ]
        prescribed = sum(per_beam) or None
    if prescribed and fractions and prescribed / fractions > LARGEST_FRACTION_GY:
        found.add(None, "TargetPrescriptionDose", f"{prescribed:g} Gy in {fractions} fractions",
                  f"at most {LARGEST_FRACTION_GY:g} Gy a fraction", "is it in cGy?")  # fmt: skip
    return Plan(fractions, prescribed)


def check_dose(dose: Object, found: Findings) -> None:
    """Units and kind of an RT Dose."""
    units = text(dose.data, "DoseUnits").upper()
    if units != "GY":
        hint = "export the dose in Gy" if units == "RELATIVE" else ""
        found.add(None, "DoseUnits", units or None, "GY (absolute dose)", hint)
    kind = text(dose.data, "DoseType").upper()
    if kind == "ERROR":
        found.add(None, "DoseType", kind, "PHYSICAL")
    elif kind == "EFFECTIVE":
        found.warn(f"{dose.file}: a biologically weighted (EFFECTIVE) dose, taken as it is")


def read_grid(dose: Object, found: Findings) -> DoseGrid | None:
    """The dose grid in Gy; None (and a problem) if it cannot be used, None alone if there are
    dose-volume histograms instead of pixels."""
    try:
        data = dose.whole()
        if "PixelData" not in data:
            if not items(data, "DVHSequence"):
                found.add(None, "PixelData", None, "dose pixels, or dose-volume histograms")
            return None
        pixels = data.pixel_array
        del data.PixelData
        return _grid(data, pixels, found)
    except MemoryError:
        raise
    except Exception as error:  # decoding raises whatever the bytes lead to
        found.add(None, "PixelData", type(error).__name__, "dose pixels that can be decoded",
                  "was the file cut?")  # fmt: skip
        return None


def _grid(data: Any, pixels: NDArray, found: Findings) -> DoseGrid | None:
    frames = pixels[np.newaxis] if pixels.ndim == 2 else pixels
    scaling = number(data, "DoseGridScaling")
    origin, axes = (
        _floats(data, "ImagePositionPatient", 3),
        _floats(data, "ImageOrientationPatient", 6),
    )
    spacing = _floats(data, "PixelSpacing", 2)
    for name, value in (("ImagePositionPatient", origin), ("ImageOrientationPatient", axes),
                        ("PixelSpacing", spacing)):  # fmt: skip
        if value is None:
            found.add(None, name, text(data, name) or None, "the place of the dose grid")
    if scaling is None or not scaling > 0:
        found.add(None, "DoseGridScaling", text(data, "DoseGridScaling") or None, "above 0")
    if found.problems or scaling is None or origin is None or axes is None or spacing is None:
        return None
    column, row = axes[:3], axes[3:]
    lengths = np.linalg.norm(column), np.linalg.norm(row)
    square = abs(float(column @ row)) < 1e-3 and np.allclose(lengths, 1, atol=1e-3)
    if not square or spacing.min() <= 0:
        found.add(None, "ImageOrientationPatient", text(data, "ImageOrientationPatient"),
                  "two orthogonal unit vectors, and a spacing above 0")  # fmt: skip
        return None
    along = np.stack([column / lengths[0], row / lengths[1], np.cross(column, row)])
    offsets = _offsets(data, len(frames), origin, found)
    if offsets is None:
        return None
    order = np.argsort(offsets)
    gy = frames.astype(np.float32) if np.all(order == np.arange(len(order))) else frames[order]
    gy = np.multiply(gy, np.float32(scaling), dtype=np.float32)
    largest = float(gy.max(initial=0))
    if float(gy.min(initial=0)) < 0 or not largest <= LARGEST_DOSE_GY:
        found.add(None, "DoseGridScaling", f"a largest dose of {largest:g} Gy",
                  f"doses from 0 to {LARGEST_DOSE_GY:g} Gy", "is it in cGy?")  # fmt: skip
        return None
    shifted = origin + offsets.min() * along[2]
    return DoseGrid(gy, shifted, along, (float(spacing[1]), float(spacing[0])),
                    offsets[order] - offsets.min())  # fmt: skip


def _floats(data: Any, name: str, count: int) -> NDArray[np.float64] | None:
    try:
        values = np.array([float(v) for v in data.get(name)], float)
    except Exception:  # absent, or text that is no number
        return None
    return values if values.shape == (count,) and np.all(np.isfinite(values)) else None


def _offsets(data: Any, frames: int, origin: NDArray, found: Findings) -> NDArray | None:
    """Distance of each frame from the first along the normal, in mm."""
    if frames == 1:
        return np.zeros(1)
    offsets = _floats(data, "GridFrameOffsetVector", frames)
    if offsets is None or len(np.unique(offsets)) < frames:
        found.add(None, "GridFrameOffsetVector", None, f"{frames} different offsets, one per frame")
        return None
    if offsets[0] != 0 and not np.isclose(offsets[0], origin[2], atol=0.01):
        found.add(None, "GridFrameOffsetVector", f"{offsets[0]:g}",
                  "offsets from the first frame, or its z coordinate")  # fmt: skip
        return None
    return offsets - offsets[0]


def read_histograms(dose: Object, found: Findings) -> dict[int, Histogram]:
    """The dose-volume histograms of an RT Dose in Gy, by number of the structure."""
    read: dict[int, Histogram] = {}
    for item in items(dose.data, "DVHSequence"):
        references = items(item, "DVHReferencedROISequence")
        included = [r for r in references if text(r, "DVHROIContributionType") != "EXCLUDED"]
        roi = number(included[0], "ReferencedROINumber") if len(included) == 1 else None
        if roi is None or len(references) != 1:
            continue
        units = text(item, "DoseUnits").upper()
        if units != "GY":
            found.add(None, "DVHSequence", f"dose in {units or 'no unit'}", "dose in GY")
            continue
        histogram = _histogram(item, found)
        if histogram is not None:
            read[int(roi)] = histogram
    return read


def _histogram(item: Any, found: Findings) -> Histogram | None:
    try:
        pairs = np.array([float(v) for v in item.DVHData], float).reshape(-1, 2)
        scale = number(item, "DVHDoseScaling") or 1.0
        widths, volume = pairs[:, 0] * scale, pairs[:, 1]
        edges = np.concatenate([[0.0], np.cumsum(widths)])
        if text(item, "DVHType").upper() == "CUMULATIVE":
            return from_cumulative(edges[:-1], volume)
        if not (np.all(widths > 0) and volume.min() >= 0 and volume.sum() > 0):
            raise ValueError("bins without width or volume")
        return Histogram(edges, volume)
    except Exception as error:  # absent elements, odd lengths, text
        found.add(None, "DVHSequence", str(error)[:80], "a dose-volume histogram")
        return None


@dataclass(frozen=True)
class Structure:
    """A structure: number, name and contours [point, 3] in mm."""

    number: int
    name: str
    contours: list[NDArray[np.float64]]
    frame: str


def read_structures(structures: Object, found: Findings) -> list[Structure]:
    """The structures of an RT Structure Set with their closed contours."""
    names: dict[int, tuple[str, str]] = {}
    for item in items(structures.data, "StructureSetROISequence"):
        roi = number(item, "ROINumber")
        if roi is not None:
            frame = text(item, "ReferencedFrameOfReferenceUID")
            names[int(roi)] = (text(item, "ROIName"), frame)
    contours: dict[int, list[NDArray]] = {}
    for item in items(structures.data, "ROIContourSequence"):
        roi = number(item, "ReferencedROINumber")
        for contour in items(item, "ContourSequence"):
            if not text(contour, "ContourGeometricType").startswith("CLOSED_PLANAR"):
                continue
            try:
                points = np.array([float(v) for v in contour.ContourData], float).reshape(-1, 3)
            except Exception:  # absent, text, or no multiple of three
                found.add(None, "ContourData", None, "triples of coordinates in mm")
                continue
            if roi is not None and np.all(np.isfinite(points)):
                contours.setdefault(int(roi), []).append(points)
    return [
        Structure(roi, name, contours.get(roi, []), frame) for roi, (name, frame) in names.items()
    ]


def reference_frames(structures: Object) -> set[str]:
    """The frames of reference of an RT Structure Set."""
    frames = {text(i, "FrameOfReferenceUID")
              for i in items(structures.data, "ReferencedFrameOfReferenceSequence")}  # fmt: skip
    frames |= {text(i, "ReferencedFrameOfReferenceUID")
               for i in items(structures.data, "StructureSetROISequence")}  # fmt: skip
    return (frames | {structures.frame}) - {""}


def referenced(data: Any, sequence: str) -> set[str]:
    """UIDs of the objects that a sequence refers to."""
    uids = {text(item, "ReferencedSOPInstanceUID") for item in items(data, sequence)}
    return uids - {""}
