"""All checks of what was learnt, and of how far results rest on the prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.criticism.teaching.composites import Composite, composites, judge_composites
from lymphokin.criticism.teaching.prior_sensitivity import (
    Identifiability,
    identifiability,
    judge_conflict,
    judge_contraction,
    judge_identifiability,
    judge_power_scaling,
    power_scaling,
    withheld,
)
from lymphokin.criticism.teaching.reference_courses import ReferenceCourses
from lymphokin.infer.prior_conflict import prior_conflicts
from lymphokin.predict import chosen_draws
from lymphokin.report.untouched import untouched_quantities
from lymphokin.run import Fit
from lymphokin.verdict import Verdict

SENSITIVITY_DRAWS = 4000
"""Posterior draws for the sensitivity to the prior: a derivative needs more than a band."""


@dataclass(frozen=True)
class Teaching:
    """What the data taught, and what is the prior still.

    ``draws``: prior and posterior draws of the composites and of the population quantities, of
    those that the model has a solution for in every posterior draw and in some prior draw; without
    those that the data do not touch.
    """

    draws: dict[str, tuple[np.ndarray, np.ndarray]]
    composites: list[Composite]
    courses: str
    """of the composites' typical patient, in words"""
    sensitivity: pd.DataFrame
    directions: Identifiability
    verdicts: tuple[Verdict, ...]
    believed: bool
    """whether the draws can be believed, so that words on what was learnt can stand"""


def check_teaching(fit: Fit, seed: int) -> Teaching:
    """Contraction, composites, sensitivity to the prior and local identifiability of a fit."""
    density, z = fit.density, chosen_draws(fit.population_z(), SENSITIVITY_DRAWS, seed)
    learnt = composites(density, z, seed)
    prior, natural = fit.draws["prior"], density.natural(z)
    left_out = untouched_quantities(fit.model, fit.cohort)
    quantities = {
        name: (prior[name].to_numpy().ravel(), after)
        for name, after in natural.items()
        if name not in left_out
    }
    solved = [c for c in learnt if len(c.prior) and len(c.posterior) == len(z)]
    draws = {c.name: (c.prior, c.posterior) for c in solved} | quantities
    results = {name: after for name, (_, after) in draws.items()}
    sensitivity = power_scaling(results, z, density.log_prior(z))
    directions = identifiability(density, fit.x, left_out)
    believed = fit.convergence["level"] != "bad"
    conflicts = prior_conflicts(fit.model, density.prior_scores(fit.population_z()))
    judged = [judge_contraction(fit.summary[~fit.summary["name"].isin(left_out)])]
    if learnt:
        judged.insert(0, judge_composites(learnt))
    verdicts = (
        *(judged if believed else map(withheld, judged)),
        *([judge_conflict(fit.provenance["prior_conflict"], conflicts)] if believed else []),
        judge_power_scaling(sensitivity, [c.name for c in solved] or list(quantities)),
        judge_identifiability(directions),
    )
    courses = str(ReferenceCourses.of(fit.model, fit.cohort))
    return Teaching(draws, learnt, courses, sensitivity, directions, verdicts, believed)
