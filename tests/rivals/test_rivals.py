"""Regressions as rivals: as published, and fitted as another program would."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from lymphokin.io import Cohort
from lymphokin.model import ModelError
from lymphokin.rivals import FittedRegression, load_regression, shipped_regressions

EMPTY = pd.DataFrame(columns=["id", "day", "prescribed_gy", "lesion", "drug", "amount_mg"])


def cohort(baseline, edic=None, at_endpoint=None) -> Cohort:
    ids = [f"P{i}" for i in range(len(baseline))]
    rows = [(i, -3.0, "alc", b) for i, b in zip(ids, baseline, strict=True)]
    if at_endpoint is not None:
        rows += [(i, 42.0, "alc", c) for i, c in zip(ids, at_endpoint, strict=True)]
    seen = pd.DataFrame(rows, columns=pd.Index(["id", "day", "quantity", "value"]))
    patients = pd.DataFrame(
        {
            "immune_dose_gy": np.nan if edic is None else edic,
            "immune_dose_source": None if edic is None else "edic",
        },
        index=pd.Index(ids),
    )
    return Cohort(patients, EMPTY, EMPTY, seen)


def test_the_edic_regression_is_the_published_line():
    model = load_regression("edic_breast")
    inputs = model.inputs(cohort([2.0, 0.9], [1.7, 1.7]))
    risk = np.asarray(model.risk(np.zeros(4), inputs))
    expected = np.array([2.0 * (0.90 - 0.16 * 1.7), 1.05 - 0.17 * 1.7])
    np.testing.assert_allclose(risk, stats.norm.cdf(np.log(0.795 / expected) / 0.42), rtol=1e-6)
    # The published mean ratio at the published mean EDIC is 0.66.
    assert expected[0] / 2.0 == pytest.approx(0.66, abs=0.04)


def test_a_dose_that_is_not_edic_is_not_taken_for_it():
    patients = cohort([1.5])
    patients.patients["immune_dose_gy"], patients.patients["immune_dose_source"] = 2.0, "blood"
    assert load_regression("edic_breast").predict(patients)["p_grade2_measured"].isna().all()


def test_the_benchmark_finds_the_line_behind_the_data():
    rng = np.random.default_rng(5)
    baseline = np.round(np.exp(rng.normal(np.log(1.4), 0.42, 600)), 2)
    later = baseline * np.exp(rng.normal(-0.45, 0.3, 600))
    fitted = load_regression("baseline_logistic").fit(cohort(baseline, at_endpoint=later))
    assert fitted.outcomes == 600
    found = fitted.natural()
    # Given the baseline the later count is normal on the log scale: a probit, 1.702 times that.
    middle, slope = (np.log(0.795 / 1.4) + 0.45) / 0.3, -1 / 0.3
    assert found["intercept"].mean() == pytest.approx(1.702 * middle, abs=0.6)
    assert found["slope"].mean() == pytest.approx(1.702 * slope, abs=1.2)
    risk = fitted.predict(cohort([0.7, 1.4, 3.0]))["p_grade2_measured"].to_numpy()
    assert risk[0] > 0.9 > risk[1] > risk[2]
    assert risk[2] < 0.05


def test_the_interval_of_a_risk_is_equal_tailed_and_of_90_per_cent():
    """Log-odds at evenly spaced places from -1 to 1 whatever the baseline: quantiles by hand."""
    model = load_regression("baseline_logistic")
    even = np.linspace(-1, 1, 401)
    names = [p.name for p in model.table]
    z = np.zeros((401, len(names)))
    for name, wanted in (("intercept", even), ("slope", np.zeros(401))):
        parameter = model.table[name]
        z[:, names.index(name)] = (wanted - parameter.median) / parameter.population_sd
    row = FittedRegression(model, z, 0).predict(cohort([0.8])).iloc[0]
    assert row["p_grade2_q05"] == pytest.approx(expit(-0.9), abs=1e-6)
    assert row["p_grade2_q95"] == pytest.approx(expit(0.9), abs=1e-6)
    assert row["p_grade2_measured"] == pytest.approx(0.5, abs=1e-6)


def test_before_any_data_the_benchmark_admits_that_it_knows_little():
    table = load_regression("baseline_logistic").predict(cohort([1.4]))
    assert table["p_grade2_q05"].iloc[0] < 0.1
    assert table["p_grade2_q95"].iloc[0] > 0.9


def test_a_regression_for_another_visit_is_not_fitted_to_the_endpoint():
    with pytest.raises(ValueError, match="6 weeks"):
        load_regression("edic_breast").fit(cohort([1.0], [1.0], [0.5]))
    with pytest.raises(ModelError, match="baseline_logistic"):
        load_regression("no_such")
    assert shipped_regressions() == ("baseline_logistic", "edic_breast")
