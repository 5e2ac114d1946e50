"""Predictive checks: what they must say of a model that is right, and of one that is wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from arviz_stats import ecdf_utils
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lymphokin.criticism.data.goodness_of_fit import goodness_of_fit, judge_goodness_of_fit
from lymphokin.criticism.data.npde import imputed, normal_scores, prediction_errors
from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.residuals import (
    individual_residuals,
    individual_trend,
    judge_trends,
    population_trends,
    smoother,
)
from lymphokin.criticism.data.scatter import judge_scatter, scatter_of
from lymphokin.criticism.data.uniformity import uniformity
from lymphokin.criticism.data.visits import FEWEST, visits_of
from lymphokin.criticism.data.visual_check import (
    judge_visual_checks,
    prediction_corrected,
    visual_checks,
)
from lymphokin.model import Residual

from .conftest import LLOQ, RESIDUAL, linear_trial, simulated_as_measured

KINDS = ("as measured", "relative to baseline", "prediction-corrected")


@given(
    st.lists(st.floats(-20, 120), min_size=1, max_size=150),
    st.booleans(),
)
def test_every_record_has_a_visit_and_visits_are_in_order_of_time(days, by_hour):
    day = np.asarray(days)
    visit = visits_of(day, by_hour)
    sizes = np.bincount(visit)
    assert (sizes > 0).all()
    assert len(sizes) == 1 or sizes.min() >= FEWEST
    ordered = pd.Series(day).groupby(visit).agg(["min", "max"])
    assert (ordered["max"].to_numpy()[:-1] <= ordered["min"].to_numpy()[1:]).all()


def test_jittered_visits_are_found_and_a_wide_one_is_cut():
    rng = np.random.default_rng(0)
    day = np.concatenate([d + rng.choice([-1, 0, 1], 30) for d in (14, 21, 63)])
    day = np.concatenate([day, rng.integers(43, 57, 40)]).astype(float)
    visit = visits_of(day, by_hour=False)
    assert [len(np.unique(visit[s])) for s in (slice(0, 30), slice(30, 60), slice(60, 90))] == [
        1
    ] * 3
    assert len(np.unique(visit[90:])) == 2


def test_prediction_correction_is_that_of_bergstrand():
    """Equation 3 of Bergstrand 2011 with a lower bound of 0, on the natural scale."""
    rng = np.random.default_rng(2)
    value, prediction, visit = rng.lognormal(size=60), rng.lognormal(size=60), np.arange(60) % 4
    corrected = np.exp(prediction_corrected(np.log(value), np.log(prediction), visit))
    middle = np.exp([np.median(np.log(prediction[visit == v])) for v in visit])
    np.testing.assert_allclose(corrected, value * middle / prediction)


@pytest.mark.parametrize("kind", KINDS)
def test_a_visual_check_covers_its_own_simulations(right, kind):
    verdicts, outside, cells = [], 0, 0
    for draw in range(40):
        checks = visual_checks(simulated_as_measured(right, draw), kind)
        verdicts.append(judge_visual_checks(checks, right.population).numbers["p"])
        outside += sum(int(c.outside.sum()) for c in checks)
        cells += sum(len(c.cells) for c in checks)
    assert 0.03 < outside / cells < 0.15
    # The probability is uniform for the model's own trials: it does not pile up at 1.
    assert stats.kstest(verdicts, "uniform").pvalue > 0.01
    assert np.mean(np.asarray(verdicts) > 0.98) < 0.2


def replicates_of(values: np.ndarray, simulated: np.ndarray, day: np.ndarray) -> Replicates:
    """Uncensored records [record] of one patient each, and simulated trials [draw, record]."""
    records = pd.DataFrame(
        {
            "id": [f"P{i}" for i in range(len(values))],
            "arm": "A",
            "day": day,
            "value": np.exp(values),
            "lloq": np.nan,
            "censored": False,
        }
    )
    zero = np.zeros_like(simulated)
    sd = np.ones((len(simulated), 1, 1))
    return Replicates(
        "alc",
        records,
        Residual("alc", "normal", 1.0, "fixed"),
        sd,
        zero,
        zero,
        zero,
        simulated,
        np.zeros((len(simulated), 0)),
        False,
    )


def test_percentiles_and_bands_are_those_that_they_are_called():
    """Records 1, 2 ... 100 hundredths at two visits; trial k lies k hundredths higher."""
    values = np.tile(np.arange(1, 101) / 100, 2)
    trials = values + np.arange(1, 101)[:, None] / 100
    (check,) = visual_checks(
        replicates_of(values, trials, np.repeat([14.0, 28.0], 100)), "as measured"
    )
    percentiles = np.array([[0.05], [0.50], [0.95]])
    np.testing.assert_allclose(np.log(check.observed), np.tile(percentiles, 2))
    for band, at in ((check.low, 0.05), (check.middle, 0.50), (check.high, 0.95)):
        np.testing.assert_allclose(np.log(band), np.tile(percentiles + at, 2))


def test_the_interval_of_a_new_patient_holds_nine_in_ten():
    """Simulations spread evenly from 0 to 1, and records spread just so."""
    even = (np.arange(400) + 0.5) / 400
    r = replicates_of(even, np.tile(even[:, None], (1, 400)), np.zeros(400))
    assert goodness_of_fit(r).covered == pytest.approx(0.90, abs=0.006)


def test_the_population_and_the_patient_are_predicted_by_the_medians_of_their_own_draws():
    values = np.zeros(3)
    r = replicates_of(values, np.zeros((5, 3)), np.zeros(3))
    draws = np.arange(5)[:, None]
    told_apart = replace(r, typical=0.1 * (draws + np.arange(3)), fitted=0.5 + 0.1 * draws + r.new)
    found = goodness_of_fit(told_apart)
    np.testing.assert_allclose(np.log(found.population), [0.2, 0.3, 0.4])
    np.testing.assert_allclose(np.log(found.individual), [0.7, 0.7, 0.7])


def test_the_band_of_no_trend_holds_the_middle_90_per_cent_of_noise(right):
    residuals = individual_residuals(right, 0)
    trend = individual_trend(right, residuals, "time", 0)
    assert trend is not None
    weights = smoother(trend.at, trend.place)
    noise = np.random.default_rng(1).standard_normal((4000, len(trend.at))) @ weights.T
    inside = (noise >= trend.low) & (noise <= trend.high)
    np.testing.assert_allclose(inside.mean(axis=0), 0.90, atol=0.02)


def test_a_wrong_slope_is_seen_by_every_check(right, wrong):
    for r, levels in ((right, {"fine"}), (wrong, {"look", "wrong"})):
        scores = normal_scores(errors := prediction_errors(r, 0))
        checks = visual_checks(r, "relative to baseline")
        assert judge_visual_checks(checks, r.population).level in levels
        assert judge_trends(population_trends(r, scores, "time", 0)).level in levels
        assert (uniformity(errors).p < 0.05) == (r is wrong)


def test_intervals_that_are_too_wide_are_seen(right):
    assert judge_goodness_of_fit(goodness_of_fit(right)).level == "fine"
    narrow = right.records.assign(value=right.records["value"] ** 0.4, censored=False)
    seen = judge_goodness_of_fit(goodness_of_fit(replace(right, records=narrow)))
    assert seen.numbers["covered"] > 0.95
    assert seen.level != "fine"


def test_values_below_the_limit_are_a_share_and_never_a_percentile(wrong):
    (check, _) = visual_checks(wrong, "as measured")
    last = check.below[:, -1]
    censored = wrong.records.query("arm == 'A' and day == 84")["censored"].mean()
    assert last[0] == pytest.approx(censored)
    assert censored > 0.05
    assert np.isnan(check.observed[0, -1])
    assert np.nanmin(check.observed) >= LLOQ


def test_a_percentile_that_is_always_simulated_below_the_limit_is_judged_by_its_share_alone(right):
    """The model measures nobody above the limit at the last visit, where all were."""
    last = (right.records["day"] == 84).to_numpy()
    records = right.records.assign(value=np.where(last, 2.0, right.records["value"]),
                                   censored=right.records["censored"] & ~last)  # fmt: skip
    r = replace(right, records=records, new=np.where(last, -9.0, right.new))
    checks = visual_checks(r, "as measured")
    assert judge_visual_checks(checks, r.population).level == "wrong"
    for check in checks:
        places = [i for i, name in enumerate(check.cells) if "day 84" in name]
        assert (check.seen[places[:3]] == check.simulated[:, places[:3]]).all()
        assert check.cells[places[3]].startswith("share below the limit")
        assert (check.seen[places[3]], check.simulated[0, places[3]]) == (0.0, 1.0)


def test_prediction_errors_are_uniform_under_the_truth():
    errors = np.concatenate([prediction_errors(linear_trial(seed), seed) for seed in range(8)])
    assert stats.kstest(errors, "uniform").pvalue > 0.01
    # Decorrelated: the errors of one patient no longer go together.
    scores = normal_scores(errors).reshape(-1, 6)
    off = np.corrcoef(scores, rowvar=False)[np.triu_indices(6, 1)]
    assert np.abs(off).max() < 4 / np.sqrt(len(scores))


def test_censored_values_become_simulations_below_the_limit(wrong):
    rng = np.random.default_rng(0)
    r = wrong
    observed, simulated = imputed(rng, r.log_value, r.censored, r.new, r.log_lloq)
    assert (observed[r.censored] < r.log_lloq[r.censored]).all()
    np.testing.assert_array_equal(observed[~r.censored], r.log_value[~r.censored])
    np.testing.assert_array_equal(np.sort(simulated, axis=0), np.sort(r.new, axis=0))


@pytest.mark.parametrize("n", [20, 90])
def test_bands_of_uniform_numbers_agree_with_arviz(n):
    found = uniformity(np.random.default_rng(3).uniform(size=n))
    _, _, low, high = ecdf_utils.ecdf_pit(
        np.linspace(0.01, 0.99, n), 0.95, 2000, rng=np.random.default_rng(4)
    )
    np.testing.assert_allclose(found.low + found.at, low[1:-1], atol=1.5 / n)
    np.testing.assert_allclose(found.high + found.at, high[1:-1], atol=1.5 / n)


def test_the_probability_of_uniformity_is_uniform_under_the_truth():
    rng = np.random.default_rng(5)
    p = np.asarray([uniformity(rng.uniform(size=150)).p for _ in range(300)])
    assert abs(np.mean(p < 0.05) - 0.05) < 0.04
    assert stats.kstest(p, "uniform").statistic < 0.1
    assert uniformity(rng.beta(1, 1.5, 150)).p < 0.01


def test_individual_residuals_are_standard_normal_under_the_truth(right):
    residuals = individual_residuals(right, 0)
    assert residuals.shape == right.fitted.shape
    assert stats.kstest(residuals[0], "norm").pvalue > 0.001
    trend = individual_trend(right, residuals, "time", 0)
    assert trend is not None
    assert judge_trends([trend]).level == "fine"


def scattered(r: Replicates, error: np.ndarray) -> Replicates:
    """The records, each this far (in ln) from what the last of the draws predicts of it."""
    value = np.exp(np.maximum(r.fitted[-1] + error, r.log_lloq))
    return replace(r, records=r.records.assign(value=value, censored=value <= LLOQ))


def scatter_levels(factor: float, outliers: float, trials: int = 8) -> list[str]:
    """Verdicts on trials with residuals this many times too wide and this share of outliers."""
    trial, rng, levels = linear_trial(3), np.random.default_rng(4), []
    for _ in range(trials):
        size = len(trial.records)
        error = factor * RESIDUAL.sd * rng.standard_t(5, size)
        error += np.where(rng.uniform(size=size) < outliers, rng.choice([-1.1, 1.1], size), 0.0)
        changed = scattered(trial, error)
        found = scatter_of("alc", individual_residuals(changed, 0))
        levels.append(judge_scatter(found).level)
    return levels


@pytest.mark.parametrize(("factor", "outliers"), [(1.5, 0.0), (0.7, 0.0), (1.0, 0.1)])
def test_a_scatter_of_another_width_and_outliers_are_noticed(factor, outliers):
    assert scatter_levels(factor, outliers) == 8 * ["wrong"]


def test_the_right_scatter_is_seldom_accused():
    """Of 24 trials a look or worse in one of 20: more than 4 by chance once in 50 times."""
    assert sum(level != "fine" for level in scatter_levels(1.0, 0.0, trials=24)) <= 4


@given(
    st.lists(st.floats(-10, 100), min_size=20, max_size=60, unique=True),
    st.floats(-3, 3),
    st.floats(-0.5, 0.5),
)
def test_the_smoother_keeps_straight_lines(at, level, slope):
    at = np.sort(np.asarray(at))
    if np.ptp(at) < 1:
        return
    places = np.linspace(at[2], at[-3], 7)
    smooth = smoother(at, places) @ (level + slope * at)
    np.testing.assert_allclose(smooth, level + slope * places, atol=1e-6 * (1 + np.ptp(at)))
