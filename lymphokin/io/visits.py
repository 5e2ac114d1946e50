"""The endpoint visit of every patient of a cohort: planned, and as it took place."""

from __future__ import annotations

import pandas as pd

from lymphokin.endpoint import ENDPOINT_DAYS, REPORTED_DECIMALS, VISIT_WINDOW_DAYS
from lymphokin.io.cohort import Cohort
from lymphokin.io.known import exact_grades, graded, of_one_grade


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
        the last count up to the first fraction, or None). What the limits of a count leave open is
        not known: of ``>0.5`` neither the count nor the grade, of ``<0.6`` the grade is 2 or worse.
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
    counted = near[of_one_grade(near)].set_index("id")["value"].reindex(on_day.index)
    baseline = cohort.before_treatment("alc").drop_duplicates("id", keep="last")
    grade2 = dict(zip(near["id"], graded(near, 2), strict=True))
    before = dict(zip(baseline["id"], exact_grades(baseline), strict=True))
    return pd.DataFrame(
        {
            "planned_day": on_day.to_numpy(float),
            "endpoint_day": visit["day"].fillna(on_day).to_numpy(),
            "observed_alc": [round(float(v), REPORTED_DECIMALS) for v in counted],
            "observed_grade2": [grade2.get(patient) for patient in on_day.index],
            "baseline_grade": [before.get(patient) for patient in on_day.index],
        },
        index=pd.Index([*on_day.index], name="id"),
    )
