"""The Bayesian rule: reject when P(treated rate < control rate | data) > 1 - alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.hypergeometric import as_few_treated


class Bayes(ExactTest):
    """Posterior probability that the treated rate is not lower, uniform priors on both rates.

    For Beta posteriors with whole-number parameters that probability is a hypergeometric tail
    (Altham 1969, J R Stat Soc B 31:261): Fisher's test with one patient without
    event more among the treated and one patient with event more among the controls.
    """

    name: str = "bayes"
    label: str = "Bayes, uniform priors"

    def p_values(self, n_treated: int, n_control: int) -> NDArray[np.float64]:
        return as_few_treated(n_treated + 1, n_control + 1)[:-1, 1:]
