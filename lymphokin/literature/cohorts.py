"""Virtual patients of the published cohorts: the same people for every value of the parameters.

Each study is a cohort of a few dozen patients on its course. Their differences are a fixed set of
quasi-random normal deviates (Sobol), shared by all studies, so that what the model predicts of a
cohort is a smooth function of the population's parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm, qmc

from lymphokin.literature.studies import Study
from lymphokin.population import CohortArrays, Hierarchy, Latents
from lymphokin.solve import Treatment, build_timeline, solve

PATIENTS = 64
"""Virtual patients per study, a power of two (Sobol)."""
SEED = 20260101


def course_days(fractions: int) -> np.ndarray:
    """Days of a weekday course that begins on a Monday."""
    order = np.arange(fractions)
    return (order + 2 * (order // 5)).astype(float)


@dataclass(frozen=True)
class Cohorts:
    """Virtual patients of several studies, study after study."""

    studies: tuple[Study, ...]
    hierarchy: Hierarchy
    arrays: CohortArrays
    study_of: np.ndarray
    """[patient] index of the patient's study"""
    deviates: np.ndarray
    """[effect, patient] standard normal differences between patients"""
    nodes: tuple[tuple[np.ndarray, ...], ...]
    """per study and counts, [day] nodes of the days clock; of baseline, the first node"""

    def log_counts(self, z: Any, log_baseline: Any, log_dose: Any) -> tuple[Any, Any]:
        """True counts of everybody.

        Args:
            z: [quantity] population latents.
            log_baseline: [study] by how much its baselines differ from the population's.
            log_dose: [study] by how much its immune dose differs from the reference.

        Returns:
            [node, patient] ln true count before any event on the node, and [component] the SDs of
            the count's residual.
        """
        population = self.hierarchy.population(z)
        mean, sd = self.hierarchy.subject_prior(population, self.arrays)
        empty = jnp.zeros((len(self.hierarchy.occasion_effects), 0))
        latents = Latents(z, mean + sd * self.deviates, jnp.zeros((0, 0)), empty)
        p, p_lanes = self.hierarchy.individuals(population, latents, self.arrays)
        p = p._replace(
            lymphocyte_baseline=p.lymphocyte_baseline * jnp.exp(log_baseline)[self.study_of],
            immune_dose_scale=p.immune_dose_scale * jnp.exp(log_dose)[self.study_of],
        )
        counts = solve(self.hierarchy.model, p, p_lanes, self.arrays.timeline).outputs["alc"]
        return jnp.log(jnp.maximum(counts, 1e-9)), population.residual_sd["alc"]


def build_cohorts(
    hierarchy: Hierarchy, studies: Sequence[Study], patients: int = PATIENTS
) -> Cohorts:
    """Virtual cohorts of the studies.

    Raises:
        ValueError: for a model without a baseline and an immune dose scale per patient.
    """
    hierarchy.model.require_counts_by_schedule("a calibration to published counts")
    table = hierarchy.model.table
    for name in ("lymphocyte_baseline", "immune_dose_scale"):
        if name not in table.parameters or table[name].between_subject_sd == 0:
            raise ValueError(
                f"model {hierarchy.model.name} cannot be calibrated: {name} must be one of its "
                "parameters and differ between patients"
            )
    courses = []
    for study in studies:
        days = course_days(study.fractions)
        wanted = [0.0, *(days[-1] + d for c in study.counts for d in c.days)]
        dose = np.full(len(days), study.course_dose_gy / len(days))
        share = np.full(len(days), 1 / len(days))
        none = np.zeros(0)
        courses += [Treatment(days, dose, share, none, none, np.asarray(wanted))] * patients
    timeline, layout = build_timeline(courses)
    total = len(courses)
    regressors = {c.regressor for p in table for c in p.covariates}
    only_without = {p.only_without for p in table if p.only_without}
    ones: dict[str, Any] = {name: jnp.ones(total) for name in only_without}
    arrays = CohortArrays(
        timeline, {name: jnp.zeros(total) for name in regressors}, ones, ones, {}, np.zeros(0, int)
    )
    effects = len(hierarchy.subject_effects)
    uniform = qmc.Sobol(effects, seed=SEED).random(patients)
    normal = norm.ppf(uniform)
    # Exactly centred and scaled, so that a cohort's mean and spread are those of its parameters.
    normal = (normal - normal.mean(axis=0)) / normal.std(axis=0)
    deviates = np.tile(normal.T, (1, len(studies)))
    nodes = tuple(
        tuple(
            layout.nodes(timeline, i * patients, course_days(s.fractions)[-1] + np.asarray(c.days))
            if c.days
            else np.zeros(1, int)
            for c in s.counts
        )
        for i, s in enumerate(studies)
    )
    arrays = jax.tree.map(jnp.asarray, arrays)
    study_of = np.repeat(np.arange(len(studies)), patients)
    return Cohorts(tuple(studies), hierarchy, arrays, study_of, deviates, nodes)
