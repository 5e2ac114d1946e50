"""The volume within planar contours, as points with the volume that each stands for.

Contours of one structure lie in parallel planes of any orientation. In a plane a contour within
another is a hole (within a hole, a part again), one beside another a second part. Contours that
cross each other, or are drawn twice, count as their union. A plane stands for the space half-way
to its neighbours; across a gap in the planes, and at the ends, for half the usual distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lymphokin.dose.grid import CM3_PER_MM3

LARGEST_GAP = 1.5
"""Distance of two planes, in usual distances, up to which the structure goes on between them."""
MOST_POINTS = 30_000
"""Points per plane."""
FEWEST_ACROSS = 100
"""Points across the smaller extent of a plane."""
SAME_PLANE_MM = 0.01
WITHIN = 0.99
"""Part of a contour's area that lies in another when it is a hole; the rest is rounding."""


@dataclass(frozen=True)
class Plane:
    """Contours of one plane: `outlines` of [point, 2] in the plane's axes `across` [2, 3] (mm),
    from `origin` [3]; the plane stands for `below` and `above` mm along `normal` [3]."""

    outlines: list[NDArray[np.float64]]
    origin: NDArray[np.float64]
    across: NDArray[np.float64]
    normal: NDArray[np.float64]
    below: float
    above: float


def planes_of(contours: Sequence[NDArray[np.float64]], usual_mm: float) -> list[Plane]:
    """Planes of the contours [point, 3] (mm) of one structure.

    `usual_mm`: distance of planes where there is only one. Raises ValueError when a contour has
    no area, or the contours do not lie in parallel planes.
    """
    solid = [c for c in contours if len(c) >= 3]
    normals = [_normal(c) for c in solid]
    kept = [(c, n) for c, n in zip(solid, normals, strict=True) if n is not None]
    if not kept:
        raise ValueError("no contour has an area")
    normal = kept[0][1]
    for contour, own in kept:
        flat = np.ptp(contour @ normal) <= max(1.0, 0.01 * np.ptp(contour, axis=0).max())
        if abs(float(own @ normal)) < 0.999 or not flat:
            raise ValueError("the contours do not lie in parallel planes")
    helper = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(normal, helper)
    first /= np.linalg.norm(first)
    across = np.asarray(np.stack([first, np.cross(normal, first)]), float)
    heights = np.array([float(np.mean(c @ normal)) for c, _ in kept])
    order = np.argsort(heights)
    groups: list[list[int]] = []
    for at in order:
        if groups and heights[at] - heights[groups[-1][0]] <= SAME_PLANE_MM:
            groups[-1].append(int(at))
        else:
            groups.append([int(at)])
    level = np.array([heights[g[0]] for g in groups])
    gaps = np.diff(level)
    usual = float(np.median(gaps)) if len(gaps) else usual_mm
    half = np.where(gaps <= LARGEST_GAP * usual, gaps / 2, usual / 2)
    half = np.concatenate([[usual / 2], half, [usual / 2]])
    return [
        Plane([kept[i][0] @ across.T for i in group], level[at] * normal, across, normal,
              float(half[at]), float(half[at + 1]))
        for at, group in enumerate(groups)
    ]  # fmt: skip


