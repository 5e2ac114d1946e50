"""All checks of the patients: random effects, covariates and the replicated endpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.criticism.data.endpoint_check import EndpointCheck, endpoint_checks, judge_endpoint
from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.patients.random_effects import (
    COVARIATES,
    RandomEffects,
    covariate_table,
    judge_covariates,
    judge_shrinkage,
    random_effects,
)
from lymphokin.infer import CohortDensity
from lymphokin.report.untouched import untouched_parameters
from lymphokin.verdict import Verdict


@dataclass(frozen=True)
class PatientChecks:
    """What the random effects and the replicated endpoint say."""

    effects: RandomEffects
    patients: pd.DataFrame
    covariates: pd.DataFrame
    """every random effect against every covariate and the arm, the closest first"""
    endpoint: list[EndpointCheck]
    verdicts: tuple[Verdict, ...]


def check_patients(
    density: CohortDensity, x: np.ndarray, replicated: dict[str, Replicates]
) -> PatientChecks:
    """Shrinkage, covariates and the replicated endpoint, from flat posterior draws ``x``.

    Of a drug that nobody got there is nothing to say.
    """
    cohort = density.packed.cohort
    left_out = untouched_parameters(density.likelihood.model, cohort)
    effects = random_effects(density, x).without(left_out)
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
