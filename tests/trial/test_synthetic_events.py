"""Synthetic trials let events happen at the rate of the model's hazard, and visits see them."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import lymphokin as lk
from lymphokin.trial.synthetic import Truth

TRUTH = Path(__file__).parents[2] / "docs" / "examples" / "dropout.truth.toml"
MODEL = TRUTH.with_name("dropout.py")


@pytest.fixture(scope="module")
def truth():
    raw = Truth.read(TRUTH)
    typical = {
        **raw.typical,
        "by_count": 0.0,
        "usual_dropout": 0.01,
    }  # constant: an exponential time
    return Truth(**{**vars(raw), "model": str(MODEL), "typical": typical})


@pytest.mark.long
def test_events_happen_at_the_rate_of_the_hazard_and_the_next_visit_sees_them(truth, tmp_path):
    trial = lk.simulate_trial(truth, seed=3, per_arm=150)
    when, seen = trial.truth["dropout_day"], trial.cohort.observations
    happened = np.where(np.isfinite(when), when, 105.0)
    data = stats.CensoredData.right_censored(happened, ~np.isfinite(when))
    rate = np.isfinite(when).sum() / happened.sum()
    assert 0.008 < rate < 0.012  # 300 patients, 5 % of 0.01
    kept = stats.ecdf(data).sf
    days = np.array([10.0, 30.0, 60.0, 90.0])
    np.testing.assert_allclose(kept.evaluate(days), np.exp(-0.01 * days), atol=0.08)
    visits = np.array(truth.design["event_days"]["dropout"])
    for patient, own in seen.groupby("id"):
        recorded = own[own["quantity"] == "dropout"]
        expected = visits[: np.searchsorted(visits, when[patient]) + 1]
        np.testing.assert_array_equal(recorded["day"], expected)
        np.testing.assert_array_equal(recorded["value"], expected >= when[patient])
        counts = own.loc[own["quantity"] == "alc", "day"]
        assert (counts < when[patient]).all()
    lk.write_events(trial.cohort, tmp_path / "trial.csv")
    again = lk.read_events(tmp_path / "trial.csv", model=lk.load_model(MODEL))
    assert len(again.observations) == len(seen)


def test_an_event_without_a_hazard_is_refused(truth):
    design = {**truth.design, "event_days": {"death": [30.0]}}
    with pytest.raises(
        ValueError, match=r"names the event\(s\) death, of which model dropout has no"
    ):
        lk.simulate_trial(Truth(**{**vars(truth), "design": design}), seed=1, per_arm=2)
