"""A dose on a grid in space: dose at any point, and the integral dose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

CM3_PER_MM3 = 1e-3
EDGE = 1e-3
"""Distance in mm within which two grids lie on each other."""


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

    def times(self, factor: int) -> DoseGrid:
        """The grid with its dose given several times."""
        return self if factor == 1 else replace(self, gy=self.gy * np.float32(factor))

    def centres(self, frame: int) -> NDArray[np.float64]:
        """Centres of the voxels of a frame [row * column, 3] in mm."""
        _, rows, columns = self.gy.shape
        down = np.arange(rows)[:, None, None] * self.spacing[1] * self.along[1]
        right = np.arange(columns)[:, None] * self.spacing[0] * self.along[0]
        plane = self.origin + self.offsets[frame] * self.along[2] + down + right
        return plane.reshape(-1, 3)

    def _on(self, other: DoseGrid) -> bool:
        return (
            self.gy.shape == other.gy.shape
            and np.allclose(self.origin, other.origin, atol=EDGE)
            and np.allclose(self.along, other.along, atol=1e-6)
            and np.allclose(self.spacing, other.spacing, atol=EDGE)
            and np.allclose(self.offsets, other.offsets, atol=EDGE)
        )


def added(grids: Sequence[DoseGrid]) -> list[DoseGrid]:
    """The grids with those that lie on each other added into one."""
    made: list[DoseGrid] = []
    for grid in grids:
        at = next((k for k, other in enumerate(made) if grid._on(other)), None)
        if at is None:
            made.append(grid)
        else:
            made[at] = replace(made[at], gy=made[at].gy + grid.gy)
    return made


def voxels(
    grids: Sequence[DoseGrid], least_gy: float = 0.0
) -> Iterator[tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]]:
    """Per grid and frame: centres [voxel, 3], the sum of the grids there in Gy and cm3 of each.

    Frames where the sum cannot reach `least_gy` are passed over.
    """
    most = [float(g.gy.max(initial=0)) for g in grids]
    for at, grid in enumerate(grids):
        others = sum(most) - most[at]
        thick = grid.frame_spacing()
        area = grid.spacing[0] * grid.spacing[1]
        for frame in range(len(grid.offsets)):
            if float(grid.gy[frame].max(initial=0)) + others < least_gy:
                continue
            points = grid.centres(frame)
            dose = grid.gy[frame].ravel()
            if len(grids) > 1:
                dose = np.sum([g.at(points)[0] for g in grids], axis=0)
            yield points, dose, np.full(len(points), area * thick[frame] * CM3_PER_MM3)


def highest(grids: Sequence[DoseGrid]) -> float:
    """The highest dose of the sum of grids, at the centre of a voxel, in Gy."""
    if len(grids) == 1:
        return float(grids[0].gy.max(initial=0))
    return max((float(dose.max(initial=0)) for _, dose, _ in voxels(grids)), default=0.0)
