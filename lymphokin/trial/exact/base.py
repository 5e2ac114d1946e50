"""What every exact test of two arms has in common.

Treated and control patients with an event are counted; few events among the treated speak for the
treatment. Tables are indexed [treated events, control events].
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-10
"""Two p-values closer than this, relative to their size, are the same number: floating point must
not decide whether p = alpha rejects, or whether two tables are equally extreme."""


class ExactTest(ABC):
    """A one-sided test of treated rate < control rate that rejects when p <= alpha."""

    name: str
    """as typed on the command line"""
    label: str
    """as printed"""

    @abstractmethod
    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        """p-value of every table, [treated events, control events]."""

    def rejects(self, n_treated: int, n_control: int, alpha: float) -> NDArray[np.bool_]:
        """Tables that reject at ``alpha``, [treated events, control events]."""
        return at_most(self.p_values(n_treated, n_control), alpha)


def at_most(p: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    """p <= alpha, blind to rounding errors."""
    return p <= alpha * (1 + ROUNDING)


def tables(n_treated: int, n_control: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Treated and control events of every table, each [treated events, control events]."""
    events = np.meshgrid(np.arange(n_treated + 1), np.arange(n_control + 1), indexing="ij")
    return events[0], events[1]
