"""The endpoint visit of every patient of a cohort: planned, and as it took place."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lymphokin.endpoint import ENDPOINT_DAYS, VISIT_WINDOW_DAYS, grade_of
from lymphokin.io.cohort import Cohort
from lymphokin.io.known import exact_grades, reported


def endpoint_visits(
    cohort: Cohort, planned: pd.Series | float = ENDPOINT_DAYS, window: float = VISIT_WINDOW_DAYS
) -> pd.DataFrame:
    """Endpoint visit of every patient.

    Args:
        cohort: the cohort.
        planned: day of each patient's planned visit, index id; or days from the last fraction.
        window: a count this near to the planned day is the endpoint visit.

    Returns:
        index id; ``planned_day``, ``endpoint_day`` (the day of the nearest count within the window,
        else the planned day), ``observed_alc`` (that count
        as reported, NaN if none), ``observed_grade2`` (bool, or None) and ``baseline_grade`` (of
        the last count up to the first fraction, or None). A count of which only limits are known
        stands at its limit where that settles grade 2, as of ``<0.6``, and is not known elsewhere,
        as of ``>0.5``.
    """
    if isinstance(planned, pd.Series):
        on_day = planned
    else:
        fractions = cohort.fractions.groupby("id", sort=False)["day"].max()
        on_day = fractions.reindex(cohort.patients.index).fillna(0.0) + planned
    counts = cohort.observations
    counts = counts[(counts["quantity"] == "alc") & counts["value"].notna()]
    away = (counts["day"] - counts["id"].map(on_day)).abs()
    near = counts.assign(away=away)[away <= window]
    near = near.sort_values("away", kind="stable").drop_duplicates("id")
    visit = near.set_index("id").reindex(on_day.index)
    counts = dict(zip(near["id"], reported(near, 2).tolist(), strict=True))
    observed = [counts.get(patient, math.nan) for patient in on_day.index]
    baseline = cohort.before_treatment("alc").drop_duplicates("id", keep="last")
    before = dict(zip(baseline["id"], exact_grades(baseline), strict=True))
    return pd.DataFrame(
        {
            "planned_day": on_day.to_numpy(float),
            "endpoint_day": visit["day"].fillna(on_day).to_numpy(),
            "observed_alc": observed,
            "observed_grade2": [None if np.isnan(v) else grade_of(v) >= 2 for v in observed],
            "baseline_grade": [before.get(patient) for patient in on_day.index],
        },
        index=pd.Index([*on_day.index], name="id"),
    )
