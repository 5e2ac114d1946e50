"""Covariates that change within a patient: each value holds until the next one is stated."""

from __future__ import annotations

import numpy as np

from lymphokin.io import Cohort
from lymphokin.quantities import VaryingCovariate
from lymphokin.solve.treatment import Changes


def changes_of(cohort: Cohort, covariate: VaryingCovariate) -> list[Changes]:
    """What is stated of a covariate, per patient."""
    stated = cohort.varying[cohort.varying["covariate"] == covariate.name]
    owner = cohort.patients.index.get_indexer(stated["id"].to_numpy())
    day, value = stated["day"].to_numpy(float), stated["value"].to_numpy(float)
    own = [owner == patient for patient in range(len(cohort))]
    return [Changes(day[rows], value[rows], covariate.missing) for rows in own]


def unstated(cohort: Cohort, covariate: VaryingCovariate) -> list[str]:
    """Sentences on patients in whom a covariate counts as something that nobody stated."""
    changes = changes_of(cohort, covariate)
    first_row = cohort.observations.groupby("id")["day"].min().reindex(cohort.patients.index)
    days = [c.days[0] if len(c.days) else np.inf for c in changes]
    never = int(np.isinf(days).sum())
    late = int((np.isfinite(days) & (np.asarray(days) > first_row.to_numpy(float))).sum())
    counts = f"{covariate.missing:g} {covariate.unit}"
    return [
        f"{covariate.name} is {what} {n} patient(s), where it counts as {counts}"
        for n, what in ((never, "not stated in"), (late, "not stated from the first row on in"))
        if n
    ]
