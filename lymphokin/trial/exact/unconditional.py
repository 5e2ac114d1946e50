"""Unconditional tests: order the tables, then take the worst case over the nuisance rate.

The p-value of a table is the largest probability, over the common rate of both arms, of a table at
least as extreme (Barnard 1945, doi 10.1038/156177a0). The tests differ in their order alone.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact.base import ROUNDING, ExactTest, at_most, tables
from lymphokin.trial.exact.hypergeometric import given_total
from lymphokin.trial.exact.nuisance import largest

ROWS = 2048
"""Sets of tables maximised at a time, to bound memory."""


class UnconditionalTest(ExactTest):
    """A test that is known by how it orders the tables."""

    @abstractmethod
    def order(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        """Smaller is more extreme, [treated events, control events]."""

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        level = _levels(self.order(n_treated, n_control))
        count = int(level.max()) + 1
        nested = _Nested(level, n_treated, n_control)
        parts = [
            largest(nested.conditional(start, min(start + ROWS, count))).value
            for start in range(0, count, ROWS)
        ]
        # Nested sets: a larger one cannot be less probable.
        return np.minimum(np.maximum.accumulate(np.concatenate(parts)), 1.0)[level]

    def rejects(self, n_treated: int, n_control: int, alpha: float) -> NDArray[np.bool_]:
        """Found by bisection over the levels, for p-values rise with them."""
        level = _levels(self.order(n_treated, n_control))
        nested = _Nested(level, n_treated, n_control)
        inside, outside = -1, int(level.max()) + 1
        while outside - inside > 1:
            middle = (inside + outside) // 2
            p = largest(nested.conditional(middle, middle + 1)).value
            inside, outside = (middle, outside) if at_most(p, alpha)[0] else (inside, middle)
        return level <= inside


def _levels(order: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank of every table, 0 for the most extreme; equally extreme tables share it."""
    flat = order.ravel()
    by_order = np.argsort(flat, kind="stable")
    ordered = flat[by_order]
    new = np.diff(ordered) > ROUNDING * np.abs(ordered[1:])
    level = np.zeros(flat.size, dtype=np.int64)
    level[by_order] = np.concatenate([[0], np.cumsum(new)])
    return level.reshape(order.shape)


class _Nested:
    """The nested sets of tables up to each level, conditional on the total number of events."""

    def __init__(self, level: NDArray[np.int64], n_treated: int, n_control: int) -> None:
        treated, control = tables(n_treated, n_control)
        self.total = (treated + control).ravel()
        self.weight = given_total(n_treated, n_control).ravel()
        self.level = level.ravel()
        self.totals = n_treated + n_control + 1

    def conditional(self, first: int, last: int) -> NDArray[np.float64]:
        """[level, total] probability of a table up to each of the levels ``first`` ... last - 1."""
        here = self.level < last
        row = np.maximum(self.level[here] - first, 0)
        flat = np.bincount(
            row * self.totals + self.total[here],
            weights=self.weight[here],
            minlength=(last - first) * self.totals,
        )
        return np.cumsum(flat.reshape(last - first, self.totals), axis=0)
