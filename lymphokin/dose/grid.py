"""A dose on a grid in space: dose at any point, and the integral dose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

CM3_PER_MM3 = 1e-3


@dataclass(frozen=True)
class DoseGrid:
    """Dose on a regular grid of rows and columns, in frames that may be unequally far apart.

    `gy`: dose [frame, row, column]. `origin`: centre of the first voxel (mm). `along`: unit
    vectors of increasing column, row and frame [3, 3]. `spacing`: mm between columns and between
    rows. `offsets`: mm of each frame from the first along the third vector, rising.
    """

    gy: NDArray[np.float32]
    origin: NDArray[np.float64]
    along: NDArray[np.float64]
    spacing: tuple[float, float]
    offsets: NDArray[np.float64]

    def at(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Dose in Gy at `points` [point, 3] (mm), and which points lie within the grid.

        Trilinear between voxel centres. The grid ends half a voxel beyond its outer centres;
        beyond that the dose is 0.
        """
        local = (points - self.origin) @ self.along.T
        column, row = local[:, 0] / self.spacing[0], local[:, 1] / self.spacing[1]
        frames = np.arange(len(self.offsets), dtype=float)
        frame = np.interp(local[:, 2], self.offsets, frames)
        thick = self.frame_spacing() / 2
        ends = self.offsets[0] - thick[0], self.offsets[-1] + thick[-1]
        _, rows, columns = self.gy.shape
        inside = (
            (np.abs(column - (columns - 1) / 2) <= columns / 2 + 1e-6)
            & (np.abs(row - (rows - 1) / 2) <= rows / 2 + 1e-6)
            & (local[:, 2] >= ends[0] - 1e-6)
            & (local[:, 2] <= ends[1] + 1e-6)
        )
        where = np.stack([frame, row, column])
        dose = map_coordinates(self.gy, where, order=1, mode="nearest", prefilter=False)
        return np.where(inside, dose, np.float32(0)), inside

    def frame_spacing(self) -> NDArray[np.float64]:
        """Thickness of each frame in mm; of a single frame that of a voxel's smaller side."""
        if len(self.offsets) == 1:
            return np.array([min(self.spacing)])
        gaps = np.diff(self.offsets)
        return np.concatenate([[gaps[0]], (gaps[1:] + gaps[:-1]) / 2, [gaps[-1]]])

    def integral_gy_cm3(self) -> float:
        """Dose times volume over the grid, in Gy.cm3."""
        per_frame = self.gy.sum(axis=(1, 2), dtype=np.float64)
        area = self.spacing[0] * self.spacing[1]
        return float(per_frame @ self.frame_spacing()) * area * CM3_PER_MM3
