"""A number is shown in one way, wherever it stands."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.pages import wording

probabilities = st.floats(0, 1)


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0, "< 1"), (0.002, "< 1"), (0.005, "1"), (0.125, "13"), (0.994, "99"), (0.995, "> 99"),
     (1, "> 99"), (math.nan, "–")],
)  # fmt: skip
def test_a_probability_is_never_rounded_to_impossible_or_certain(probability, shown):
    assert wording.of_100(probability) == shown
    if shown != "–":
        assert wording.percent(probability) == f"{shown} %"
        assert wording.percent_range(probability, 0.4) == f"{shown} to 40 %"


@given(probabilities)
def test_a_shown_probability_is_within_half_a_hundredth(p):
    shown = wording.of_100(p)
    if shown == "< 1":
        assert p < 0.005
    elif shown == "> 99":
        assert p >= 0.995
    else:
        assert abs(int(shown) / 100 - p) <= 0.005 + 1e-12


def test_a_counted_share_may_be_none_or_all():
    assert [wording.counted(s) for s in (0, 0.001, 0.5, 1)] == ["0 %", "< 1 %", "50 %", "100 %"]


def test_differences_keep_their_sign_and_have_no_negative_zero():
    assert wording.points(-0.07) == "−7"
    assert wording.points(0.07) == "7"
    assert wording.points(-0.002) == "0"
    assert wording.points_range(-0.4, 0.1) == "−40 to 10"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234567.0, "1.23e+06"), (0.00012, "1.20e−04"), (1234.5, "1 234"), (-0.5, "−0.500"),
     (0, "0"), (math.inf, "∞"), (None, "–")],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value, shown):
    assert wording.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.5"), (0.51234567, "0.512"), (12345, "12300"), (-2.0, "−2")]
)
def test_assumed_numbers_have_at_most_three_digits(value, shown):
    assert wording.plain(value) == shown


def test_ids_that_are_cut_stay_different():
    ids = ["site-01-very-long-0001", "site-01-very-long-0002"]
    cut = wording.distinct(ids)
    assert len(set(cut)) == 2
    assert max(map(len, cut)) <= 16
