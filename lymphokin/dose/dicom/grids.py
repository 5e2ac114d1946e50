"""The dose grid of an RT Dose, or of a stack of RT Doses of one plane each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lymphokin.dose.dicom.files import Object, items, number, text
from lymphokin.dose.grid import DoseGrid
from lymphokin.io.problems import Findings
from lymphokin.plausible import CHECKS

SAME_PLACE_MM = 0.01
LARGEST_GAP = 1.5
"""Largest over smallest distance of planes in files of their own."""


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
        found.warn("a biologically weighted (EFFECTIVE) dose, taken as it is")


def read_grid(files: Sequence[Object], found: Findings) -> DoseGrid | None:
    """The dose grid in Gy of one file, or of files of one plane each.

    None (and a problem) if it cannot be used, None alone if there are dose-volume histograms
    instead of pixels.
    """
    grids = [_read(file, found) for file in files]
    read = [grid for grid in grids if grid is not None]
    if len(read) < len(grids) or not read:
        return None
    return read[0] if len(read) == 1 else _stacked(read, found)


def _read(dose: Object, found: Findings) -> DoseGrid | None:
    compression = ""
    try:
        data = dose.whole()
        if "PixelData" not in data:
            if not items(data, "DVHSequence"):
                found.add(None, "PixelData", None, "dose pixels, or dose-volume histograms")
            return None
        syntax = data.file_meta.get("TransferSyntaxUID") if hasattr(data, "file_meta") else None
        compression = syntax.name if syntax is not None and syntax.is_compressed else ""
        pixels = data.pixel_array
        del data.PixelData
        return _grid(data, pixels, found)
    except MemoryError:
        raise
    except Exception as error:  # decoding raises whatever the bytes lead to
        hint = f"compressed as {compression}: export it without compression" if compression \
            else "was the file cut?"  # fmt: skip
        found.add(None, "PixelData", type(error).__name__, "dose pixels that can be decoded", hint)
        return None


def _stacked(planes: Sequence[DoseGrid], found: Findings) -> DoseGrid | None:
    """One grid of planes of the same rows and columns, one behind the other."""
    first = planes[0]
    shifts = np.array([plane.origin - first.origin for plane in planes])
    heights = shifts @ first.along[2]
    order = np.argsort(heights)
    gaps = np.diff(heights[order])
    aside = float(np.abs(shifts - np.outer(heights, first.along[2])).max())
    if aside > SAME_PLACE_MM or gaps.min() <= SAME_PLACE_MM:
        found.add(None, "ImagePositionPatient", f"{len(planes)} files of one plane each",
                  "planes one behind the other", "are they of several doses?")  # fmt: skip
        return None
    if gaps.max() > LARGEST_GAP * gaps.min():
        found.add(None, "ImagePositionPatient",
                  f"planes {gaps.min():g} to {gaps.max():g} mm apart",
                  "planes that are evenly far apart",
                  "is the file of a plane missing?")  # fmt: skip
        return None
    return DoseGrid(np.concatenate([planes[at].gy for at in order]), planes[order[0]].origin,
                    first.along, first.spacing, heights[order] - heights[order[0]])  # fmt: skip


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
    highest = CHECKS["peak_dose"].possible[1]
    lowest = float(gy.min(initial=0))
    if lowest < 0:
        found.add(None, "PixelData", f"a lowest dose of {lowest:.4g} Gy", "doses of 0 or more",
                  "a difference of doses, or the sign of the pixels?")  # fmt: skip
        return None
    if not largest <= highest:
        found.add(None, "DoseGridScaling", f"a largest dose of {largest:g} Gy",
                  f"doses from 0 to {highest:g} Gy", "is it in cGy?")  # fmt: skip
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
