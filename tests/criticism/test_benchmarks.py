"""The three benchmarks: each learns from others only, and says what its name promises."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lymphokin.criticism.forecasts.benchmarks import (
    ARM_RATE,
    BASELINE,
    CARRIED_FORWARD,
    benchmark_forecasts,
    judged_patients,
    last_counts,
    last_folds,
)
from lymphokin.criticism.forecasts.cases import cases_of
from lymphokin.endpoints import Endpoint
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.rivals import load_regression
from lymphokin.shipped import data_path

DAYS = (0.0, 21.0)


@pytest.fixture(scope="module")
def trial():
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv"))
    return cohort, judged_patients(cohort)


@pytest.fixture(scope="module")
def five_folds(trial):
    cohort, patients = trial
    fold = np.arange(len(patients)) % 5
    return fold, benchmark_forecasts(cohort, patients, fold, DAYS, seed=1)


def test_forecasts_have_the_shapes_and_the_days_they_promise(trial, five_folds):
    _, found = five_folds
    assert set(found) == {(d, n) for d in DAYS for n in (BASELINE, CARRIED_FORWARD, ARM_RATE)}
    for forecasts in found.values():
        assert len(forecasts.risk) == len(trial[1])
        assert ((forecasts.risk > 0) & (forecasts.risk < 1)).all()
        np.testing.assert_allclose(forecasts.weights.sum(axis=1), 1.0)
    # Only the last count moves from day to day.
    for name in (BASELINE, ARM_RATE):
        np.testing.assert_array_equal(found[0.0, name].risk, found[21.0, name].risk)


def test_the_rate_of_the_arm_is_that_of_the_other_patients(trial, five_folds):
    _, patients = trial
    fold, found = five_folds
    one = patients.iloc[7]
    others = patients[(fold != fold[7]) & (patients["arm"] == one["arm"])]
    expected = (others["happened"].sum() + 1) / (len(others) + 2)
    assert found[0.0, ARM_RATE].risk[7] == pytest.approx(expected)
    assert set(found[0.0, ARM_RATE].counts[7]) <= set(others["endpoint_alc"])


def test_the_last_count_is_carried_forward_with_the_change_of_others(trial, five_folds):
    cohort, patients = trial
    fold, found = five_folds
    last = last_counts(cohort, 21.0).reindex(patients.index)
    change = np.log(patients["endpoint_alc"] / last)[fold != fold[3]]
    scale = change.std(ddof=1) * np.sqrt(1 + 1 / len(change))
    middle = np.log(last.iloc[3]) + change.mean()
    expected = stats.t.cdf((np.log(0.795) - middle) / scale, len(change) - 1)
    assert found[21.0, CARRIED_FORWARD].risk[3] == pytest.approx(expected)
    median = np.median(found[21.0, CARRIED_FORWARD].counts[3])
    assert median == pytest.approx(np.exp(middle), rel=0.05)


def test_last_counts_know_nothing_after_the_day(trial):
    cohort, _ = trial
    early = replace(cohort, observations=cohort.observations.query("day <= 14"))
    seen = early.observations.query("quantity == 'alc'").dropna(subset=["value"])
    pd.testing.assert_series_equal(
        last_counts(cohort, 14.0), seen.groupby("id")["value"].last(), check_names=False
    )


def test_fits_without_some_patients_are_fits_of_the_others(trial):
    cohort, patients = trial
    out = list(patients.index[:10])
    model = load_regression("baseline_logistic")
    (without,) = model.fit_without(cohort, [out])
    of_others = model.fit(cohort.select([i for i in cohort.patients.index if i not in out]))
    assert without.outcomes == of_others.outcomes
    np.testing.assert_allclose(without.z, of_others.z, atol=1e-3)
    pd.testing.assert_frame_equal(
        without.predict(cohort), of_others.predict(cohort), check_exact=False, atol=1e-3
    )


def test_a_fold_is_judged_beside_the_value_before_treatment_and_the_last_fold():
    cohort = read_events(
        data_path("synthetic_abscopal_trial.csv"), model=load_model("abscopal_cd8")
    )
    declared = {"name": "few", "meaning": "x", "quantity": "cd8", "what": "fold", "day": 42}
    endpoint = Endpoint.model_validate(declared | {"from": "last_fraction", "below": 0.07})
    cases = cases_of(cohort, endpoint, 28.0)
    patients = cases.patients
    cells = cohort.observations.query("quantity == 'cd8'").set_index("id")
    name = patients.index[3]
    own = cells.loc[[name]].set_index("day")["value"]
    assert (patients.loc[name, "baseline"], own.index[0]) == (own.iloc[0], -3.0)
    last = cohort.fractions.groupby("id")["day"].max()[name]
    at = own[abs(own.index - last - 42) <= 7].iloc[0]
    assert patients.loc[name, "endpoint_alc"] == pytest.approx(at / own.iloc[0])
    assert (patients["happened"] == (patients["endpoint_alc"] < 0.07)).all()
    assert 10 < patients["happened"].sum() < len(patients) - 10
    fold = np.arange(len(patients)) % 5
    found = benchmark_forecasts(
        cohort, patients, fold, DAYS, 1, cases.event, cases.known_on, endpoint
    )
    so_far = last_folds(cohort, endpoint, 21.0).reindex(patients.index)
    seen = own[(own.index > 0) & (own.index <= 21)]
    assert len(seen) == 1
    assert so_far[name] == pytest.approx(seen.iloc[-1] / own.iloc[0])
    assert (last_folds(cohort, endpoint, 0.0)[patients.index] == 1).all()
    for day, before in ((0.0, 0 * so_far + 1), (21.0, so_far)):
        change = np.log(patients["endpoint_alc"] / before)[fold != fold[3]]
        scale = change.std(ddof=1) * np.sqrt(1 + 1 / len(change))
        middle = np.log(before.iloc[3]) + change.mean()
        expected = stats.t.cdf((np.log(0.07) - middle) / scale, len(change) - 1)
        assert found[day, CARRIED_FORWARD].risk[3] == pytest.approx(expected)
    others = patients[fold != fold[3]]
    line = stats.linregress(np.log(others["baseline"]), np.log(others["endpoint_alc"]))
    middle = line.intercept + line.slope * np.log(patients.loc[name, "baseline"])
    median = np.median(found[0.0, BASELINE].counts[3])
    assert median == pytest.approx(np.exp(middle), rel=0.05)
