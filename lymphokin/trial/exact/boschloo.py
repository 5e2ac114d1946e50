"""Boschloo's test: Fisher's p-value as the statistic of an unconditional test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact.fisher import Fisher
from lymphokin.trial.exact.unconditional import UnconditionalTest


class Boschloo(UnconditionalTest):
    """Uniformly more powerful than Fisher's test (doi 10.1111/j.1467-9574.1970.tb00104.x)."""

    name: str = "boschloo"
    label: str = "Boschloo"

    def order(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        return Fisher().p_values(n_treated, n_control)