def _normal(contour: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Unit normal (Newell), in the half space of its largest component; None without area."""
    around = np.roll(contour, -1, axis=0)
    middle = contour.mean(axis=0)
    vector = np.cross(contour - middle, around - middle).sum(axis=0)
    length = np.linalg.norm(vector)
    if length < 1e-6:
        return None
    vector = vector / length
    return vector * np.sign(vector[np.argmax(np.abs(vector))])


def points_within(
    planes: Sequence[Plane], step_mm: float
) -> Iterator[tuple[NDArray[np.float64], float]]:
    """Per plane and layer of it, points [point, 3] (mm) inside and the cm3 of each.

    `step_mm`: distance of points in a plane that the dose grid needs, half a voxel; small
    structures get finer ones, and layers are at most twice as thick.
    """
    for plane in planes:
        every = np.concatenate(plane.outlines)
        low, high = every.min(axis=0), every.max(axis=0)
        extent = np.maximum(high - low, 1e-6)
        step = min(step_mm, float(extent.min()) / FEWEST_ACROSS)
        step = max(step, float(np.sqrt(extent.prod() / MOST_POINTS)))
        u, v = (low[i] + (np.arange(int(np.ceil(extent[i] / step))) + 0.5) * step for i in (0, 1))
        inside = _filled(plane.outlines, u, v, step)
        if not inside.any():
            continue
        at_v, at_u = np.nonzero(inside)
        flat = np.stack([u[at_u], v[at_v]], axis=1) @ plane.across + plane.origin
        thickness = plane.below + plane.above
        layers = max(1, int(np.ceil(thickness / max(2 * step_mm, 1e-3) - 1e-9)))
        heights = (np.arange(layers) + 0.5) / layers * thickness - plane.below
        cm3 = step * step * thickness / layers * CM3_PER_MM3
        for height in heights:
            yield flat + height * plane.normal, cm3


def _filled(outlines: Sequence[NDArray], u: NDArray, v: NDArray, step: float) -> NDArray[np.bool_]:
    """Which points of the grid u x v lie inside the contours, [v, u]."""
    drawn = [_inside(outline, u, v, step) for outline in outlines]
    groups: list[list[NDArray[np.bool_]]] = []  # what crosses each other is one shape
    for shape in drawn:
        joined = [g for g in groups if any(_overlap(other, shape) for other in g)]
        groups = [g for g in groups if not any(g is j for j in joined)]
        groups.append([shape, *(other for g in joined for other in g)])
    return np.logical_xor.reduce([np.logical_or.reduce(group) for group in groups])


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether two shapes share points and neither is a part within the other."""
    shared = int(np.count_nonzero(one & other))
    if shared == 0:
        return False
    small, large = sorted((int(np.count_nonzero(one)), int(np.count_nonzero(other))))
    return shared < WITHIN * small or small >= WITHIN * large


def _inside(outline: NDArray, u: NDArray, v: NDArray, step: float) -> NDArray[np.bool_]:
    """Which points of the grid u x v a line to the left of which crosses an outline oddly often."""
    toggles = np.zeros((len(v), len(u) + 1), np.int32)
    begin, end = outline, np.roll(outline, -1, axis=0)
    first, last = np.minimum(begin[:, 1], end[:, 1]), np.maximum(begin[:, 1], end[:, 1])
    # Rows with first <= v < last cross the edge, so a corner counts once.
    start = np.searchsorted(v, first, side="left")
    count = np.searchsorted(v, last, side="left") - start
    edge = np.repeat(np.arange(len(outline)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + start[edge]
    slope = (end[edge, 0] - begin[edge, 0]) / (end[edge, 1] - begin[edge, 1])
    crossing = begin[edge, 0] + (v[row] - begin[edge, 1]) * slope
    column = np.clip(np.ceil((crossing - u[0]) / step), 0, len(u)).astype(int)
    np.add.at(toggles, (row, column), 1)
    return toggles[:, :-1].cumsum(axis=1) % 2 == 1


def contoured_cm3(contours: Sequence[NDArray[np.float64]]) -> float:
    """Volume within contours, from points 2 mm apart or less.

    Raises:
        ValueError: when the contours have no volume.
    """
    planes = planes_of(contours, usual_mm=1.0)
    return sum(cm3 * len(points) for points, cm3 in points_within(planes, 2.0))


def drawn_cm3(contours: Sequence[NDArray[np.float64]]) -> float:
    """Volume of contours from their areas and the usual distance of their planes, without holes.

    It is quick and rough: it tells a whole organ from an empty or partial contour.
    """
    solid = [c for c in contours if len(c) >= 3]
    areas = [float(np.linalg.norm(np.cross(c - c[0], np.roll(c, -1, axis=0) - c[0]).sum(axis=0)))
             for c in solid]  # fmt: skip
    if not areas:
        return 0.0
    normal = _normal(solid[int(np.argmax(areas))])
    heights = (
        np.unique([round(float(c.mean(axis=0) @ normal), 2) for c in solid])
        if normal is not None
        else np.zeros(1)
    )
    gap = float(np.median(np.diff(heights))) if len(heights) > 1 else 1.0
    return sum(areas) / 2 * gap * CM3_PER_MM3
