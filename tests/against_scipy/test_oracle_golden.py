"""The independent oracle reproduces the published golden numbers at the medians of the table.

The oracle is what the package is held against, so it has to be right first: these numbers were
computed elsewhere with SciPy's Radau at the same medians (BSA 1.8 m2, lag 0.5 h, once daily).
"""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracle import STATES, lymphoid_closed_form, solve

TABLE = Path(__file__).parents[2] / "models" / "myeloid_lymphoid.toml"
HALF_PERCENT = 0.005
PULSE = [(0.0, 270.0), (1.0, 270.0), (2.0, 270.0)]
COURSE = [(day, 0.6, 0.25) for day in (0.0, 2.0, 4.0, 7.0)]


@pytest.fixture
def typical() -> dict[str, float]:
    """The typical patient, without a radiation drive on the myeloid cells."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))["parameters"]
    return {name: entry["median"] for name, entry in table.items()} | {"radiation_drive": 0.0}


def test_single_72_mg_dose_gives_the_area_under_the_curve(typical):
    days = np.linspace(0, 1, 24 * 60 + 1)
    concentration = solve(typical, [(0.0, 72.0)], [], days)["concentration"]
    area = np.trapezoid(concentration, 24 * days)
    assert_allclose(area, 618.3, rtol=HALF_PERCENT)


def test_single_81_mg_dose_gives_the_peak(typical):
    days = np.linspace(0, 0.5, 12 * 60 + 1)
    concentration = solve(typical, [(0.0, 81.0)], [], days)["concentration"]
    assert_allclose(concentration.max(), 305.5, rtol=HALF_PERCENT)


def test_pulse_gives_the_level_at_3_hours_and_the_mdsc_course(typical):
    states = solve(typical, PULSE, [], [3 / 24, 3, 7, 14, 21])
    assert_allclose(states["concentration"][0], 424.8, rtol=HALF_PERCENT)
    ratio = states["mdsc"][1:] / typical["mdsc_baseline"]
    assert_allclose(ratio, [0.5617, 0.6913, 0.9308, 0.9896], rtol=HALF_PERCENT)


def test_untreated_patient_stays_at_baseline(typical):
    states = solve(typical, [], [], [-14, 0, 42, 105], feedback=0.2)
    assert_allclose(states["alc"], typical["lymphocyte_baseline"], rtol=1e-10)
    assert_allclose(states["mdsc"], typical["mdsc_baseline"], rtol=1e-10)


@pytest.mark.parametrize("kill", ["linear", "saturating"])
def test_lymphoid_block_agrees_with_its_closed_form(typical, kill):
    parameters = typical | {"surviving_floor": 0.57, "saturation_rate": 2.2}
    days = [0, 0.5, 4, 7, 7.25, 14, 49, 105]
    states = solve(parameters, [], COURSE, days, kill=kill)
    exact = lymphoid_closed_form(parameters, COURSE, days, kill=kill)
    for name in ("fast", "slow", "doomed", "alc"):
        assert_allclose(states[name], exact[name], rtol=1e-8, atol=1e-10)


def test_output_at_a_jump_is_taken_before_it(typical):
    fraction_day, after = 2.0, 2.0 + 1e-9
    states = solve(typical, [], [(fraction_day, 1.0, 1.0)], [fraction_day, after])
    hit = 1 - np.exp(-typical["radiosensitivity"])
    remaining = 1 - typical["prompt_loss"] * hit
    assert_allclose(states["inflammation"], [0, 1], rtol=1e-8)
    assert_allclose(states["alc"] / typical["lymphocyte_baseline"], [1, remaining], rtol=1e-8)


def test_outputs_do_not_depend_on_their_order_or_on_each_other(typical):
    days = np.array([49.0, 0.0, 7.0, 3.0])
    together = solve(typical | {"radiation_drive": 0.5}, PULSE, COURSE, days)
    for i, day in enumerate(days):
        alone = solve(typical | {"radiation_drive": 0.5}, PULSE, COURSE, [day])
        for name in STATES:
            assert_allclose(together[name][i], alone[name][0], rtol=1e-7, atol=1e-9)


def test_feedback_speeds_recovery_and_suppression_holds_it_back(typical):
    day = [56.0]
    plain = solve(typical, [], COURSE, day)["alc"][0]
    assert solve(typical, [], COURSE, day, feedback=0.5)["alc"][0] > plain
    driven = solve(typical | {"radiation_drive": 0.5}, [], COURSE, day)["alc"][0]
    assert driven < plain < solve(typical, PULSE, COURSE, day)["alc"][0]


def test_unknown_kill_law_is_refused(typical):
    with pytest.raises(ValueError, match="linear"):
        solve(typical, [], COURSE, [1.0], kill="quadratic")
