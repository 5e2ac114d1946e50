"""Differences between patients: how much of them the data show, and what covariates explain.

Shrinkage after Savic and Karlsson 2009 (doi:10.1208/s12248-009-9133-0). Covariates are judged on
random effects drawn from each patient's posterior, not on their shrunken means: draws are
independent standard normals under the model, whatever the shrinkage (Lavielle and Ribba 2016,
doi:10.1007/s11095-016-2020-3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy import stats

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.infer.density import CohortDensity
from lymphokin.pages.wording import fixed, joined
from lymphokin.population import CohortArrays, CohortLikelihood, Latents
from lymphokin.quantities import records_of
from lymphokin.verdict import FINE, LOOK, Verdict, level_of

SHRUNKEN = 0.3
"""Shrinkage above which means of random effects mislead (20 to 30 %: Savic and Karlsson 2009)."""
COVARIATE_DRAWS = 200
FEWEST_PATIENTS = 10
FEWEST_IN_CATEGORY = 3
COVARIATES = ("centre", "site", "sex", "age", "bsa", "n_lesions", "ptv_cm3", "immune_dose_gy")


@dataclass(frozen=True)
class RandomEffects:
    """Random effects in units of their SD between patients, drawn from the posterior.

    ``names``: the parameters; ``eta``: [draw, effect, patient], NaN where a patient has none (a
    drug that was not given, an immune dose that is known).
    """

    names: tuple[str, ...]
    patients: tuple[str, ...]
    eta: np.ndarray

    def shrinkage(self) -> pd.Series:
        """Per parameter, 1 - SD over patients of the posterior mean of eta (its SD is 1)."""
        with np.errstate(invalid="ignore"):
            mean = self.eta.mean(axis=0)
        return pd.Series(1 - np.nanstd(mean, axis=1), index=list(self.names))

    def without(self, left_out: Collection[str]) -> RandomEffects:
        """The random effects of all other parameters."""
        kept = [i for i, name in enumerate(self.names) if name not in left_out]
        return RandomEffects(tuple(self.names[i] for i in kept), self.patients, self.eta[:, kept])


@partial(jax.jit, static_argnums=0)
def _of_subjects(
    likelihood: CohortLikelihood, latents: Latents, arrays: CohortArrays
) -> dict[str, jax.Array]:
    """[draw, patient] random effects of the parameters in which all patients differ."""
    hierarchy = likelihood.hierarchy

    def one(drawn: Latents) -> dict[str, jax.Array]:
        population = hierarchy.population(drawn.population)
        mean, _ = hierarchy.subject_prior(population, hierarchy.filled(arrays, drawn))
        centre = drawn._replace(subject=mean)
        here, there = (hierarchy.individuals(population, v, arrays)[0] for v in (drawn, centre))
        effects = {}
        for p in hierarchy.subject_effects:
            # What lesions add to a patient's own deviation is in both.
            own = [jnp.atleast_2d(getattr(values, p.name))[0] for values in (here, there)]
            scale = [p.to_transformed(value / p.per_day) for value in own]
            sd_ratio = arrays.sd_ratio[p.only_without] if p.only_without else 1.0
            sd = population.between_subject_sd[p.name] * sd_ratio
            effects[p.name] = (scale[0] - scale[1]) / jnp.where(sd > 0, sd, jnp.nan)
        return effects

    return jax.lax.map(one, latents)


def random_effects(density: CohortDensity, x: np.ndarray) -> RandomEffects:
    """Random effects of every patient from flat draws ``x`` [draw, latent]."""
    hierarchy, arrays = density.hierarchy, density.arrays
    latents = jax.vmap(density.unravel())(jnp.asarray(x))
    drawn = _of_subjects(density.likelihood, latents, arrays)
    effects = {name: np.broadcast_to(v, (len(x), arrays.patients)) for name, v in drawn.items()}
    of_treated = jax.vmap(
        lambda of: hierarchy.treated_deviates(hierarchy.population(of.population), of)
    )(latents)
    for name, deviates in of_treated.items():
        of_all = np.full((len(x), arrays.patients), np.nan)
        of_all[:, np.asarray(arrays.treated_patient)] = deviates
        effects[name] = of_all
    patients = tuple(map(str, density.packed.cohort.patients.index))
    empty = np.zeros((len(x), 0, arrays.patients))
    eta = np.stack(list(effects.values()), axis=1) if effects else empty
    return RandomEffects(tuple(effects), patients, np.asarray(eta))


def residual_shrinkage(r: Replicates) -> float:
    """1 - SD of the individual weighted residuals of one quantity (their SD is 1), uncensored.

    The residual is that around the posterior median of the patient's prediction, over the mean
    residual SD.
    """
    error = r.standardised(np.median(r.fitted, axis=0), r.sd.mean(axis=0))
    weighted = error / r.error_distribution().std()
    return float(1 - weighted[~r.censored].std())


def _negative(r: Replicates, shrinkage: float) -> bool:
    """Whether residuals scatter wider than fitted, beyond the error of their SD (one-sided 5 %).

    The SD of n numbers has the relative error sqrt((excess kurtosis + 2) / 4 n).
    """
    excess = float(r.error_distribution().stats(moments="k"))
    error = np.sqrt((excess + 2) / (4 * (~r.censored).sum()))
    return shrinkage < stats.norm.ppf(0.05) * error


def judge_shrinkage(effects: RandomEffects, quantities: Sequence[Replicates]) -> list[Verdict]:
    """Do the data show the differences between patients, and the noise of each measurement?"""
    verdicts = []
    if effects.names:
        shrinkage = effects.shrinkage()
        lost = list(shrinkage.index[shrinkage > SHRUNKEN])
        sentence = (
            f"Shrinkage of the random effects is {fixed(100 * shrinkage.min(), 0)} to "
            f"{fixed(100 * shrinkage.max(), 0)} %; "
            + (
                f"above {100 * SHRUNKEN:.0f} % for {joined(lost)}: what single patients have "
                "there comes from the population, not from their data."
                if lost
                else f"nowhere above {100 * SHRUNKEN:.0f} %."
            )
        )
        numbers = {str(name): float(value) for name, value in shrinkage.items()}
        level = LOOK if lost else FINE
        verdicts.append(
            Verdict("shrinkage of random effects", "patients", level, sentence, numbers)
        )
    if not quantities:
        return verdicts
    shrunk = {r.quantity: residual_shrinkage(r) for r in quantities}
    lost = [records_of(q) for q, value in shrunk.items() if value > SHRUNKEN]
    shares = joined(f"{fixed(100 * value, 0)} % for {records_of(q)}" for q, value in shrunk.items())
    sentence = f"Shrinkage of the residuals is {shares}" + (
        f"; where it is above {100 * SHRUNKEN:.0f} % the fit follows single records, and residuals "
        "around individual predictions say little."
        if lost
        else "."
    )
    negative = [records_of(r.quantity) for r in quantities if _negative(r, shrunk[r.quantity])]
    if negative:
        sentence += (
            f" It is negative for {joined(negative)}: records lie further from their own "
            "predictions than the fitted residual says."
        )
    level = LOOK if lost or negative else FINE
    verdicts.append(Verdict("shrinkage of residuals", "records", level, sentence, shrunk))
    return verdicts


def covariate_table(
    effects: RandomEffects, patients: pd.DataFrame, columns: Sequence[str] = COVARIATES
) -> pd.DataFrame:
    """Every random effect against every covariate that the cohort has.

    Args:
        patients: the cohort's patients, in the order of the effects.
        columns: the covariates; also ``("arm",)``, between which random effects cannot differ but
            by chance where patients were randomised.

    Returns:
        one row per pair: effect, covariate, n, statistic (mean over draws: Spearman's correlation,
        or the share of variance between categories), p (twice the mean over draws, a valid
        probability: Vovk and Wang 2020, doi:10.1093/biomet/asaa027) and p_adjusted (Holm).
    """
    every = max(1, len(effects.eta) // COVARIATE_DRAWS)
    rows = []
    for i, name in enumerate(effects.names):
        draws = effects.eta[::every, i]
        for column in columns:
            values = patients[column]
            complete = values.notna().to_numpy() & np.isfinite(draws).all(axis=0)
            relation = _relation(draws[:, complete], values[complete])
            if relation is not None:
                statistic, p = relation
                rows.append((name, column, int(complete.sum()), statistic.mean(), 2 * p.mean()))
    table = pd.DataFrame(rows, columns=["effect", "covariate", "n", "statistic", "p"])
    table["p"] = table["p"].clip(upper=1.0)
    table = table.sort_values("p", kind="stable", ignore_index=True)
    left = len(table) - np.arange(len(table))
    table["p_adjusted"] = (table["p"] * left).cummax().clip(upper=1.0)
    return table


def _relation(draws: np.ndarray, values: pd.Series) -> tuple[np.ndarray, np.ndarray] | None:
    """[draw] strength and probability of a relation of draws [draw, patient] with a covariate."""
    if not pd.api.types.is_numeric_dtype(values):
        sizes = values.value_counts()
        kept = values.isin(sizes.index[sizes >= FEWEST_IN_CATEGORY]).to_numpy()
        draws, values = draws[:, kept], values[kept]
        groups = [draws[:, (values == name).to_numpy()] for name in values.unique()]
        if len(values) < FEWEST_PATIENTS or len(groups) < 2:
            return None
        p = stats.f_oneway(*groups, axis=1).pvalue
        between = sum(g.shape[1] * (g.mean(axis=1) - draws.mean(axis=1)) ** 2 for g in groups)
        return np.asarray(between / (draws.var(axis=1) * len(values))), np.asarray(p)
    if len(values) < FEWEST_PATIENTS or values.nunique() < 3:
        return None
    rank = np.broadcast_to(stats.rankdata(values.astype(float)), draws.shape)
    correlation = stats.pearsonr(np.argsort(np.argsort(draws, axis=1), axis=1), rank, axis=1)
    return np.asarray(correlation.statistic), np.asarray(correlation.pvalue)


def judge_covariates(table: pd.DataFrame, name: str) -> Verdict:
    """Does a covariate explain what the model leaves to chance? ``name``: of the check."""
    first = table.iloc[0]
    p = float(first["p_adjusted"])
    sentence = (
        f"Of {len(table)} pairs of a random effect and a covariate the closest is "
        f"{first['effect']} with {first['covariate']} (strength {fixed(first['statistic'])} in "
        f"{first['n']} patients); a pair as close among all of them has probability {p:.2g} by "
        "chance."
    )
    numbers = {"pairs": len(table), "strength": float(first["statistic"]), "p": p}
    return Verdict(name, "patients", level_of(p), sentence, numbers)
