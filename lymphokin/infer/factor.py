"""Cholesky factors of arrow matrices, made without squaring what they are the roots of.

What is left of the population's information when every patient is eliminated is a small difference
of large sums, and with hundreds of patients rounding can make it negative. So each patient is
eliminated alone, by a QR decomposition of the derivatives, and what is left of all patients is
stacked under the prior and decomposed again: sums of squares, none of which is ever subtracted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.infer.information import ArrowMatrix, Information

ROWS_PER_COLUMN = 4
"""Of a piece of many rows."""


class ArrowFactor(NamedTuple):
    """Upper triangular root R of an arrow matrix R^T R, patients before the population."""

    own: np.ndarray
    """[patient, slot, slot] upper triangular"""
    coupling: np.ndarray
    """[patient, slot, quantity]"""
    population: np.ndarray
    """[quantity, quantity] upper triangular: root of the information that is left when the patients
    are eliminated"""


def factor_of(information: Information, index: np.ndarray) -> ArrowFactor:
    """The factor of an expected information; nan where a derivative is not finite.

    Args:
        index: [patient, slot] places of each patient's latents, -1 where none.
    """
    (patients, slots), dtype = index.shape, information.own.dtype
    order = np.argsort(information.owner, kind="stable")
    owner = np.asarray(information.owner)[order]
    # Padding of a slot is an outcome of its own.
    padding = (index < 0)[:, :, None] * np.eye(slots, dtype=dtype)
    row = slots + np.arange(len(owner)) - np.searchsorted(owner, owner)
    width = slots + information.coupling.shape[1]
    rows = np.zeros((patients, max(row.max(initial=0) + 1, width), width), dtype)
    rows[:, :slots, :slots] = padding
    rows[owner, row, :slots] = information.own[order]
    rows[owner, row, slots:] = information.coupling[order]
    return _eliminated(rows, information.shared, slots)


def mean_factor(a: ArrowFactor, b: ArrowFactor, share: float) -> ArrowFactor:
    """The factor of a weighted mean of two matrices.

    Args:
        share: weight of the second.
    """
    weighed = [
        (np.sqrt(weight) * own, np.sqrt(weight) * coupling, np.sqrt(weight) * population)
        for weight, (own, coupling, population) in ((1 - share, a), (share, b))
    ]
    rows = [np.concatenate([own, coupling], axis=2) for own, coupling, _ in weighed]
    shared = np.concatenate([population for *_, population in weighed])
    return _eliminated(np.concatenate(rows, axis=1), shared, a.own.shape[1])


def cholesky(matrix: ArrowMatrix) -> ArrowFactor:
    """The factor of a matrix that is given as such; nan where it is not positive definite."""
    population, own, coupling = map(np.asarray, matrix)
    upper = _upper(own)
    explained = np.linalg.solve(np.swapaxes(upper, 1, 2), coupling)
    left = population - np.einsum("psq,psr->qr", explained, explained)
    return ArrowFactor(upper, explained, _upper(left))


def _eliminated(rows: np.ndarray, shared: np.ndarray, slots: int) -> ArrowFactor:
    """The factor of rows [patient, row, slot + quantity] and what is shared [row, quantity]."""
    upper = _qr(rows)
    left = np.concatenate([shared, upper[:, slots:, slots:].reshape(-1, shared.shape[1])])
    return ArrowFactor(upper[:, :slots, :slots], upper[:, :slots, slots:], _qr_of_many(left))


def _qr_of_many(rows: np.ndarray) -> np.ndarray:
    """Upper triangle of many rows [row, column], in small pieces: for a large one the threads of a
    linear algebra library wait for each other longer than they compute.
    """
    columns = rows.shape[1]
    piece = ROWS_PER_COLUMN * columns
    while columns and len(rows) > piece:
        filled = np.pad(rows, [(0, -len(rows) % piece), (0, 0)])
        rows = _qr(filled.reshape(-1, piece, columns)).reshape(-1, columns)
    return _qr(rows)


def _qr(rows: np.ndarray) -> np.ndarray:
    """Upper triangle of (stacks of) rows; nan where one is not finite."""
    finite = np.isfinite(rows).all(axis=(-2, -1), keepdims=True)
    return np.where(finite, np.linalg.qr(np.where(finite, rows, 0.0), mode="r"), np.nan)


def _upper(matrices: np.ndarray) -> np.ndarray:
    """Upper triangular roots of (stacks of) symmetric matrices; nan where there is none."""
    try:
        return np.swapaxes(np.linalg.cholesky(matrices), -1, -2)
    except np.linalg.LinAlgError:
        return np.full_like(matrices, np.nan)
