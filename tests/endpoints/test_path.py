"""Summaries of a curve, against a fine grid of the same curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.endpoints import Endpoint, path

LEVEL = 0.8
FINE = 20_001


@st.composite
def curves(draw):
    """Days and ln values of a curve, some of them exactly at the level."""
    pieces = draw(st.lists(st.floats(0.1, 30.0), min_size=1, max_size=6))
    value = st.one_of(st.floats(-3.0, 1.5), st.just(float(np.log(LEVEL))))
    logs = draw(st.lists(value, min_size=len(pieces) + 1, max_size=len(pieces) + 1))
    return np.concatenate([[0.0], np.cumsum(pieces)]) + 5.0, np.array(logs)[None]


def on_a_fine_grid(day, log_value):
    fine = np.linspace(day[0], day[-1], FINE)
    return fine, np.exp(np.interp(fine, day, log_value[0]))


@pytest.mark.parametrize("what", ["lowest", "highest"])
def test_a_value_that_is_the_level_is_not_below_it(what):
    """Whole numbers come back from logarithms a little smaller, or larger, than they were."""
    levels = np.arange(1.0, 1000.0)
    assert (np.exp(np.log(levels)) < levels).any()
    declared = {"name": "x", "meaning": "of the test", "what": what, "from": "first_fraction",
                "begin": 0, "until": 30, "visits": [0, 30], "quantity": "nk"}  # fmt: skip
    for level in levels:
        endpoint = Endpoint.model_validate(declared | {"below": float(level)})
        log_value = np.log(np.array([[level, level], [level - 0.5, level - 0.5]]))
        assert endpoint.summarise(log_value, np.array([0.0, 30.0]))[1].tolist() == [False, True]


@given(curves())
def test_days_and_area_below_are_those_of_a_fine_grid(curve):
    day, log_value = curve
    fine, value = on_a_fine_grid(day, log_value)
    length = day[-1] - day[0]
    below = path.time_below(log_value, day, LEVEL)[0]
    # Rounding decides on which side a value at the level lies; a crossing costs a cell of the grid.
    least = (value < LEVEL * (1 - 1e-9)).mean() * length
    most = (value < LEVEL * (1 + 1e-9)).mean() * length
    assert least - 10 * length / FINE <= below <= most + 10 * length / FINE
    area = np.trapezoid(np.maximum(LEVEL - value, 0.0), fine)
    assert path.area_below(log_value, day, LEVEL)[0] == pytest.approx(area, rel=1e-3, abs=1e-4)


@given(curves())
def test_extremes_are_those_of_the_nodes(curve):
    day, log_value = curve
    _, value = on_a_fine_grid(day, log_value)
    assert path.lowest(log_value)[0] == pytest.approx(np.exp(log_value.min()))
    assert path.lowest(log_value)[0] <= value.min() * (1 + 1e-9)
    assert path.highest(log_value)[0] >= value.max() * (1 - 1e-9)


@given(curves())
def test_after_it_is_back_a_curve_stays_at_the_level(curve):
    day, log_value = curve
    fine, value = on_a_fine_grid(day, log_value)
    back, reached = path.back_above(log_value, day, LEVEL)
    length = day[-1] - day[0]
    assert 0 <= back[0] <= length + 1e-9
    assert reached[0] == (log_value[0, -1] >= np.log(LEVEL))
    if reached[0]:
        assert (value[fine >= day[0] + back[0] + 1e-9] >= LEVEL * (1 - 1e-9)).all()
        just_before = np.interp(day[0] + back[0] - 1e-6, day, log_value[0])
        assert back[0] < 1e-6 or just_before < np.log(LEVEL) + 1e-9


def test_a_curve_by_hand():
    # 1.6 to 0.4 over 10 days crosses 0.8 in the middle; 0.4 for 4 days; back to 1.6 within 10.
    day, log_value = np.array([0.0, 10.0, 14.0, 24.0]), np.log([[1.6, 0.4, 0.4, 1.6]])
    assert path.time_below(log_value, day, 0.8)[0] == pytest.approx(14.0)
    assert path.back_above(log_value, day, 0.8)[0][0] == pytest.approx(19.0)
    falling = 5 * 0.8 - (0.8 - 0.4) * 5 / np.log(2)
    assert path.area_below(log_value, day, 0.8)[0] == pytest.approx(2 * falling + 4 * 0.4)
    never = path.back_above(log_value[:, :3], day[:3], 0.8)
    assert (never[0][0], never[1][0]) == (14.0, False)
