"""What draws are worth for the patients' risks.

A risk is a mean over draws as a parameter is. It is read from the count at the patient's endpoint
visit, which every draw of all latents knows: no forecast is needed to see how that count mixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.diagnostics import effective_draws
from lymphokin.infer.evaluated import counts_on
from lymphokin.io.visits import endpoint_visits

DRAWS_PER_EFFECTIVE = 2.0
"""Draws that are looked at for each effective one that is wanted (judgement): spread over a run
they are hardly less than independent."""


def risk_ess(density: CohortDensity) -> Callable[[np.ndarray, float], float]:
    """What tells the bulk effective draws of the patient's count that has fewest.

    It takes latents [chain, draw, latent] and how many effective draws are wanted; of many draws it
    looks at some, so that it does not tell apart what is more than about twice that number. It is
    infinite where the model has no count: there is no risk then.
    """
    packed = density.packed
    if not density.likelihood.model.counts_lymphocytes:
        return lambda x, wanted: np.inf
    read = counts_on(packed, endpoint_visits(packed.cohort)["endpoint_day"])

    def smallest(x: np.ndarray, wanted: float) -> float:
        count = min(x.shape[1], int(np.ceil(DRAWS_PER_EFFECTIVE * wanted / len(x))))
        some = x[:, np.linspace(0, x.shape[1] - 1, count).round().astype(int)]
        parts = density.evaluate(some.reshape(-1, x.shape[-1]), density.arrays)
        counts = np.concatenate([read(part)[..., 0] for part in parts])
        of_patients = counts.reshape(*some.shape[:2], -1)
        return min(effective_draws(of_patients[..., i]) for i in range(of_patients.shape[-1]))

    return smallest
