"""Fisher's exact test, and its mid-p version: conditional on the total number of events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from lymphokin.trial.exact.base import ExactTest, given_total, tables


class Fisher(ExactTest):
    """Probability of as few treated events, given the total (hypergeometric).

    Never exceeds its nominal level, and stays well below it in small trials.
    """

    name, label = "fisher", "Fisher"

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        treated, control = tables(n_treated, n_control)
        p = hypergeom.cdf(treated, n_treated + n_control, n_treated, treated + control)
        return np.asarray(p)


class MidP(ExactTest):
    """Fisher's p-value with half the probability of the observed table.

    Closer to its nominal level, which it may exceed (Lancaster 1961,
    doi 10.1080/01621459.1961.10482105).
    """

    name, label = "mid-p", "Fisher, mid-p"

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        treated, control = tables(n_treated, n_control)
        margins = (n_treated + n_control, n_treated, treated + control)
        here = given_total(n_treated, n_control)
        return np.asarray(hypergeom.cdf(treated, *margins)) - 0.5 * here
