"""Grades at the precision a laboratory reports, and which visit is the endpoint."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.endpoint import grade_of, measured_threshold
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import load_model
from lymphokin.predict.endpoint_draws import EndpointDraws


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


@pytest.mark.parametrize(("grade", "limit"), [(2, 0.80), (3, 0.50), (4, 0.20)])
def test_a_count_that_rounds_to_the_limit_of_a_grade_is_not_of_that_grade(grade, limit):
    """A laboratory reports 0.797 as 0.80, which is no grade 2: the limit of a count is 0.795."""
    assert measured_threshold(grade) == pytest.approx(limit - 0.005, abs=1e-12)
    for count, reached in ((limit - 0.003, False), (limit - 0.007, True)):
        assert (grade_of(count) >= grade) == reached
        assert (count < measured_threshold(grade)) == reached


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


def test_of_several_counts_in_the_window_the_nearest_is_the_endpoint():
    """Planned on day 52: neither the first (48) nor the last (58), but day 53."""
    visit = endpoint_visits(cohort([(-3, 1.5), (48, 0.40), (53, 0.70), (58, 1.10)])).loc["p"]
    assert visit["planned_day"] == 52
    assert visit["endpoint_day"] == 53
    assert visit["observed_alc"] == 0.70


def test_the_last_baseline_decides_the_grade_and_the_mean_one_is_geometric():
    twice = cohort([(-10, 0.45), (-1, 1.25), (0, 0.80), (5, 0.10)])
    assert endpoint_visits(twice).loc["p", "baseline_grade"] == 1
    assert endpoint_visits(cohort([(-10, 0.45), (-1, 1.25)])).loc["p", "baseline_grade"] == 0
    assert twice.last_baseline("alc").to_dict() == {"p": 0.80}
    mean = twice.mean_baseline("alc")["p"]
    assert mean == pytest.approx((0.45 * 1.25 * 0.80) ** (1 / 3))
    never = cohort([(5, 0.7)])
    assert endpoint_visits(never).loc["p", "baseline_grade"] is None
    assert never.last_baseline("alc").isna().all()
    assert never.mean_baseline("alc").isna().all()
    assert twice.mean_baseline("mdsc").isna().all()


def test_a_chance_is_not_above_1_for_rounding():
    weights = np.full((1, 2, 1), 0.5)
    weights[0, 0, 0] = np.nextafter(0.5, 1) + 1e-16
    residual = load_model("hedos_hcc").table.residuals["alc"]
    sd = np.full((1, 1), residual.sd)
    draws = EndpointDraws(np.zeros((1, 2, 1)), sd, residual, weights, np.zeros(1))
    assert weights.sum() > 1
    assert draws.mean(np.ones((1, 2, 1))).tolist() == [1.0]
    assert draws.mean(np.array([[[0.25], [0.75]]]))[0] == pytest.approx(0.5)
