"""What ATRA changes: every patient under radiotherapy alone and with ATRA, gamma fitted and zero.

No human data show that ATRA raises lymphocyte counts after radiotherapy; the benefit is the product
of two separately observed links, and gamma is the second. The contrast is therefore always shown
with gamma as fitted and with gamma = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.population import CohortLikelihood, Hierarchy, Latents, pack, probability_below
from lymphokin.predict.endpoint import ENDPOINT_DAYS, measured_threshold
from lymphokin.schedule import AtraPulses

TYPICAL_BSA_M2 = 1.8
"""Adults; used where the table has no body surface area."""
SUPPRESSION = "suppression"
NO_EFFECT_Z = -60.0
"""Latent of the log-normal suppression at which it is zero for every purpose (below 1e-15)."""


def with_pulses(cohort: Cohort) -> Cohort:
    """The cohort with ATRA for all: their own doses, or the trial's regimen by surface area."""
    treated = set(cohort.doses["id"])
    area = cohort.patients["bsa"].astype(float)
    typical = area.median() if area.notna().any() else TYPICAL_BSA_M2
    added = [
        AtraPulses().doses(float(bsa)).assign(id=str(patient))
        for patient, bsa in area.fillna(typical).items()
        if patient not in treated
    ]
    return replace(cohort, doses=pd.concat([cohort.doses, *added], ignore_index=True))


def without_pulses(cohort: Cohort) -> Cohort:
    """The cohort without any ATRA."""
    return replace(cohort, doses=cohort.doses.iloc[:0])


def arm_contrast(
    model: Model,
    cohort: Cohort,
    x: np.ndarray,
    unravel: Callable[[jax.Array], Latents],
    seed: int,
) -> pd.DataFrame:
    """Predicted share of patients with grade >= 2 at the planned endpoint visit.

    The same patients (their fitted baselines, doses and sensitivities) are followed under both
    regimens, on the same posterior draws.

    Args:
        x: [draw, latent] flat posterior draws of this cohort.

    Returns:
        one row per suppression ("fitted", "zero") and arm ("SBRT", "SBRT+ATRA", "difference"):
        n, rate_q05, rate_q50, rate_q95 (90 % equal-tailed interval of the expected share).
    """
    hierarchy = Hierarchy(model)
    likelihood = CohortLikelihood(hierarchy)
    planned = cohort.fractions.groupby("id", sort=False)["day"].max()
    planned = planned.reindex(cohort.patients.index).fillna(0.0) + ENDPOINT_DAYS
    bare = replace(cohort, observations=cohort.observations.iloc[:0])
    residual = model.table.residuals["alc"]
    threshold = np.log(measured_threshold(2))
    slot = hierarchy.population_names.index(SUPPRESSION)
    shares = {}
    for arm, variant in (("SBRT", without_pulses(bare)), ("SBRT+ATRA", with_pulses(bare))):
        packed = pack(model, variant, {str(i): [float(day)] for i, day in planned.items()})
        nodes = jnp.asarray(packed.nodes({str(i): float(day) for i, day in planned.items()}))
        patients = jnp.arange(len(cohort))

        def share(v, key, packed=packed, nodes=nodes, patients=patients):
            fitted = unravel(v)
            fresh = hierarchy.draw_latents(key, packed.arrays, fitted.population)
            latents = fresh._replace(subject=fitted.subject)

            def rate(z):
                # The subject latents keep the fitted population; only the suppression changes.
                population, _, _, solution = likelihood.solution(
                    latents._replace(population=z), packed.arrays
                )
                log_count = jnp.log(solution.outputs["alc"][nodes, patients])
                sd = population.residual_sd["alc"]
                return probability_below(residual, threshold, log_count, sd).mean()

            z = fitted.population
            return jnp.stack([rate(z), rate(z.at[slot].set(NO_EFFECT_Z))])

        keys = jax.random.split(jax.random.key(seed), len(x))
        run = jax.jit(lambda v, k, share=share: jax.lax.map(lambda a: share(*a), (v, k)))
        shares[arm] = np.asarray(run(jnp.asarray(x), keys))
    shares["difference"] = shares["SBRT+ATRA"] - shares["SBRT"]
    rows = []
    for column, suppression in enumerate(("fitted", "zero")):
        for arm, values in shares.items():
            low, middle, high = np.quantile(values[:, column], (0.05, 0.5, 0.95))
            rows.append(
                {
                    "suppression": suppression,
                    "arm": arm,
                    "n": len(cohort),
                    "rate_q05": low,
                    "rate_q50": middle,
                    "rate_q95": high,
                }
            )
    return pd.DataFrame(rows)
