"""The endpoint visit of every patient of a cohort: planned, and as it took place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.endpoint import ENDPOINT_DAYS, REPORTED_DECIMALS, VISIT_WINDOW_DAYS, grade_of
from lymphokin.io.cohort import Cohort


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
        the last count up to the first fraction, or None).
    """
    if isinstance(planned, pd.Series):
        on_day = planned
    else:
        fractions = cohort.fractions.groupby("id", sort=False)["day"].max()
        on_day = fractions.reindex(cohort.patients.index).fillna(0.0) + planned
    counts = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    last_baseline = cohort.last_baseline("alc")
    rows = []
    for patient, day in on_day.items():
        own = counts[counts["id"] == patient]
        near = own[(own["day"] - day).abs() <= window]
        visit = near.loc[(near["day"] - day).abs().idxmin()] if len(near) else None
        baseline = float(last_baseline[str(patient)])
        observed = np.nan if visit is None else round(float(visit["value"]), REPORTED_DECIMALS)
        rows.append(
            {
                "id": patient,
                "planned_day": day,
                "endpoint_day": day if visit is None else float(visit["day"]),
                "observed_alc": observed,
                "observed_grade2": None if visit is None else grade_of(observed) >= 2,
                "baseline_grade": None if np.isnan(baseline) else grade_of(baseline),
            }
        )
    return pd.DataFrame(rows).set_index("id")
