"""Count at the end of breast radiotherapy from the count before it and EDIC (Chen 2022).

post = pre * (0.90 - 0.16 * EDIC), or 1.05 - 0.17 * EDIC for patients who were lymphopenic before
(doi:10.3389/fonc.2022.768956, 735 patients, conventional fractions, mean EDIC 1.7 Gy). It speaks of
the end of radiotherapy, not of 6 weeks after it, and knows neither recovery nor ATRA. EDIC is on a
scale of its own; a dose to the blood must not be put in its place.
"""

import jax.numpy as jnp

from lymphokin.rivals import Regression

LYMPHOPENIC = 1.0
"""1e9/L; taken as the limit of lymphopenia before treatment, which the abstract does not give."""
LEAST = 0.02
"""1e9/L; the line would cross zero at 5.6 Gy."""


class EdicBreast(Regression):
    needs = ("mean_baseline_alc", "edic_gy")
    days_after_last_fraction = 0.0

    def log_count(self, p, x):
        usual = x.mean_baseline_alc * (p.intercept + p.slope * x.edic_gy)
        low = p.low_intercept + p.low_slope * x.edic_gy
        return jnp.log(jnp.maximum(jnp.where(x.mean_baseline_alc < LYMPHOPENIC, low, usual), LEAST))


regression = EdicBreast()
