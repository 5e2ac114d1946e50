"""Where the days clock reads the windows of a drug: at each of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np


class HandDownArrays(NamedTuple):
    """Where the days clock reads the hours clock: at each of its nodes."""

    query_day: jax.Array | np.ndarray
    """[query, lane] nodes of the days clock inside the lane's window"""
    source: jax.Array | np.ndarray
    """[node, patient] flat index into the queries"""
    inside: jax.Array | np.ndarray
    """[node, patient] 1.0 inside a window, else 0.0"""
    ended: jax.Array | np.ndarray
    """[node, patient] lane of the last window that has ended"""
    has_ended: jax.Array | np.ndarray
    """[node, patient] 1.0 if one has ended"""
    kept: jax.Array | np.ndarray | None = None
    """[node, patient] 0.0 where a reset takes everything away, else 1.0; None without any"""


def rounded(count: int) -> int:
    """Array length: up to the next multiple of an eighth of its power of two, at least 8."""
    unit = max(8, 2 ** max(0, count.bit_length() - 4))
    return -(-count // unit) * unit


def hand_down_arrays(
    node_day: np.ndarray,
    lanes: Sequence[tuple[int, float, float]],
    own: np.ndarray,
    resets: Sequence[np.ndarray],
) -> HandDownArrays:
    """What the days clock reads of some lanes.

    Args:
        node_day: [node, patient].
        lanes: patient, start and end of each.
        own: [lane] whether it is one of them.
        resets: per patient, sorted days of resets, over which nothing is handed down.
    """
    until = [next((r for r in resets[p] if r >= start), np.inf) for p, start, _ in lanes]
    covered = [
        np.flatnonzero((node_day[:, p] >= start) & (node_day[:, p] < end) & of_exposure)
        for (p, start, end), of_exposure in zip(lanes, own, strict=True)
    ]
    # Padding repeats the last node; it is read once and its copies point to the same query.
    distinct = [
        np.unique(node_day[rows, lane[0]], return_inverse=True)
        for rows, lane in zip(covered, lanes, strict=True)
    ]
    queries = rounded(max((1, *(len(days) for days, _ in distinct))))
    query_day = np.zeros((queries, len(lanes)))
    source = np.zeros(node_day.shape, dtype=int)
    inside = np.zeros(node_day.shape)
    ended = np.zeros(node_day.shape, dtype=int)
    has_ended = np.zeros(node_day.shape)
    for lane, ((patient, start, end), rows, (days, inverse)) in enumerate(
        zip(lanes, covered, distinct, strict=True)
    ):
        query_day[:, lane] = start
        query_day[: len(days), lane] = days
        source[rows, patient] = inverse * len(lanes) + lane
        inside[rows, patient] = 1.0
        later = (node_day[:, patient] >= end) & (node_day[:, patient] <= until[lane]) & own[lane]
        ended[later, patient] = lane
        has_ended[later, patient] = 1.0
    return HandDownArrays(query_day, source, inside, ended, has_ended)
