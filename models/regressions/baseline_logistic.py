"""Risk of grade >= 2 at 6 weeks from the counts before treatment alone: the benchmark.

The baseline decides most of a patient's risk, so a mechanistic model must beat this regression, on
the Brier score and on calibration. It knows no dose, no later count and no ATRA. Before any trial
its intercept says almost nothing; it is there to be fitted.
"""

import jax.numpy as jnp

from lymphokin.rivals import Regression

TYPICAL = 1.4
"""1e9/L"""


class BaselineLogistic(Regression):
    needs = ("mean_baseline_alc",)
    days_after_last_fraction = 42.0

    def log_odds(self, p, x):
        return p.intercept + p.slope * jnp.log(x.mean_baseline_alc / TYPICAL)


regression = BaselineLogistic()
