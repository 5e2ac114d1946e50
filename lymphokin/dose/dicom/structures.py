"""The structures of an RT Structure Set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lymphokin.dose.dicom.files import Object, items, number, text
from lymphokin.io.problems import Findings


@dataclass(frozen=True)
class Structure:
    """A structure: number, name and contours [point, 3] in mm.

    `frame`: its frame of reference, '' if not stated; `kind`: what it is by its type
    (RTROIInterpretedType), such as ORGAN, PTV or EXTERNAL, '' if not stated.
    """

    number: int
    name: str
    contours: list[NDArray[np.float64]]
    frame: str
    kind: str = ""


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
    kinds = {
        int(roi): text(item, "RTROIInterpretedType").upper()
        for item in items(structures.data, "RTROIObservationsSequence")
        if (roi := number(item, "ReferencedROINumber")) is not None
    }
    return [
        Structure(roi, name, contours.get(roi, []), frame, kinds.get(roi, ""))
        for roi, (name, frame) in names.items()
    ]


def reference_frames(structures: Object) -> set[str]:
    """The frames of reference of an RT Structure Set."""
    frames = {text(i, "FrameOfReferenceUID")
              for i in items(structures.data, "ReferencedFrameOfReferenceSequence")}  # fmt: skip
    frames |= {text(i, "ReferencedFrameOfReferenceUID")
               for i in items(structures.data, "StructureSetROISequence")}  # fmt: skip
    return (frames | {structures.frame}) - {""}
