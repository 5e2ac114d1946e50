"""What ATRA changes: every patient under radiotherapy alone and with ATRA, gamma fitted and zero.

No human data show that ATRA raises lymphocyte counts after radiotherapy; the benefit is the product
of two separately observed links, and gamma is the second. The contrast is therefore always shown
with gamma as fitted and with gamma = 0.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.endpoint import measured_threshold
from lymphokin.infer.density import CohortDensity, flat
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model.roles import SUPPRESSION
from lymphokin.population import CohortArrays, pack, probability_below
from lymphokin.quantities import DRUG
from lymphokin.schedule import AtraPulses

TYPICAL_BSA_M2 = 1.8
"""Adults; used where the table has no body surface area."""
NO_EFFECT_Z = -1e4
"""Latent of the log-normal suppression at which it is exactly zero: its exponential underflows."""


def with_pulses(cohort: Cohort) -> Cohort:
    """The cohort with ATRA for all: their own doses, or the trial's regimen by surface area."""
    treated = set(cohort.doses_of(DRUG)["id"])
    area = cohort.patients["bsa"].astype(float)
    typical = area.median() if area.notna().any() else TYPICAL_BSA_M2
    added = [
        AtraPulses().doses(float(bsa)).assign(id=str(patient))
        for patient, bsa in area.fillna(typical).items()
        if patient not in treated
    ]
    return replace(cohort, doses=pd.concat([cohort.doses, *added], ignore_index=True))


def _pulsed(density: CohortDensity) -> tuple[CohortDensity, dict[str, float]]:
    """The same patients with pulses and without records, and the endpoint visit of each."""
    bare = with_pulses(
        replace(density.packed.cohort, observations=density.packed.cohort.observations.iloc[:0])
    )
    visits = endpoint_visits(density.packed.cohort)
    day_of = {str(i): float(day) for i, day in visits["planned_day"].items()}
    packed = pack(density.likelihood.model, bare, {i: [day] for i, day in day_of.items()})
    return CohortDensity(density.likelihood, packed), day_of


def has_contrast(density: CohortDensity) -> bool:
    """Whether the model has a suppression to contrast the arms by, and the cohort the drug."""
    sampled = SUPPRESSION in density.hierarchy.population_names
    model = density.likelihood.model
    takes_another = bool(model.drugs) and DRUG not in model.drugs
    given = len(density.packed.cohort.doses_of(DRUG)) > 0
    return sampled and model.counts_lymphocytes and given and not takes_another


def prepare_contrast(density: CohortDensity) -> None:
    """Begin to compile what :func:`arm_contrast` needs."""
    _pulsed(density)[0].prepare_evaluation()


def arm_contrast(density: CohortDensity, x: np.ndarray, seed: int) -> pd.DataFrame:
    """Predicted share of patients with grade >= 2 at the planned endpoint visit.

    The same patients (their fitted baselines, doses and sensitivities) are followed under both
    regimens, on the same posterior draws.

    Args:
        x: [draw, latent] flat posterior draws of the cohort.

    Returns:
        one row per suppression ("fitted", "zero") and arm ("SBRT", "SBRT+ATRA", "difference"):
        n, rate_q05, rate_q50, rate_q95 (90 % equal-tailed interval of the expected share).
    """
    hierarchy = density.hierarchy
    pulsed, day_of = _pulsed(density)
    packed = pulsed.packed
    hours = packed.arrays.timeline.hours
    assert hours is not None
    # The same course without a single milligram: one shape, one compilation.
    timeline = packed.arrays.timeline._replace(
        hours=hours._replace(amount={**hours.amount, DRUG: jnp.zeros_like(hours.amount[DRUG])})
    )
    arms = {"SBRT": packed.arrays._replace(timeline=timeline), "SBRT+ATRA": packed.arrays}
    latents = _for_pulses(density, x, packed.arrays, seed)
    slot = hierarchy.population_names.index(SUPPRESSION)
    without = latents.copy()
    without[:, slot] = NO_EFFECT_Z
    sd = density.residual_sd(x[:, : len(hierarchy.quantities)], "alc")
    nodes = packed.nodes(day_of)
    rows = []
    for suppression, draws in (("fitted", latents), ("zero", without)):
        shares = {arm: _share(pulsed, draws, a, nodes, sd) for arm, a in arms.items()}
        shares["difference"] = shares["SBRT+ATRA"] - shares["SBRT"]
        for arm, values in shares.items():
            low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
            rows.append(
                {
                    "suppression": suppression,
                    "arm": arm,
                    "n": len(density.packed.cohort),
                    "rate_q05": low,
                    "rate_q50": middle,
                    "rate_q95": high,
                }
            )
    return pd.DataFrame(rows)


def _for_pulses(
    density: CohortDensity, x: np.ndarray, arrays: CohortArrays, seed: int
) -> np.ndarray:
    """Draws for the same patients when all get pulses: what matters only under ATRA is drawn."""
    unravel, hierarchy = density.unravel(), density.hierarchy

    def one(v: jax.Array, key: jax.Array) -> jax.Array:
        fitted = unravel(v)
        fresh = hierarchy.draw_latents(key, arrays, fitted.population)
        own = {name: getattr(fitted, name) for name in ("subject", "covariate", "lesion")}
        return flat(fresh._replace(**own))

    keys = jax.random.split(jax.random.key(seed), len(x))
    return np.array(jax.jit(jax.vmap(one))(jnp.asarray(x), keys))


def _share(
    density: CohortDensity, x: np.ndarray, arrays: CohortArrays, nodes: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """[draw] expected share of patients whose count is reported as grade >= 2."""
    residual = density.likelihood.model.table.residuals["alc"]
    patients = np.arange(len(nodes))
    counts = [p.outputs["alc"][:, nodes, patients] for p in density.evaluate(x, arrays)]
    log_count, threshold = np.log(np.concatenate(counts)), np.log(measured_threshold(2))
    return probability_below(residual, threshold, log_count, sd[:, None], np).mean(axis=1)
