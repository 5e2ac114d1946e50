"""Treatment calendars: weekdays, pulses, repeated doses."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.regimens import usual_pulses
from lymphokin.schedule import Course, PulseCalendar, expand_repeats, fractions, treatment_days

MONDAY, WEDNESDAY, FRIDAY = date(2026, 3, 9), date(2026, 3, 11), date(2026, 3, 13)


@pytest.mark.parametrize(
    ("start", "n", "gap", "days"),
    [
        (MONDAY, 5, 1, [0, 1, 2, 3, 4]),
        (WEDNESDAY, 5, 1, [0, 1, 2, 5, 6]),
        (FRIDAY, 3, 1, [0, 3, 4]),
        (MONDAY, 5, 2, [0, 2, 4, 7, 9]),
        (FRIDAY, 2, 2, [0, 3]),
        (MONDAY, 1, 7, [0]),
        (MONDAY, 10, 1, [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]),
    ],
)
def test_fractions_fall_on_the_expected_days(start, n, gap, days):
    assert treatment_days(n, start.weekday(), gap).tolist() == days


@given(st.integers(1, 40), st.integers(0, 4), st.integers(1, 10), st.integers(0, 30))
def test_no_fraction_on_a_weekend_and_gaps_are_kept(n, weekday, gap, earliest):
    days = treatment_days(n, weekday, gap, earliest)
    assert len(days) == n
    assert days[0] >= earliest
    assert ((weekday + days) % 7 < 5).all()
    assert (np.diff(days) >= gap).all()
    assert (np.diff(days) <= gap + 2).all()


def test_a_start_on_a_weekend_is_refused():
    with pytest.raises(ValueError, match="weekday"):
        fractions([Course(10, 5)], MONDAY + timedelta(days=5))


def test_lesions_are_treated_side_by_side_or_one_after_the_other():
    table = fractions([Course(10, 3, lesion=1), Course(8, 3, lesion=2, earliest=2)], MONDAY)
    assert table["day"].tolist() == [0, 1, 2, 2, 3, 4]
    assert table["lesion"].tolist() == [1, 1, 1, 2, 2, 2]
    assert table["prescribed_gy"].tolist() == [10, 10, 10, 8, 8, 8]


def test_day_zero_is_the_first_fraction():
    with pytest.raises(ValueError, match="day 0"):
        fractions([Course(10, 3, earliest=1)], MONDAY)
    with pytest.raises(ValueError, match="day 0"):
        fractions([], MONDAY)


def test_the_trial_regimen():
    doses = usual_pulses("atra").doses(bsa=1.8)
    assert doses["day"].tolist() == [0, 1, 2, 21, 22, 23, 42, 43, 44, 63, 64, 65]
    assert doses["amount_mg"].unique().tolist() == [270]
    assert set(doses["drug"]) == {"atra"}


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.floats(0.5, 2.5))
def test_splitting_the_daily_dose_keeps_the_total(per_day, days, cycles, bsa):
    regimen = PulseCalendar("atra", 150, days, 21, cycles, per_day, first_dose_day=0.25)
    doses = regimen.doses(bsa)
    assert len(doses) == per_day * days * cycles
    assert doses["amount_mg"].sum() == pytest.approx(150 * bsa * days * cycles)
    assert doses["day"].is_monotonic_increasing
    assert doses["day"].iloc[0] == 0.25
    assert np.diff(doses["day"]).min(initial=np.inf) >= 1 / per_day - 1e-9


def test_overlapping_pulses_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        PulseCalendar("atra", 150, 5, 3, 4)


def test_additional_doses_unfold_in_record_order():
    record, day = expand_repeats(
        np.array([0.0, 1.0, 5.0]), np.array([21.0, np.nan, 0.5]), np.array([2, 0, 1])
    )
    assert record.tolist() == [0, 0, 0, 1, 2, 2]
    assert day.tolist() == [0, 21, 42, 1, 5, 5.5]
