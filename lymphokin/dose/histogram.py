"""Dose-volume histograms: their mean dose and volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOLERANCE = 1e-6
"""Part of the volume by which a histogram may rise, or lie below 0, by rounding."""


@dataclass(frozen=True)
class Histogram:
    """Volume per dose bin. `edges` [bin + 1] in Gy, rising; `volume` [bin] in cm3 or any unit."""

    edges: NDArray[np.float64]
    volume: NDArray[np.float64]

    @property
    def total(self) -> float:
        """Volume of the structure."""
        return float(self.volume.sum())

    @property
    def mean_gy(self) -> float:
        """Mean dose in Gy: every bin at its middle."""
        middle = (self.edges[1:] + self.edges[:-1]) / 2
        return float(middle @ self.volume / self.total)

    @property
    def highest_gy(self) -> float:
        """Highest dose that some volume gets, in Gy."""
        filled = np.flatnonzero(self.volume > TOLERANCE * self.total)
        return float(self.edges[filled[-1] + 1])

    def cumulative(self) -> NDArray[np.float64]:
        """Volume that gets at least the dose of each edge, [bin + 1]."""
        return np.append(self.volume[::-1].cumsum()[::-1], 0.0)


def from_cumulative(dose: ArrayLike, volume: ArrayLike) -> Histogram:
    """Histogram of points of a cumulative one: `volume` that gets at least `dose` (Gy).

    What gets more than the last dose counts with that dose. Raises ValueError when the doses do
    not rise, the volume rises or nothing is left.
    """
    d, v = _checked(dose, volume)
    rise = np.diff(v) > TOLERANCE * max(v.max(initial=0.0), 1e-300)
    if np.any(np.diff(d) <= 0) or np.any(rise):
        raise ValueError("a cumulative histogram with rising doses and a volume that does not rise")
    if v[0] <= 0:
        raise ValueError("a histogram of a volume above 0")
    edges = np.append(d, d[-1])
    bins = np.append(np.maximum(v[:-1] - v[1:], 0.0), v[-1])
    return Histogram(edges, bins)


def from_differential(dose: ArrayLike, volume: ArrayLike) -> Histogram:
    """Histogram of a differential one: `volume` in the bin around each `dose` (its middle, Gy).

    Raises ValueError when the doses do not rise or nothing is left.
    """
    d, v = _checked(dose, volume)
    if np.any(np.diff(d) <= 0):
        raise ValueError("a differential histogram with rising doses")
    if v.sum() <= 0:
        raise ValueError("a histogram of a volume above 0")
    if len(d) == 1:
        return Histogram(np.array([d[0], d[0]]), v)
    widths = np.diff(d)
    middle_edges = (d[1:] + d[:-1]) / 2
    edges = np.concatenate([[d[0] - widths[0] / 2], middle_edges, [d[-1] + widths[-1] / 2]])
    centred = np.allclose((edges[1:] + edges[:-1]) / 2, d, rtol=1e-6, atol=1e-9)
    if not centred:  # bins of unequal width: keep each dose as the middle of a bin without width
        edges = np.repeat(d, 2)
        v = np.insert(v, np.arange(1, len(v)), 0.0)
        return Histogram(edges, v)
    return Histogram(edges, v)


def _checked(dose: ArrayLike, volume: ArrayLike) -> tuple[NDArray, NDArray]:
    d, v = np.asarray(dose, float), np.asarray(volume, float)
    if d.ndim != 1 or d.shape != v.shape or not len(d):
        raise ValueError("a histogram has one volume per dose, and at least one dose")
    rounding = (v < 0) & (v >= -TOLERANCE * v.max())  # planning systems write such volumes
    v = np.where(rounding, 0.0, v)
    if not (np.all(np.isfinite(d)) and np.all(np.isfinite(v)) and d.min() >= 0 and v.min() >= 0):
        raise ValueError("doses and volumes of a histogram are numbers of 0 or more")
    return d, v
