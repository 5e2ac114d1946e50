"""Fisher's exact test, and its mid-p version: conditional on the total number of events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.hypergeometric import as_few_treated, given_total


class Fisher(ExactTest):
    """Probability of as few treated events, given the total (hypergeometric).

    Never exceeds its nominal level, and stays well below it in small trials.
    """

    name: str = "fisher"
    label: str = "Fisher"

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        return as_few_treated(n_treated, n_control)


class MidP(ExactTest):
    """Fisher's p-value with half the probability of the observed table.

    Closer to its nominal level, which it may exceed (Lancaster 1961,
    doi 10.1080/01621459.1961.10482105).
    """

    name: str = "mid-p"
    label: str = "Fisher, mid-p"

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        return as_few_treated(n_treated, n_control) - 0.5 * given_total(n_treated, n_control)
