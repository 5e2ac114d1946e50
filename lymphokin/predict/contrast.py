"""What a drug changes through a disputed link: the same patients with and without the drug.

What nobody has shown in people is never shown alone: the contrast stands twice, with the link as
fitted and without it. The model says which link and which drug (:mod:`lymphokin.model.roles`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.endpoint import measured_threshold
from lymphokin.infer.density import CohortDensity, flat
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Model
from lymphokin.model.roles import Contrast, contrast_of
from lymphokin.model.usual import usual_calendars
from lymphokin.population import CohortArrays, pack, probability_below

TYPICAL_BSA_M2 = 1.8
"""Adults; used where the table has no body surface area."""
NO_EFFECT_Z = -1e4
"""Latent of a log-normal strength at which it is exactly zero: its exponential underflows."""
ALONE, DIFFERENCE = "SBRT", "difference"
"""Radiotherapy without the drug, and what the drug changes, in the table of the contrast."""
COLUMNS = ("link", "arm", "n", "rate_q05", "rate_q50", "rate_q95")


def with_drug(cohort: Cohort, model: Model, drug: str) -> Cohort:
    """The cohort with a drug for all: their own doses, or the usual regimen by surface area.

    Where no usual regimen is known, those who did not get the drug stay without it.
    """
    usual = usual_calendars(model).get(drug)
    if usual is None:
        return cohort
    treated = set(cohort.doses_of(drug)["id"])
    area = cohort.patients["bsa"].astype(float)
    typical = area.median() if area.notna().any() else TYPICAL_BSA_M2
    added = [
        usual.doses(float(bsa)).assign(id=str(patient))
        for patient, bsa in area.fillna(typical).items()
        if patient not in treated
    ]
    return replace(cohort, doses=pd.concat([cohort.doses, *added], ignore_index=True))


def _dosed(density: CohortDensity, drug: str) -> tuple[CohortDensity, dict[str, float]]:
    """The same patients with the drug and without records, and the endpoint visit of each."""
    cohort = density.packed.cohort
    unseen = replace(cohort, observations=cohort.observations.iloc[:0])
    bare = with_drug(unseen, density.likelihood.model, drug)
    visits = endpoint_visits(cohort)
    day_of = {str(i): float(day) for i, day in visits["planned_day"].items()}
    packed = pack(density.likelihood.model, bare, {i: [day] for i, day in day_of.items()})
    return CohortDensity(density.likelihood, packed), day_of


def contrast_in(density: CohortDensity) -> Contrast | None:
    """The disputed link by which a cohort's patients can be contrasted, with the drug and without.

    None where the model has none, where it is fixed, or where nobody got its drug.
    """
    model = density.likelihood.model
    found = contrast_of(model)
    if found is None or found.parameter not in density.hierarchy.population_names:
        return None
    given = len(density.packed.cohort.doses_of(found.drug)) > 0
    return found if model.counts_lymphocytes and given and found.drug in model.drugs else None


def prepare_contrast(density: CohortDensity) -> None:
    """Begin to compile what :func:`arm_contrast` needs, where there is a contrast."""
    found = contrast_in(density)
    if found is not None:
        _dosed(density, found.drug)[0].prepare_evaluation()


def arm_contrast(density: CohortDensity, x: np.ndarray, seed: int) -> pd.DataFrame:
    """Predicted share of patients with grade >= 2 at the planned endpoint visit.

    The same patients (their fitted baselines, doses and sensitivities) are followed with the drug
    and without it, on the same posterior draws: all of them where a usual regimen of the drug is
    known, else those who got it.

    Args:
        x: [draw, latent] flat posterior draws of the cohort.

    Returns:
        one row per link ("fitted", "zero") and arm ("SBRT", "SBRT+" and the drug's label, and
        "difference"): n, rate_q05, rate_q50, rate_q95 (90 % equal-tailed interval
        of the expected share). Empty where :func:`contrast_in` finds none.
    """
    contrast = contrast_in(density)
    if contrast is None:
        return pd.DataFrame(columns=list(COLUMNS))
    hierarchy, model = density.hierarchy, density.likelihood.model
    dosed, day_of = _dosed(density, contrast.drug)
    packed = dosed.packed
    treated = f"{ALONE}+{model.vocabulary.drug(contrast.drug).label}"
    arms = {ALONE: _without(packed.arrays, contrast.drug), treated: packed.arrays}
    latents = _for_all(density, x, packed.arrays, seed)
    slot = hierarchy.population_names.index(contrast.parameter)
    without = latents.copy()
    without[:, slot] = NO_EFFECT_Z
    sd = density.residual_sd(x[:, : len(hierarchy.quantities)], "alc")
    nodes = packed.nodes(day_of)
    given = packed.cohort.patients.index.isin(packed.cohort.doses_of(contrast.drug)["id"])
    rows = []
    for link, draws in (("fitted", latents), ("zero", without)):
        risks = {arm: _risks(dosed, draws, a, nodes, sd) for arm, a in arms.items()}
        shares = {arm: risk[:, given].mean(axis=1) for arm, risk in risks.items()}
        shares[DIFFERENCE] = shares[treated] - shares[ALONE]
        rows += [
            (link, arm, int(given.sum()), *np.quantile(values, (0.05, 0.5, 0.95)))
            for arm, values in shares.items()
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def own_shares(density: CohortDensity, x: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """Share with grade >= 2 of each arm's own patients if measured again, beside what happened.

    They are the patients with a count at the endpoint visit, on the day of that count and under
    their own treatment. Each draw measures every patient once: what happened holds the chance of
    single measurements, too.

    Args:
        x: [draw, latent] flat posterior draws of the cohort.
        seed: of the measurements.

    Returns:
        one row per link ("fitted", "zero") and arm of the cohort, with columns as of
        :func:`arm_contrast`. Empty where :func:`contrast_in` finds no link.
    """
    contrast = contrast_in(density)
    if contrast is None:
        return pd.DataFrame(columns=list(COLUMNS))
    hierarchy, packed = density.hierarchy, density.packed
    visits = endpoint_visits(packed.cohort)
    day_of = {str(i): float(day) for i, day in visits["endpoint_day"].items()}
    nodes, known = packed.nodes(day_of), visits["observed_grade2"].notna().to_numpy()
    arms = packed.cohort.patients["arm"].fillna("").astype(str).to_numpy()
    sd = density.residual_sd(x[:, : len(hierarchy.quantities)], "alc")
    without = x.copy()
    without[:, hierarchy.population_names.index(contrast.parameter)] = NO_EFFECT_Z
    rows, chance = [], np.random.default_rng(seed).uniform(size=(len(x), len(arms)))
    for link, draws in (("fitted", x), ("zero", without)):
        happens = chance < _risks(density, draws, packed.arrays, nodes, sd)
        for arm in dict.fromkeys(arms[known]):
            chosen = known & (arms == arm)
            shares = happens[:, chosen].mean(axis=1)
            quantiles = np.quantile(shares, (0.05, 0.5, 0.95), method="inverted_cdf")
            rows.append((link, arm or None, int(chosen.sum()), *quantiles))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _without(arrays: CohortArrays, drug: str) -> CohortArrays:
    """The same course without any of a drug: one shape, one compilation."""

    def emptied(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: jnp.zeros_like(v) if name == drug else v for name, v in given.items()}

    timeline = arrays.timeline
    days, hours = timeline.days, timeline.hours
    days = days._replace(amount=emptied(days.amount), rate=emptied(days.rate))
    if hours is not None:
        hours = hours._replace(amount=emptied(hours.amount), rate=emptied(hours.rate))
    return arrays._replace(timeline=timeline._replace(days=days, hours=hours))


def _for_all(density: CohortDensity, x: np.ndarray, arrays: CohortArrays, seed: int) -> np.ndarray:
    """Draws for the same patients when all get the drug: what matters only under it is drawn."""
    unravel, hierarchy = density.unravel(), density.hierarchy

    def one(v: jax.Array, key: jax.Array) -> jax.Array:
        fitted = unravel(v)
        fresh = hierarchy.draw_latents(key, arrays, fitted.population)
        own = {name: getattr(fitted, name) for name in ("subject", "covariate", "lesion")}
        return flat(fresh._replace(**own))

    keys = jax.random.split(jax.random.key(seed), len(x))
    return np.array(jax.jit(jax.vmap(one))(jnp.asarray(x), keys))


def _risks(
    density: CohortDensity, x: np.ndarray, arrays: CohortArrays, nodes: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """[draw, patient] probability that the count of a node is reported as grade >= 2."""
    residual = density.likelihood.model.table.residuals["alc"]
    patients = np.arange(len(nodes))
    counts = [p.outputs["alc"][:, nodes, patients] for p in density.evaluate(x, arrays)]
    log_count, threshold = np.log(np.concatenate(counts)), np.log(measured_threshold(2))
    return probability_below(residual, threshold, log_count, sd[:, None], np)
