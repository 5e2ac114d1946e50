"""The dose within the contours of a structure, on the sum of dose grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lymphokin.dose.contours import planes_of, points_within
from lymphokin.dose.grid import DoseGrid
from lymphokin.dose.histogram import Histogram
from lymphokin.dose.organs import OrganDose

BINS = 100
"""Bins of a histogram that is reported."""


class Within(NamedTuple):
    """Dose within a structure. `outside`: part of its volume outside the grids, which counts with
    0 Gy; `histogram`: dose_gy and volume_cm3 of the cumulative histogram."""

    dose: OrganDose
    outside: float
    histogram: dict[str, list[float]]


def dose_within(contours: Sequence[NDArray[np.float64]], grids: Sequence[DoseGrid]) -> Within:
    """Mean dose, volume and cumulative histogram within contours on the sum of the grids.

    Raises:
        ValueError: when the contours have no volume.
    """
    fine = min(min(*g.spacing, float(g.frame_spacing().min())) for g in grids)
    planes = planes_of(contours, usual_mm=float(grids[0].frame_spacing().min()))
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
    cumulative = Histogram(edges, bins).cumulative()
    histogram = {
        "dose_gy": np.round(edges, 4).tolist(),
        "volume_cm3": np.round(cumulative, 4).tolist(),
    }
    return Within(OrganDose(energy / volume, volume), outside / volume, histogram)
