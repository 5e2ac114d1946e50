"""The dose-volume histograms of an RT Dose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lymphokin.dose.dicom.files import Object, items, number, text
from lymphokin.dose.histogram import Histogram, from_cumulative
from lymphokin.io.problems import Findings

LOWEST_MEAN_GY = 0.5
"""Mean dose below which the width of a bin is as large as the dose."""


def read_histograms(dose: Object, found: Findings) -> dict[int, tuple[Histogram, float]]:
    """The dose-volume histograms of an RT Dose in Gy with the volume in cm3 (NaN if they are in
    per cent), by number of the structure."""
    read: dict[int, tuple[Histogram, float]] = {}
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
        volumes = text(item, "DVHVolumeUnits").upper()
        if volumes not in ("CM3", "PERCENT"):
            found.add(None, "DVHVolumeUnits", volumes or None, "CM3 or PERCENT")
            continue
        histogram = _histogram(item, found)
        if histogram is not None:
            _compare_mean(item, histogram, found)
            read[int(roi)] = histogram, histogram.total if volumes == "CM3" else math.nan
    return read


def _compare_mean(item: Any, histogram: Histogram, found: Findings) -> None:
    """Compare the mean of a histogram with the mean dose that stands beside it."""
    stated = number(item, "DVHMeanDose")
    if stated is not None and stated > LOWEST_MEAN_GY:
        found.judge("dvh_mean_agreement", histogram.mean_gy / stated, None, "DVHMeanDose",
                    f"{stated:.4g} Gy, {histogram.mean_gy:.4g} Gy of the histogram",
                    "a unit or a scaling?")  # fmt: skip


def _histogram(item: Any, found: Findings) -> Histogram | None:
    try:
        pairs = np.array([float(v) for v in item.DVHData], float).reshape(-1, 2)
        scale = number(item, "DVHDoseScaling")
        if scale is None or not scale > 0:
            raise ValueError("no DVHDoseScaling above 0")
        kind = text(item, "DVHType").upper()
        if kind not in ("CUMULATIVE", "DIFFERENTIAL"):
            raise ValueError(f"DVHType {kind or 'not stated'}")
        widths, volume = pairs[:, 0] * scale, pairs[:, 1]
        edges = np.concatenate([[0.0], np.cumsum(widths)])
        if kind == "CUMULATIVE":
            return from_cumulative(edges[:-1], volume)
        if not (np.all(widths > 0) and volume.min() >= 0 and volume.sum() > 0):
            raise ValueError("bins without width or volume")
        return Histogram(edges, volume)
    except Exception as error:  # absent elements, odd lengths, text
        found.add(
            None,
            "DVHSequence",
            str(error)[:80],
            "a cumulative or differential dose-volume histogram",
        )
        return None
