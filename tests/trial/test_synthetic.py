"""A simulated trial is one that a reader of event tables takes as it is."""

import math
from dataclasses import replace

import pytest

import lymphokin as lk
from lymphokin.dose import reference_immune_dose
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


COUNTS = """from lymphokin.model import Block, Flow, Output, State

class Counts(Block):
    states = {"count": State("1e9/L", 1.5)}
    shows = {"alc": Output("1e9/L")}

    def flows(self, y, p, u):
        return {"count": Flow(1.5 * p.turnover, p.turnover)}

    def on_fraction(self, y, p, fraction):
        return {"count": (1 - 0.1 * fraction.share) * y.count}

    def outputs(self, y, p, u):
        return {"alc": y.count}


blocks = (Counts(),)
"""
TABLE = """[parameters.turnover]
symbol = "k"
meaning = "turnover"
unit = "1/d"
transform = "log"
median = 0.1
source = "for a test"
certainty = "fixed"

[residuals.alc]
distribution = "normal"
sd = 0.1
source = "for a test"
certainty = "fixed"
"""


@pytest.mark.long  # a small model is compiled
def test_a_model_without_a_scale_of_the_immune_dose_is_simulated(truth: Truth, tmp_path):
    """The dose that a planning system supplies is then the one estimated from the site."""
    path = tmp_path / "counts.py"
    path.write_text(COUNTS)
    path.with_suffix(".toml").write_text(TABLE)
    small = {"per_arm": 2, "run_in": 0, "immune_dose_supplied_probability": 1.0}
    design = {**truth.design, **small}
    cohort = lk.simulate_trial(Truth(str(path), 2, {}, {}, {}, {}, design)).cohort
    estimate = (
        reference_immune_dose(
            replace(cohort, patients=cohort.patients.assign(immune_dose_gy=math.nan))
        )
        .fractions.groupby("id")["immune_dose_gy"]
        .sum()
    )
    given = cohort.patients["immune_dose_gy"]
    assert given.to_dict() == pytest.approx(estimate.to_dict(), abs=0.006)  # as rounded
