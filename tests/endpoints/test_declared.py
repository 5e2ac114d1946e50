"""Endpoints by name, in files, and what is wrong with a declaration."""

import numpy as np
import pytest

from lymphokin.endpoints import DEFAULT, Endpoint, at_day, read_endpoint, shipped_endpoints
from lymphokin.io.problems import BadInput

NADIR = """[endpoints.nadir]
meaning = "Lowest count during radiotherapy"
what = "lowest"
from = "first_fraction"
until = 14
visits = [7, 14]
"""


def test_the_default_is_the_trials_primary_endpoint():
    asked = shipped_endpoints()[DEFAULT]
    assert (asked.what, asked.reference, asked.day) == ("at", "last_fraction", 42)


@pytest.mark.parametrize(
    ("what", "keys", "number", "happens"),
    [
        ("lowest", {"below": 0.5}, 0.4, True),
        ("lowest", {"below": 0.3}, 0.4, False),
        ("highest", {"below": 1.7}, 1.6, True),
        ("highest", {"below": 1.5}, 1.6, False),
        ("time_below", {"below": 0.8, "at_least": 13}, 14.0, True),
        ("time_below", {"below": 0.8, "at_least": 15}, 14.0, False),
        ("time_below", {"below": 0.8}, 14.0, None),
        ("area_below", {"below": 0.8, "at_least": 3}, 9.6 - 4 / np.log(2), True),
        ("area_below", {"below": 0.8, "at_least": 4}, 9.6 - 4 / np.log(2), False),
        ("back_above", {"below": 0.8}, 19.0, False),
        ("back_above", {"below": 1.7}, 24.0, True),
    ],
)
def test_a_curve_has_the_number_and_the_event_that_are_declared(what, keys, number, happens):
    """Down from 1.6 to 0.4 in 10 days, 4 days there, back in 10: through 0.8 on days 5 and 19."""
    day, log_value = np.array([0.0, 10.0, 14.0, 24.0]), np.log([[1.6, 0.4, 0.4, 1.6]])
    declared = {"name": "x", "meaning": "x", "from": "first_fraction", "until": 24, "visits": [24]}
    endpoint = Endpoint.model_validate(declared | {"what": what} | keys)
    found, event = endpoint.summarise(log_value, day)
    assert found[0] == pytest.approx(number)
    assert endpoint.has_event == (happens is not None)
    assert event is happens if happens is None else event[0] == happens


def test_a_file_with_one_endpoint_is_enough_and_of_several_one_is_named(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(NADIR)
    assert read_endpoint(file).name == "nadir"
    file.write_text(NADIR + NADIR.replace("nadir", "other"))
    assert read_endpoint(f"{file}:other").name == "other"
    with pytest.raises(BadInput, match=f"one: {file}:nadir, {file}:other"):
        read_endpoint(file)
    with pytest.raises(BadInput, match="one of nadir, other"):
        read_endpoint(f"{file}:third")


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(
        BadInput, match=r"one of grade2_week6, .*week15, .*, a day as day30, .* or a TOML file"
    ):
        read_endpoint("grade4_ever")


def test_any_day_can_be_asked_for():
    assert (at_day(30).reference, at_day(30).day) == ("first_fraction", 30)
    with pytest.raises(BadInput, match="a day from 0 to 3650"):
        at_day(-5)


def test_a_level_of_ones_own_on_a_day_is_refused_and_never_ignored(tmp_path):
    file = tmp_path / "mine.toml"
    text = '[endpoints.x]\nmeaning = "x"\nwhat = "at"\nfrom = "last_fraction"\nday = 28\n'
    file.write_text(text)
    assert read_endpoint(file).on_a_day
    file.write_text(text + "below = 0.5\n")
    with pytest.raises(BadInput, match="no below, as `what` is at"):
        read_endpoint(file)


@pytest.mark.parametrize(("line", "expected"), [
    ('what = "mean"', "'at', 'lowest'"),
    ("untill = 14", "one of the keys meaning, quantity, what, from"),
    ("until = 0", "greater than 0"),
    ("begin = 20", "an until after begin"),
    ("visits = [7, 21]", "visits in increasing order from begin to until"),
    ("visits = []", "at least one"),
    ("day = 42", "no day, as `what` is lowest"),
    ("at_least = 3", "at_least only where"),
    ('what = "time_below"', "below, the level"),
    ("until = nan", "finite"),
    ("above = 2", "no above or lesions, as `what` is lowest"),
    ('what = "fold"', "a day, as `what` is fold"),
])  # fmt: skip
def test_a_bad_declaration_is_one_message_with_file_key_and_what_was_expected(
    tmp_path, line, expected
):
    file = tmp_path / "mine.toml"
    key = line.split()[0]
    rest = [kept for kept in NADIR.splitlines() if kept.split()[0] != key]
    file.write_text("\n".join([*rest, line]))
    with pytest.raises(BadInput) as refused:
        read_endpoint(file)
    assert "mine.toml" in str(refused.value)
    assert "endpoints.nadir" in str(refused.value)
    assert expected in str(refused.value)


@pytest.mark.parametrize(("text", "expected"), [
    ("not toml [", "a TOML file"),
    ("x = 1", "only tables [endpoints.NAME]"),
    ("endpoints = 3", "a table [endpoints.NAME]"),
    ("[endpoints]\nnadir = 3", "a table of keys"),
])  # fmt: skip
def test_a_file_without_an_endpoint_says_what_it_should_hold(tmp_path, text, expected):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_endpoint(file)
    assert expected in str(refused.value)


def test_the_count_on_a_day_has_a_name():
    assert read_endpoint("day30") == at_day(30)
    assert read_endpoint("day30.5").day == 30.5
    with pytest.raises(BadInput, match="a day from 0 to 3650"):
        read_endpoint("day9999")
