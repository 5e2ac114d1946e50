"""All checks of one fit, from its posterior draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.criticism.data.endpoint_check import EndpointCheck, endpoint_checks, judge_endpoint
from lymphokin.criticism.data.goodness_of_fit import (
    GoodnessOfFit,
    goodness_of_fit,
    judge_goodness_of_fit,
)
from lymphokin.criticism.data.npde import judge_prediction_errors, normal_scores, prediction_errors
from lymphokin.criticism.data.replicates import Replicates, replicate
from lymphokin.criticism.data.residuals import (
    Trend,
    individual_residuals,
    individual_trend,
    judge_trends,
    population_trends,
)
from lymphokin.criticism.data.uniformity import Uniformity, uniformity
from lymphokin.criticism.data.visual_check import (
    Kind,
    VisualCheck,
    judge_visual_checks,
    visual_checks,
)
from lymphokin.criticism.patients.random_effects import (
    COVARIATES,
    RandomEffects,
    covariate_table,
    judge_covariates,
    judge_shrinkage,
    random_effects,
)
from lymphokin.criticism.teaching.composites import Composite, composites, judge_composites
from lymphokin.criticism.teaching.prior_sensitivity import (
    Identifiability,
    identifiability,
    judge_contraction,
    judge_identifiability,
    judge_power_scaling,
    power_scaling,
)
from lymphokin.infer import CohortDensity
from lymphokin.predict import chosen_draws
from lymphokin.run import Fit
from lymphokin.verdict import Verdict

SENSITIVITY_DRAWS = 4000
"""Posterior draws for the sensitivity to the prior: a derivative needs more than a band."""
VISUAL_CHECKS: tuple[Kind, ...] = ("as measured", "relative to baseline", "prediction-corrected")


@dataclass(frozen=True)
class DataChecks:
    """What replicated records say of one quantity."""

    quantity: str
    goodness_of_fit: GoodnessOfFit
    trends: list[Trend]
    visual: list[list[VisualCheck]]
    """of each kind, those of every arm"""
    errors: Uniformity
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class PatientChecks:
    """What the random effects and the replicated endpoint say."""

    effects: RandomEffects
    patients: pd.DataFrame
    covariates: pd.DataFrame
    """every random effect against every covariate and the arm, the closest first"""
    endpoint: list[EndpointCheck]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Teaching:
    """What the data taught, and what is the prior still.

    ``draws``: prior and posterior draws of the composites and of the population quantities.
    """

    draws: dict[str, tuple[np.ndarray, np.ndarray]]
    composites: list[Composite]
    sensitivity: pd.DataFrame
    directions: Identifiability
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Criticism:
    """All checks of a fit, and their verdicts in the order of the page."""

    data: dict[str, DataChecks]
    patients: PatientChecks
    teaching: Teaching
    draws: int

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every verdict."""
        of_data = tuple(v for checks in self.data.values() for v in checks.verdicts)
        return of_data + self.patients.verdicts + self.teaching.verdicts


def check_data(r: Replicates, seed: int) -> DataChecks:
    """Goodness of fit, residuals, predictive checks and prediction errors of one quantity."""
    fit = goodness_of_fit(r)
    scores = normal_scores(errors := prediction_errors(r, seed))
    residuals = individual_residuals(r, seed)
    uniform = uniformity(errors)
    individual, population = [], []
    for against in ("time", "prediction"):
        trend = individual_trend(r, residuals, against, seed)
        individual += [] if trend is None else [trend]
        population += population_trends(r, scores, against, seed)
    visual = [checks for kind in VISUAL_CHECKS if (checks := visual_checks(r, kind))]
    verdicts = [
        judge_goodness_of_fit(fit),
        *(judge_trends(trends) for trends in (individual, population) if trends),
        *map(judge_visual_checks, visual),
        judge_prediction_errors(r.quantity, scores, uniform),
    ]
    trends = individual + population
    return DataChecks(r.quantity, fit, trends, visual, uniform, tuple(verdicts))


def check_patients(
    density: CohortDensity, x: np.ndarray, replicated: dict[str, Replicates]
) -> PatientChecks:
    """Shrinkage, covariates and the replicated endpoint, from flat posterior draws ``x``."""
    cohort = density.packed.cohort
    effects = random_effects(density, x)
    verdicts = judge_shrinkage(effects, list(replicated.values()))
    tables = []
    for columns, name in (
        (("arm",), "random effects between arms"),
        (COVARIATES, "random effects against covariates"),
    ):
        table = covariate_table(effects, cohort.patients, columns)
        if len(table):
            tables.append(table)
            verdicts.append(judge_covariates(table, name))
    endpoint = endpoint_checks(cohort, replicated["alc"]) if "alc" in replicated else []
    verdicts += map(judge_endpoint, endpoint)
    pairs = pd.concat(tables).sort_values("p", kind="stable") if tables else pd.DataFrame()
    return PatientChecks(effects, cohort.patients, pairs, endpoint, tuple(verdicts))


def check_teaching(fit: Fit, density: CohortDensity, seed: int) -> Teaching:
    """Contraction, composites, sensitivity to the prior and local identifiability of a fit."""
    x = chosen_draws(fit.x, SENSITIVITY_DRAWS, seed)
    z = x[:, : len(density.hierarchy.quantities)]
    found = composites(density, z, seed)
    prior, natural = fit.draws["prior"], density.natural(z)
    own = {name: (prior[name].to_numpy(), after) for name, after in natural.items()}
    draws = {c.name: (c.prior, c.posterior) for c in found} | own
    sensitivity = power_scaling({name: after for name, (_, after) in draws.items()}, z)
    directions = identifiability(density, x)
    verdicts = (
        judge_composites(found),
        judge_contraction(fit.summary),
        judge_power_scaling(sensitivity, [c.name for c in found]),
        judge_identifiability(directions),
    )
    return Teaching(draws, found, sensitivity, directions, verdicts)


def criticise(fit: Fit, density: CohortDensity, draws: int, seed: int) -> Criticism:
    """Check a fit against its own data and its prior.

    Args:
        fit: the fit.
        density: its cohort.
        draws: posterior draws, each a simulated trial.
        seed: of the random numbers.
    """
    x = chosen_draws(fit.x, draws, seed)
    replicated = replicate(density, x, seed)
    return Criticism(
        {quantity: check_data(r, seed) for quantity, r in replicated.items()},
        check_patients(density, x, replicated),
        check_teaching(fit, density, seed),
        len(x),
    )
