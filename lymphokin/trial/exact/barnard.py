"""Barnard's test with the pooled z statistic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact.base import tables
from lymphokin.trial.exact.unconditional import UnconditionalTest


class Barnard(UnconditionalTest):
    """Orders tables by the difference of rates over its pooled standard error."""

    name: str = "barnard"
    label: str = "Barnard, pooled z"

    def order(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        treated, control = tables(n_treated, n_control)
        total = treated + control
        # Of integers, so that equal statistics come out equal: z up to a positive constant.
        difference = treated * n_control - control * n_treated
        spread = total * (n_treated + n_control - total)
        return difference / np.sqrt(np.maximum(spread, 1))
