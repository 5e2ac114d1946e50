"""A simulated trial is one that a reader of event tables takes as it is."""

from dataclasses import replace

import pytest

import lymphokin as lk
from lymphokin.plausible import CHECKS
from lymphokin.trial.synthetic import Truth


@pytest.mark.slow  # the default model is compiled
def test_no_immune_dose_is_supplied_that_would_be_asked_about(truth: Truth, tmp_path):
    wide = replace(
        truth,
        between_subject_sd={**truth.between_subject_sd, "immune_dose_scale": 1.5},
        design={**truth.design, "immune_dose_supplied_probability": 1.0},
    )
    trial = lk.simulate_trial(wide, seed=2)
    doses = trial.cohort.patients["immune_dose_gy"]
    largest = CHECKS["immune_dose"].plausible[1]
    assert doses.isna().any()  # the doses beyond
    assert 0 < doses.max() <= largest
    table = tmp_path / "trial.csv"
    lk.write_events(trial.cohort, table, ["SYNTHETIC DATA"])
    again = lk.read_events(table)  # refuses what is improbable
    assert again.patients["immune_dose_gy"].equals(doses)
