"""Grades at the precision a laboratory reports, and which visit is the endpoint."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.endpoint import grade_of, measured_threshold
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits


@pytest.mark.parametrize(
    ("count", "grade"),
    [
        (0.80, 1),
        (0.7999999999999999, 1),
        (0.795, 1),
        (0.79, 2),
        (0.50, 2),
        (0.49, 3),
        (0.20, 3),
        (0.19, 4),
        (1.40, 0),
    ],
)
def test_grade_is_read_at_two_decimals(count, grade):
    assert grade_of(count) == grade


@given(st.floats(0.01, 5.0), st.sampled_from([2, 3, 4]))
def test_the_threshold_of_a_measurement_agrees_with_the_grade(count, grade):
    # Exactly halfway the rounding of binary fractions decides; everywhere else they must agree.
    if abs(count - measured_threshold(grade)) > 1e-9:
        assert (grade_of(count) >= grade) == (count < measured_threshold(grade))


def cohort(days_and_counts: list[tuple[float, float]], last_fraction: float = 10.0) -> Cohort:
    return Cohort(
        patients=pd.DataFrame(index=pd.Index(["p"], name="id")),
        fractions=pd.DataFrame(
            {"id": "p", "day": [0.0, last_fraction], "prescribed_gy": 8.0, "lesion": 0}
        ),
        doses=pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        observations=pd.DataFrame(
            [{"id": "p", "day": d, "quantity": "alc", "value": v} for d, v in days_and_counts]
        ),
    )


def test_the_endpoint_is_the_count_nearest_to_six_weeks_after_the_last_fraction():
    visit = endpoint_visits(cohort([(-3, 0.75), (48, 0.85), (54, 0.79), (63, 1.0)])).loc["p"]
    assert visit["endpoint_day"] == 54
    assert visit["observed_alc"] == 0.79
    assert bool(visit["observed_grade2"]) is True
    assert visit["baseline_grade"] == 2  # lymphopenic before treatment


def test_without_a_count_within_a_week_the_planned_day_stands():
    visit = endpoint_visits(cohort([(-3, 1.5), (63, 0.6)])).loc["p"]
    assert visit["endpoint_day"] == 52
    assert pd.isna(visit["observed_alc"])
    assert visit["observed_grade2"] is None
