"""The Bayesian rule: reject when P(treated rate < control rate | data) > 1 - alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from lymphokin.trial.exact.base import ExactTest, tables


class Bayes(ExactTest):
    """Posterior probability that the treated rate is not lower, uniform priors on both rates.

    For Beta posteriors with whole-number parameters that probability is a hypergeometric tail
    (Altham 1969, J R Stat Soc B 31:261): Fisher's test with one patient without
    event more among the treated and one patient with event more among the controls.
    """

    name, label = "bayes", "Bayes, uniform priors"

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        treated, control = tables(n_treated, n_control)
        margins = (n_treated + n_control + 2, n_treated + 1, treated + control + 1)
        return np.asarray(hypergeom.cdf(treated, *margins))
