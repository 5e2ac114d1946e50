"""Scores and their intervals: invariants, closed forms, and other programs."""

import numpy as np
import pytest
import scoringrules
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from lymphokin.criticism.forecasts.calibration import calibration, grouped
from lymphokin.criticism.forecasts.intervals import auc_difference, auc_of, mean_of
from lymphokin.criticism.forecasts.scores import auc, brier, crps, log_score, net_benefit

RISKS = arrays(float, 12, elements=st.floats(0.01, 0.99))
OUTCOMES = arrays(bool, 12, elements=st.booleans())
SCALE = st.floats(0.1, 10)
few = settings(max_examples=30)


@pytest.fixture
def forecasts():
    """Calibrated risks of 400 patients and what happened."""
    rng = np.random.default_rng(1)
    risk = rng.beta(1, 1.5, 400)
    return risk, rng.random(400) < risk


@few
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_nobody_scores_better_than_with_the_truth(truth, reported):
    for score in (brier, log_score):
        both = np.array([True, False])
        chance = np.array([truth, 1 - truth])
        assert (chance * score(np.full(2, truth), both)).sum() <= (
            chance * score(np.full(2, reported), both)
        ).sum() + 1e-12


def test_a_certain_forecast_that_fails_has_an_infinite_log_score():
    score = log_score(np.array([0.0, 1.0, 1.0]), np.array([True, False, True]))
    np.testing.assert_array_equal(score, [np.inf, np.inf, 0.0])
    assert mean_of(score).value == np.inf
    assert np.isnan(mean_of(score).q95)


@few
@given(
    arrays(float, (3, 6), elements=st.floats(-5, 5)), arrays(float, 3, elements=st.floats(-5, 5))
)
def test_crps_is_that_of_another_program(draws, observed):
    expected = scoringrules.crps_ensemble(observed, draws, estimator="fair")
    np.testing.assert_allclose(crps(draws, observed), expected, atol=1e-9)


def test_crps_of_many_draws_is_the_closed_form_of_a_normal():
    rng = np.random.default_rng(2)
    draws = rng.normal(1.2, 0.3, (3, 40_000))
    observed = np.array([0.8, 1.2, 2.0])
    z = (observed - 1.2) / 0.3
    closed = 0.3 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(crps(draws, observed), closed, rtol=0.02)


def test_crps_of_few_draws_is_unbiased():
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(100_000, 3))
    closed = 2 * stats.norm.pdf(0) - 1 / np.sqrt(np.pi)
    assert crps(draws, np.zeros(100_000)).mean() == pytest.approx(closed, abs=0.005)


@few
@given(arrays(float, (1, 8), elements=st.floats(0.1, 5)), st.floats(0.1, 5), SCALE)
def test_crps_follows_the_unit_and_weights_count_as_repeats(draws, observed, scale):
    at = np.array([observed])
    np.testing.assert_allclose(crps(scale * draws, scale * at), scale * crps(draws, at), atol=1e-9)
    weights = np.zeros((1, 8))
    weights[0, :5] = 0.2
    np.testing.assert_allclose(crps(draws, at, weights), crps(draws[:, :5], at), atol=1e-9)


@few
@given(RISKS, OUTCOMES)
def test_auc_is_the_rank_statistic_and_sees_only_the_order(risk, happened):
    found = auc(risk, happened)
    if happened.all() or not happened.any():
        assert np.isnan(found)
        return
    u = stats.mannwhitneyu(risk[happened], risk[~happened]).statistic
    assert found == pytest.approx(u / (happened.sum() * (~happened).sum()))
    assert auc(-risk, happened) == pytest.approx(1 - found)
    # Times a power of two: anything else may round two risks to a tie.
    assert auc(4 * risk, happened) == pytest.approx(found)


@few
@given(RISKS, OUTCOMES)
def test_net_benefit_between_nobody_and_everybody(risk, happened):
    thresholds = np.array([0.0, 0.999])
    everybody, nobody = net_benefit(risk, happened, thresholds)
    assert everybody == pytest.approx(happened.mean())
    assert nobody == 0.0
    perfect = net_benefit(happened.astype(float), happened, np.array([0.2, 0.8]))
    np.testing.assert_allclose(perfect, happened.mean())


@few
@given(arrays(float, 9, elements=st.floats(-3, 3)), st.floats(-3, 3))
def test_a_paired_difference_turns_its_sign_and_its_interval_holds_it(values, shift):
    there, back = mean_of(values + shift), mean_of(-(values + shift))
    assert there.value == pytest.approx(-back.value)
    assert there.q05 == pytest.approx(-back.q95)
    assert there.q05 <= there.value <= there.q95
    expected = stats.ttest_1samp(values + shift, 0.0)
    if np.ptp(values) > 1e-3:
        low, high = expected.confidence_interval(0.90)
        assert (there.q05, there.q95) == pytest.approx((low, high))


def test_intervals_of_the_auc(forecasts):
    risk, happened = forecasts
    found = auc_of(risk, happened, seed=0)
    assert found.q05 < found.value < found.q95
    difference = auc_difference(risk, risk**2, happened, seed=0)
    assert difference == pytest.approx((0.0, 0.0, 0.0))
    # Against the normal approximation of the rank statistic (Hanley and McNeil 1982).
    a, events, others = found.value, happened.sum(), (~happened).sum()
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    spread = a * (1 - a) + (events - 1) * (q1 - a**2) + (others - 1) * (q2 - a**2)
    assert (found.q95 - found.q05) / 3.29 == pytest.approx(
        np.sqrt(spread / (events * others)), rel=0.15
    )


def test_calibration_is_that_of_another_program(forecasts):
    risk, happened = forecasts
    log_odds = np.log(risk / (1 - risk))
    ones = np.ones_like(risk)
    family = sm.families.Binomial()
    large = sm.GLM(happened.astype(float), ones, family=family, offset=log_odds).fit()
    spread = sm.GLM(happened.astype(float), sm.add_constant(log_odds), family=family).fit()
    found = calibration(risk, happened)
    assert found.intercept == pytest.approx((large.params[0], *large.conf_int(0.10)[0]), abs=1e-5)
    assert found.slope == pytest.approx((spread.params[1], *spread.conf_int(0.10)[1]), abs=1e-5)
    assert found.slope.q05 < 1 < found.slope.q95


def test_risks_that_are_too_extreme_or_too_low_show(forecasts):
    risk, happened = forecasts
    odds = risk / (1 - risk)
    extreme = odds**2 / (1 + odds**2)
    assert calibration(extreme, happened).slope.value == pytest.approx(
        calibration(risk, happened).slope.value / 2, rel=1e-4
    )
    too_low = odds / 3 / (1 + odds / 3)
    assert calibration(too_low, happened).intercept.q05 > 0


def test_what_happened_may_not_tell_the_calibration():
    risk = np.array([0.1, 0.2, 0.8, 0.9])
    apart = calibration(risk, risk > 0.5)
    assert np.isfinite(apart.intercept.value)
    assert np.isnan(apart.slope.value)
    assert np.isnan(calibration(risk, risk > 0).intercept.value)


def test_groups_hold_every_patient(forecasts):
    table = grouped(*forecasts)
    assert table["patients"].sum() == 400
    assert len(table) == 5
    inside = table["observed"].between(table["observed_q05"], table["observed_q95"])
    assert inside.all()
    assert grouped(np.full(5, 0.4), np.array([True, False] * 2 + [True]))["patients"].item() == 5
