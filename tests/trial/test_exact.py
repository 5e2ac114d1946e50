"""Properties that exact designs must have, whatever the numbers."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from lymphokin.commands.trial.exact import boundary_lines
from lymphokin.commands.trial.options import TEST_NAMES
from lymphokin.io.problems import BadInput
from lymphokin.trial.digits import probability
from lymphokin.trial.exact import TESTS, Attrition, Design, compare, sample_size

arms = st.integers(1, 14)
levels = st.sampled_from([0.01, 0.025, 0.05, 0.07, 0.1, 0.2])
names = st.sampled_from(sorted(TESTS))


def test_the_command_line_knows_every_test():
    assert set(TEST_NAMES) == set(TESTS)


@given(name=names, n_treated=arms, n_control=arms, alpha=levels)
@settings(max_examples=60)
def test_fewer_treated_or_more_control_events_never_stop_a_rejection(
    name, n_treated, n_control, alpha
):
    rejects = Design(TESTS[name], n_treated, n_control, alpha).rejects
    assert not (rejects[1:] & ~rejects[:-1]).any()
    assert not (rejects[:, :-1] & ~rejects[:, 1:]).any()


@given(name=names, n_treated=arms, n_control=arms, alpha=levels)
@settings(max_examples=60)
def test_size_is_the_maximum_of_the_power_on_the_diagonal(name, n_treated, n_control, alpha):
    design = Design(TESTS[name], n_treated, n_control, alpha)
    rates = np.linspace(0, 1, 4001)
    brute = design.power(rates, rates).max()
    assert design.size.value >= brute - 1e-12
    assert design.size.value <= brute + 1e-5
    assert design.power(design.size.rate, design.size.rate) == pytest.approx(design.size.value)


@given(n_treated=arms, n_control=arms, alpha=levels)
@settings(max_examples=40)
def test_level_is_kept_and_boschloo_contains_fisher(n_treated, n_control, alpha):
    fisher, boschloo, barnard = (
        Design(TESTS[name], n_treated, n_control, alpha)
        for name in ("fisher", "boschloo", "barnard")
    )
    for design in (fisher, boschloo, barnard):
        assert design.size.value <= alpha * (1 + 1e-9)
    assert not (fisher.rejects & ~boschloo.rejects).any()


@given(name=st.sampled_from(["boschloo", "barnard"]), n_treated=arms, n_control=arms, alpha=levels)
@settings(max_examples=40)
def test_bisection_finds_what_the_p_values_say(name, n_treated, n_control, alpha):
    test = TESTS[name]
    by_p = test.p_values(n_treated, n_control) <= alpha * (1 + 1e-10)
    assert (test.rejects(n_treated, n_control, alpha) == by_p).all()


def test_p_equal_to_alpha_rejects_whatever_the_rounding():
    # Three against none of three: p is 1/20 exactly.
    assert Design(TESTS["fisher"], 3, 3, 0.05).rejects[0, 3]


def test_mid_p_counts_half_of_the_table_itself():
    """Three events among three and three patients: 20 ways, 1 with none treated and 9 with one."""
    p = TESTS["mid-p"].p_values(3, 3)
    assert p[0, 3] == pytest.approx(0.5 / 20)
    assert p[1, 2] == pytest.approx((1 + 0.5 * 9) / 20)


def test_power_agrees_with_simulated_trials():
    design = Design(TESTS["boschloo"], 12, 9, 0.05)
    rng = np.random.default_rng(1)
    trials = 40_000
    treated, control = rng.binomial(12, 0.2, trials), rng.binomial(9, 0.7, trials)
    exact = float(design.power(0.7, 0.2))
    error = np.sqrt(exact * (1 - exact) / trials)
    assert design.rejects[treated, control].mean() == pytest.approx(exact, abs=4 * error)


def test_every_table_of_90_per_arm_in_seconds():
    began = time.perf_counter()
    p = TESTS["boschloo"].p_values(90, 90)
    assert p.shape == (91, 91)
    assert time.perf_counter() - began < 60  # 1 s on one busy core; only an explosion should fail


def test_assurance_is_the_average_of_the_power():
    design = Design(TESTS["fisher"], 10, 8, 0.1)
    rng = np.random.default_rng(2)
    control, treated = rng.beta(6, 4, 20_000), rng.beta(2, 8, 20_000)
    sampled = design.power(control, treated)
    average = design.average_power((6, 4), (2, 8))
    assert sampled.mean() == pytest.approx(average, abs=4 * sampled.std() / np.sqrt(20_000))


def test_certain_rates_are_the_limit_of_sharp_priors():
    design = Design(TESTS["fisher"], 26, 26, 0.07)
    sharp = design.average_power((5e5, 5e5), (1.5e5, 8.5e5))
    assert sharp == pytest.approx(float(design.power(0.5, 0.15)), abs=1e-4)


def test_attrition_without_drop_out_changes_nothing():
    design = Design(TESTS["fisher"], 11, 13, 0.07)
    lossless = Attrition(design, 0.0)
    assert lossless.power(0.6, 0.2) == pytest.approx(float(design.power(0.6, 0.2)))
    assert lossless.size.value == pytest.approx(design.size.value, abs=1e-9)


def test_attrition_averages_over_the_patients_who_remain():
    design = Design(TESTS["fisher"], 3, 2, 0.2)
    by_hand = sum(
        binom.pmf(t, 3, 0.7)
        * binom.pmf(c, 2, 0.7)
        * float(Design(TESTS["fisher"], t, c, 0.2).power(0.9, 0.1))
        for t in (1, 2, 3)
        for c in (1, 2)
    )
    assert Attrition(design, 0.3).power(0.9, 0.1) == pytest.approx(by_hand)


def test_size_under_drop_out_is_the_largest_average_over_a_fine_grid():
    attrition = Attrition(Design(TESTS["mid-p"], 5, 7, 0.2), 0.25)
    rates = np.linspace(0, 1, 2001)
    brute = [attrition.power(p, p) for p in rates[::20]]
    assert attrition.size.value >= max(brute) - 1e-12
    at = attrition.size.rate
    assert attrition.power(at, at) == pytest.approx(attrition.size.value, rel=1e-10)


def test_larger_trials_whose_power_falls_again_are_named():
    """Power is a saw: 12 patients in each arm reach 0.9, 13 do not, and 14 to 16 do."""
    fisher = TESTS["fisher"]
    found = sample_size(fisher, 0.8, 0.2, 0.05, 0.9, look_ahead=4)
    reached = [Design(fisher, n, n, 0.05).power(0.8, 0.2) >= 0.9 for n in range(12, 17)]
    assert reached == [True, False, True, True, True]
    assert found.design.n_control == 12
    assert found.dips == (13,)


@pytest.mark.parametrize("drop_out", [0.05, 0.3])
def test_the_smallest_trial_with_drop_out_is_the_first_that_reaches_the_power(drop_out):
    found = sample_size(TESTS["fisher"], 0.8, 0.2, 0.05, 0.8, drop_out=drop_out)
    n = found.design.n_control
    powers = [
        Attrition(Design(TESTS["fisher"], m, m, 0.05), drop_out).power(0.8, 0.2)
        for m in range(1, n + 1)
    ]
    assert found.power == pytest.approx(powers[-1])
    assert powers[-1] >= 0.8 > max(powers[:-1])
    assert n > sample_size(TESTS["fisher"], 0.8, 0.2, 0.05, 0.8).design.n_control


def test_the_comparison_averages_over_who_drops_out():
    (row,) = compare([TESTS["fisher"]], 8, 6, 0.1, (0.7, 0.1), 0.6, drop_out=0.2)
    attrition = Attrition(Design(TESTS["fisher"], 8, 6, 0.1), 0.2)
    assert row.power == pytest.approx(attrition.power(0.7, 0.1))
    assert row.size == attrition.size
    smallest = sample_size(TESTS["fisher"], 0.7, 0.1, 0.1, 0.6, ratio=8 / 6, drop_out=0.2)
    assert row.smallest is not None
    assert row.smallest.design == smallest.design


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (3e-7, "3e-07"), (0.000512, "0.00051"), (0.849384, "0.8494"), (1, "1.0000"),
     (0.99999, "above 0.9999")],
)  # fmt: skip
def test_a_probability_is_never_rounded_to_0_or_1(value, written):
    assert probability(value) == written


def test_unequal_allocation_is_searched_too():
    found = sample_size(TESTS["barnard"], 0.5, 0.15, 0.07, 0.8, ratio=2.0)
    assert found.design.n_treated == 2 * found.design.n_control
    assert found.power >= 0.8
    smaller = Design(
        TESTS["barnard"], 2 * (found.design.n_control - 1), found.design.n_control - 1, 0.07
    )
    assert smaller.power(0.5, 0.15) < 0.8


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"n_treated": 0}, "n treated"),
        ({"n_control": -3}, "n control"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 1.0}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
    ],
)
def test_a_design_without_a_meaning_is_refused(change, reported):
    good = {"test": TESTS["fisher"], "n_treated": 26, "n_control": 26, "alpha": 0.07}
    with pytest.raises(BadInput, match=reported):
        Design(**good | change)


@pytest.mark.parametrize(("control", "treated"), [(1.2, 0.1), (0.5, -0.1), (float("nan"), 0.1)])
def test_rates_outside_0_to_1_are_refused(control, treated):
    with pytest.raises(BadInput, match="rate from 0 to 1"):
        Design(TESTS["fisher"], 5, 5, 0.1).power(control, treated)


def test_a_power_out_of_reach_is_said_so():
    with pytest.raises(ValueError, match="no trial of up to 12"):
        sample_size(TESTS["fisher"], 0.5, 0.45, 0.05, 0.9, largest=12)


def test_the_boundary_in_words():
    assert boundary_lines([None, None, 0, 1, 1]) == "0-1: never, 2: 0, 3-4: 1"
