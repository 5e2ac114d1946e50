"""Parameters whose random effects go together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Correlations:
    """How random effects of a group of parameters go together: an LKJ prior, or fixed."""

    name: str
    parameters: tuple[str, ...]
    certainty: str
    lkj: float = 0.0
    """shape of the prior (1: every correlation matrix alike; larger: closer to none); 0 if fixed"""
    fixed: tuple[float, ...] = ()
    """correlations below the diagonal, row by row"""
    source: str = ""
    doi: str = ""

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Places of the parameters of each correlation, row by row below the diagonal."""
        return tuple((i, j) for i in range(len(self.parameters)) for j in range(i))

    @property
    def matrix(self) -> np.ndarray:
        """The correlation matrix of a group that is fixed."""
        matrix = np.eye(len(self.parameters))
        for (i, j), value in zip(self.pairs, self.fixed, strict=True):
            matrix[i, j] = matrix[j, i] = value
        return matrix

    def without(self, parameter: str) -> Correlations | None:
        """The group without a parameter; the prior of what is left stays the same."""
        if parameter not in self.parameters:
            return self
        left = tuple(name for name in self.parameters if name != parameter)
        if len(left) < 2:
            return None
        gone = self.parameters.index(parameter)
        pairs = zip(self.pairs, self.fixed, strict=True) if self.fixed else ()
        fixed = tuple(value for pair, value in pairs if gone not in pair)
        # A part of an LKJ matrix is an LKJ matrix, of a shape larger by a half per parameter lost.
        return replace(self, parameters=left, fixed=fixed, lkj=self.lkj and self.lkj + 0.5)
