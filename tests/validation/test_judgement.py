"""What a validation concludes of numbers made by hand: each fault in its own words."""

import numpy as np
import pandas as pd
import pytest

from lymphokin.criticism.forecasts.benchmarks import BASELINE, CARRIED_FORWARD
from lymphokin.criticism.forecasts.later_counts import (
    COUNT_PLACE,
    COUNT_RATIO,
    COVERAGE,
    count_measures,
)
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality
from lymphokin.validation.judgement import conclusion, verdicts_of
from lymphokin.validation.measures import ENDPOINT_COVERAGE, EXPECTED, endpoint_measures
from lymphokin.validation.precision import precision

GOOD = {
    (EXPECTED, ""): (1.05, 0.80, 1.30),
    ("calibration_slope", ""): (0.95, 0.70, 1.20),
    (COUNT_RATIO, ""): (1.01, 0.96, 1.06),
    (COUNT_PLACE, ""): (0.51, 0.46, 0.56),
    (COVERAGE[0.90], ""): (0.89, 0.85, 0.93),
    ("log_score", BASELINE): (-0.02, -0.06, 0.02),
    ("log_score", CARRIED_FORWARD): (-0.05, -0.08, -0.02),
    ("auc", BASELINE): (0.03, -0.03, 0.09),
}
"""Numbers of a model that holds: value and 90 % interval, by measure and what it is against."""


def quality(**changed: tuple[float, float, float]) -> PredictionQuality:
    """The good numbers of one look, but for some: ``measure`` or ``measure_against_rule``."""
    rules = {"baseline": BASELINE, "carried": CARRIED_FORWARD}
    numbers = dict(GOOD)
    for name, estimate in changed.items():
        measure, _, rule = name.partition("_against_")
        assert (measure, rules.get(rule, "")) in numbers
        numbers[measure, rules.get(rule, "")] = estimate
    rows = [
        {"day": 14.0, "predictor": MODEL, "against": against, "measure": measure,
         "value": value, "q05": low, "q95": high}
        for (measure, against), (value, low, high) in numbers.items()
    ]  # fmt: skip
    return PredictionQuality(pd.DataFrame(), pd.DataFrame(rows))


def test_a_model_without_a_fault_holds_and_is_said_to_beat_what_it_beats():
    (verdict,) = verdicts_of(quality())
    assert verdict.level == "fine"
    assert verdict.sentence.startswith("Holds: no fault shown")
    assert "shown to be better than last count carried forward." in verdict.sentence


@pytest.mark.parametrize(
    ("measure", "estimate", "words"),
    [
        (EXPECTED, (1.8, 1.6, 2.0), "more patients had the event than forecast"),
        (EXPECTED, (0.4, 0.3, 0.5), "fewer patients had the event than forecast"),
        ("calibration_slope", (1.9, 1.7, 2.1), "risks are too timid"),
        ("calibration_slope", (0.3, 0.2, 0.4), "risks are too extreme"),
        (COUNT_PLACE, (0.7, 0.65, 0.75), "later counts are higher than forecast"),
        (COUNT_PLACE, (0.3, 0.25, 0.35), "later counts are lower than forecast"),
        (COVERAGE[0.90], (0.99, 0.98, 1.0), "intervals are too wide: those of 90 % hold 99 %"),
        (COVERAGE[0.90], (0.70, 0.66, 0.74), "intervals are too narrow: those of 90 % hold 70 %"),
        ("log_score_against_baseline", (0.30, 0.25, 0.35), f"the rule “{BASELINE}”"),
        ("log_score_against_carried", (0.30, 0.25, 0.35), f"the rule “{CARRIED_FORWARD}”"),
    ],
)
def test_a_fault_that_learning_mends_is_named_with_its_direction(measure, estimate, words):
    word, reasons = conclusion(quality(**{measure: estimate}), 14.0)
    assert word == "update first"
    assert len(reasons) == 1
    assert words in reasons[0]


@pytest.mark.parametrize(
    ("measure", "estimate", "words"),
    [
        ("auc_against_baseline", (-0.20, -0.25, -0.15), "worse than their baselines do"),
        (COVERAGE[0.90], (0.30, 0.25, 0.35), "less than half of the later counts"),
    ],
)
def test_a_fault_that_learning_does_not_mend_ends_the_use(measure, estimate, words):
    word, reasons = conclusion(quality(**{measure: estimate}), 14.0)
    assert word == "do not use here"
    assert words in reasons[0]


def test_later_counts_are_measured_against_their_forecasts():
    """Of ten patients' counts, forecast with 0.8 and 1.25 as quartiles, two lie beyond 0.5 to 2."""
    value = np.array([0.4, 0.6, 0.7, 0.9, 1.0, 1.1, 1.2, 1.3, 1.8, 2.5])
    bounds = {"q05": 0.5, "q25": 0.8, "q50": 1.0, "q75": 1.25, "q95": 2.0}
    counts = pd.DataFrame({"id": [f"P{i}" for i in range(10)], "value": value}).assign(
        crps=0.1, pareto_k=0.2, pit=np.linspace(0.1, 0.7, 10), **bounds
    )
    found = count_measures(counts, seed=0)
    assert found[COVERAGE[0.50]].value == pytest.approx(0.4)
    assert found[COVERAGE[0.90]].value == pytest.approx(0.8)
    assert found[COUNT_PLACE].value == pytest.approx(0.4)
    assert found[COUNT_RATIO].value == pytest.approx(np.exp(np.log(value).mean()))
    table = counts.assign(
        risk=0.3, happened=value < 0.795, endpoint_alc=value, alc_q05=0.5, alc_q95=2.0
    )
    of_visit = endpoint_measures(table, seed=0)
    assert of_visit[ENDPOINT_COVERAGE[0.90]].value == pytest.approx(0.8)
    assert of_visit[EXPECTED].value == pytest.approx(3 / 3)


def test_the_precision_that_is_aimed_at_is_that_of_riley_2021():
    wanted = {row.measure: row.wanted for row in precision(np.linspace(0.1, 0.9, 50), 0.5, 0.8)}
    assert wanted == {"observed over expected": 0.2, "calibration slope": 0.2, "AUC": 0.1}
