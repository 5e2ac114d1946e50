"""Courses that nobody was fitted to, and what the calibrated model expects of them."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np
import pandas as pd

from lymphokin.literature.cohorts import build_cohorts
from lymphokin.literature.studies import Counts, Study
from lymphokin.population.draws import PopulationDraws
from lymphokin.sites import shipped_sites

DRAWS = 200
DAYS = (1.0, 14.0, 42.0)
"""Days after the last fraction."""


def course(name: str, site: str, lesions: int, fractions: int, gray: float) -> Study:
    """A course to one site as calibration describes it, to be looked at and not fitted."""
    dose = shipped_sites().by_name[site].immune_dose_per_gy * fractions * gray * lesions
    counts = Counts("one visit", DAYS, (1.0,), (0.5,))
    return Study(name, "", 1, fractions, gray, (counts,), immune_dose_gy=dose)


def standard_courses() -> tuple[Study, ...]:
    """Brain radiosurgery, and 5 x 10 Gy to one, two and five peripheral lung lesions."""
    lung = "lung_peripheral"
    return (
        course("brain, 1 lesion, 1 x 20 Gy", "brain", 1, 1, 20.0),
        course("lung, 1 lesion, 5 x 10 Gy", lung, 1, 5, 10.0),
        course("lung, 2 lesions, 5 x 10 Gy", lung, 2, 5, 10.0),
        course("lung, 5 lesions, 5 x 10 Gy", lung, 5, 5, 10.0),
    )


def expected_counts(population: PopulationDraws, courses: tuple[Study, ...]) -> pd.DataFrame:
    """Typical count over the baseline after each course, without a drug.

    Returns:
        course, day (after the last fraction), q05, q50, q95: 90 % equal-tailed interval, over new
        studies, of the geometric mean over patients of true count / baseline.
    """
    cohorts = build_cohorts(population.hierarchy, courses)
    z = population.z
    z = z[:: max(1, len(z) // DRAWS)]
    none = np.zeros(len(courses))
    log_count = np.asarray(
        jax.jit(lambda z: jax.lax.map(lambda v: cohorts.log_counts(v, none, none)[0], z))(z)
    )
    rows: list[Mapping[str, object]] = []
    for i, study in enumerate(courses):
        own = log_count[:, :, cohorts.study_of == i]
        nodes = cohorts.nodes[i][0]
        for day, node in zip(study.counts[0].days, nodes, strict=True):
            ratio = np.exp((own[:, node] - own[:, 0]).mean(axis=-1))
            low, middle, high = np.quantile(ratio, (0.05, 0.5, 0.95))
            rows.append({"course": study.name, "day": day, "q05": low, "q50": middle, "q95": high})
    return pd.DataFrame(rows)
