"""A model judged on patients that it has never seen, where the truth and every number are known."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.criticism.forecasts.cases import cases_of, event_of
from lymphokin.criticism.forecasts.intervals import ratio_of, scaled_brier_of
from lymphokin.criticism.forecasts.later_counts import count_measures
from lymphokin.criticism.forecasts.looks import forecasts_at_looks
from lymphokin.endpoints import Endpoint, read_endpoint
from lymphokin.infer.density import density_of
from lymphokin.io import write_events
from lymphokin.model import ModelError, load_model
from lymphokin.validation import validate as validating
from lymphokin.validation.cases import refuse_fitted
from lymphokin.validation.judgement import conclusion
from lymphokin.validation.measures import observed_over_expected
from lymphokin.validation.precision import auc_error, precision, slope_error
from lymphokin.validation.smooth import SPAN, smooth_curve
from tests import examples
from tests.predict.conftest import BETWEEN, ERROR, LEVEL, UNSURE
from tests.validation.conftest import DAYS, hospital

WEEK_6 = read_endpoint("grade2_week6")


@pytest.fixture(scope="module")
def right(known):
    return lk.validate(known, hospital(2), looks=[0, 14], progress=False)


LIMIT = 0.7


def limited(cohort):
    """The cohort whose counts of day 28 have a limit of quantification."""
    rows = cohort.observations.copy()
    hidden = (rows["day"] == 28) & (rows["value"] < LIMIT)
    rows.loc[hidden, ["value", "lloq"]] = LIMIT
    return replace(cohort, observations=rows.assign(censored=hidden))


def hidden_of(look):
    """Which of the later counts lie below their limit."""
    rows = look[0].observations
    censored = rows.set_index(["id", "day"])["censored"]
    counts = look[1].counts
    return censored.loc[list(zip(counts["id"], counts["day"], strict=True))].to_numpy(bool)


@pytest.fixture(scope="module")
def look(known):
    cohort = limited(hospital(2))
    cases = cases_of(cohort, WEEK_6, 14.0)
    density = density_of(known.model, cohort)
    return cohort, forecasts_at_looks(density, known.z, cases, [14.0], 0)[14.0]


@pytest.fixture(scope="module")
def by_hand(look):
    cohort, found = look
    seen = cohort.observations[cohort.observations["day"] <= 14]
    mean = np.log(seen["value"]).groupby(seen["id"]).mean()
    n = sum(d <= 14 for d in DAYS)
    weight = BETWEEN**2 / (BETWEEN**2 + ERROR**2 / n)
    centre = np.log(LEVEL) + weight * (mean - np.log(LEVEL))
    sd = np.sqrt(1 / (1 / BETWEEN**2 + n / ERROR**2) + ERROR**2)
    return stats.norm(centre.loc[found.counts["id"]].to_numpy(), sd)


class TestForecastsInClosedForm:
    """Given a known median, ln level of a patient is normal, and so is the next count."""

    def test_every_later_count_is_forecast(self, look):
        cohort, found = look
        later = cohort.observations[cohort.observations["day"] > 14]
        assert len(found.counts) == len(later)
        assert set(found.counts["day"]) == {d for d in DAYS if d > 14}

    def test_quantiles_places_and_scores_are_those_of_the_normal(self, look, by_hand):
        counts = look[1].counts
        value = np.log(counts["value"].to_numpy())
        seen = ~hidden_of(look)
        np.testing.assert_allclose(np.log(counts["q50"])[seen], by_hand.median()[seen], atol=0.03)
        np.testing.assert_allclose(np.log(counts["q05"])[seen], by_hand.ppf(0.05)[seen], atol=0.06)
        place, score = by_hand.cdf(value)[seen], -by_hand.logpdf(value)[seen]
        np.testing.assert_allclose(counts["pit"][seen], place, atol=0.03)
        np.testing.assert_allclose(counts["log_score"][seen], score, 0.02, 0.03)

    def test_risks_are_those_of_the_normal(self, look, by_hand):
        of_visit = look[1].counts["day"] == 46
        risk = by_hand.cdf(np.log(0.795))[of_visit.to_numpy()]
        np.testing.assert_allclose(look[1].endpoint.forecasts.risk, risk, atol=0.02)

    def test_a_count_below_its_limit_is_scored_by_its_probability(self, look, by_hand):
        counts, below = look[1].counts, by_hand.cdf(np.log(LIMIT))
        hidden = hidden_of(look)
        assert hidden.sum() > 5
        np.testing.assert_allclose(counts["log_score"][hidden], -np.log(below[hidden]), atol=0.04)
        assert (counts["pit"][hidden] <= below[hidden] + 0.03).all()
        assert ((counts["q05"] == LIMIT) == (below > 0.05))[hidden].all()


class TestVerdicts:
    def test_a_model_that_is_right_holds(self, right):
        assert right.conclusion == "holds"
        assert set(right.table["subject"]) == {"counts before treatment", "counts to day 14"}

    @pytest.mark.slow  # what is concluded of numbers made by hand is in test_judgement
    @pytest.mark.parametrize(
        ("truth", "fault"),
        [({"factor": 0.6}, "lower than forecast"), ({"error": 2 * ERROR}, "too narrow")],
    )
    def test_what_learning_can_mend_is_updated_first(self, known, truth, fault):
        wrong = lk.validate(known, hospital(3, **truth), looks=[14], progress=False)
        assert wrong.conclusion == "update first"
        assert any(fault in sentence for sentence in wrong.table["sentence"])

    @pytest.mark.slow
    def test_what_learning_cannot_mend_is_not_used(self, known):
        noise = hospital(4, error=5 * ERROR)
        found = lk.validate(known, noise, looks=[14], progress=False)
        assert found.conclusion == "do not use here"
        assert "grossly off" in found.table["sentence"][0]

    def test_scores_stand_beside_rules_and_precision(self, right):
        scores = right.quality.scores
        model = scores[(scores["predictor"] == "model") & (scores["against"] == "")]
        expected = {"observed_over_expected", "scaled_brier", "auc", "crps", "count_coverage_50"}
        assert expected <= set(model["measure"])
        assert set(scores["against"]) == {"", "baseline only", "last count carried forward",
                                          "rate of the arm"}  # fmt: skip
        assert set(right.groups["group"]) == {"A", "B"}
        assert right.precisions[0].measure == "observed over expected"


class TestBadInput:
    def test_patients_of_the_fit_are_no_new_ones(self):
        fitted, new = hospital(5), hospital(6)
        refuse_fitted(fitted, new)
        renamed = new.observations.assign(id="N" + new.observations["id"])
        moved = replace(
            new,
            patients=new.patients.set_axis("N" + new.patients.index),
            fractions=new.fractions.assign(id="N" + new.fractions["id"]),
            observations=renamed,
        )
        with pytest.raises(lk.BadInput, match=r"(?s)40 problems.*not seen.*NH000"):
            refuse_fitted(new, moved)
        followed = new.until(28.0)
        with pytest.raises(lk.BadInput, match="40 problems"):
            refuse_fitted(followed, new)

    @pytest.mark.parametrize(
        ("cohort", "message"),
        [
            (hospital(7, 3), r"at least 10 patients.*3 patients"),
            (hospital(7).until(28.0), r"outcome of grade2_week6.*nobody.*40"),
            (hospital(7, factor=9.0), r"with and without.*none of 40 patients"),
        ],
    )
    def test_few_patients_no_outcome_or_one_class(self, known, cohort, message):
        with pytest.raises(lk.BadInput, match=f"(?s){message}"):
            lk.validate(known, cohort, progress=False)

    def test_an_endpoint_needs_an_event(self):
        with pytest.raises(lk.BadInput, match="an endpoint with an event"):
            event_of(read_endpoint("days_below_0.8"))


@pytest.mark.long
def test_an_endpoint_over_days_is_judged_too(known):
    found = lk.validate(known, hospital(8), looks=[0], endpoint="grade3_lowest", progress=False)
    observed = found.cases.patients
    assert (observed["happened"] == (observed["endpoint_alc"] < 0.5)).all()
    assert found.conclusion == "holds"
    assert found.quality.score(0.0, "brier").value < 0.25


class TestNumbersAgainstOthers:
    def test_observed_over_expected_has_the_exact_interval(self):
        risk, happened = np.linspace(0.1, 0.7, 30), np.arange(30) % 3 == 0
        found = observed_over_expected(risk, happened)
        exact = stats.binomtest(10, 30).proportion_ci(0.9, "exact")
        np.testing.assert_allclose(found, np.array([10 / 30, exact.low, exact.high]) / 0.4)

    def test_the_smooth_curve_is_that_of_statsmodels(self):
        from statsmodels.nonparametric.smoothers_lowess import lowess

        rng = np.random.default_rng(0)
        risk = rng.uniform(0.05, 0.95, 60)
        happened = rng.random(60) < risk**2
        curve = smooth_curve(risk, happened, 0)
        theirs = lowess(happened.astype(float), risk, SPAN, it=0, delta=0.0, xvals=curve.risk)
        np.testing.assert_allclose(curve.observed, np.clip(theirs, 0, 1), atol=0.01)
        assert (curve.low <= curve.high).all()

    def test_the_error_of_a_slope_is_that_of_a_logistic_regression(self):
        import statsmodels.api as sm

        log_odds = np.random.default_rng(1).normal(-0.5, 1.2, 4000)
        p = 1 / (1 + np.exp(-log_odds))
        model = sm.Logit(p, sm.add_constant(log_odds))
        information = -np.asarray(model.hessian(np.array([0.0, 1.0])))
        expected = np.sqrt(np.linalg.inv(information)[1, 1])
        assert slope_error(log_odds, 4000) == pytest.approx(expected, rel=1e-6)

    def test_the_error_of_an_auc_is_that_of_simulated_patients(self):
        """Normal scores that differ by 1 between the outcomes; 4,000 tables of 100 patients."""
        rng = np.random.default_rng(2)
        with_event, without = rng.normal(1, 1, (4000, 30)), rng.normal(0, 1, (4000, 70))
        auc = (with_event[:, :, None] > without[:, None, :]).mean(axis=(1, 2))
        expected = auc_error(float(stats.norm.cdf(1 / np.sqrt(2))), 0.3, 100)
        assert auc.std() == pytest.approx(expected, rel=0.08)

    def test_as_many_patients_as_asked_for_give_the_width(self):
        risk = np.random.default_rng(3).uniform(0.05, 0.9, 50)
        for row in precision(risk, 0.4, 0.8):
            again = precision(np.resize(risk, int(row.patients)), 0.4, 0.8)
            assert next(p for p in again if p.measure == row.measure).width == pytest.approx(
                row.wanted, rel=0.03
            )

    def test_counts_of_one_patient_count_as_one(self):
        """Values that are the same within a patient: the interval is that of patients."""
        own = np.random.default_rng(4).normal(0, 1, 40)
        alone = ratio_of(own, np.arange(40), 0)
        many = ratio_of(np.repeat(own, 9), np.repeat(np.arange(40), 9), 0)
        np.testing.assert_allclose(many, alone)
        half = stats.norm.ppf(0.95) * own.std(ddof=1) / np.sqrt(40)
        assert (alone.q95 - alone.q05) / 2 == pytest.approx(half, rel=0.15)

    def test_a_right_forecast_that_is_skewed_has_no_fault_of_level(self):
        """ln counts of an exponential: their mean lies below the median, their place does not."""
        rng = np.random.default_rng(5)
        log_value = -rng.exponential(1, (400, 3)).ravel()
        table = pd.DataFrame({"id": np.repeat(np.arange(400), 3), "value": np.exp(log_value)})
        quantiles = {f"q{q:02d}": q / 100 for q in (5, 25, 50, 75, 95)}  # of a uniform number
        table = table.assign(**quantiles, pit=table["value"], crps=0.0, pareto_k=0.0)
        found = count_measures(table, 0)
        assert found["count_ratio"].q95 < 0.9
        assert found["count_place"].q05 < 0.5 < found["count_place"].q95

    def test_the_prevalence_saves_nothing_of_the_brier_score(self):
        happened = np.arange(40) % 4 == 0
        assert scaled_brier_of(np.full(40, 0.25), happened, 0).value == pytest.approx(0.0)
        assert scaled_brier_of(happened.astype(float), happened, 0).value == 1.0


def test_a_validation_is_saved_as_page_json_and_tables(right, tmp_path):
    files = {f.name: f for f in right.save(tmp_path / "ours.html")}
    assert set(files) == {"ours.html", "ours.json", "ours_scores.csv", "ours_forecasts.csv",
                          "ours_counts.csv", "ours_groups.csv"}  # fmt: skip
    written = json.loads(files["ours.json"].read_text())
    assert written["conclusion"] == "holds"
    assert len(pd.read_csv(files["ours_counts.csv"])) == 40 * (5 + 3)
    page = files["ours.html"].read_text()
    for words in ("TRIPOD+AI items 12e, 23a", "Is it right in our hospital", "holds"):
        assert words in page
    assert "nan" not in page.lower().replace("discriminan", "")
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    group, precise = right.groups.iloc[0], right.precisions[0]
    ratio, brier = (
        "{:.2f} ({:.2f}, {:.2f})".format(*(group[name + end] for end in ("", "_q05", "_q95")))
        for name in ("observed_over_expected", "brier")
    )
    assert f"{group['patients']} {group['events']} {ratio} {brier}" in words
    numbers = f"{precise.standard_error:.3f} {precise.width:.2f} {precise.wanted:g}"
    assert f"{precise.measure} {numbers} {precise.patients:.0f}" in words


@pytest.mark.long
def test_the_command_validates_a_run_and_refuses_its_own_patients(level_run, tmp_path):
    run, file = level_run
    runner, page, own, table = CliRunner(), *(tmp_path / n for n in ("p.html", "own.csv", "t.csv"))
    write_events(hospital(100), own)
    write_events(hospital(9), table)
    asked = ["--look", "0", "--out", str(page), "--model-file", str(file), "--json"]
    refused = runner.invoke(app, ["validate", str(run), str(own), *asked])
    assert isinstance(refused.exception, lk.BadInput)
    assert not page.exists()
    done = runner.invoke(app, ["validate", str(run), str(table), *asked], catch_exceptions=False)
    printed = json.loads(done.stdout)
    assert printed["patients"].startswith("40 patients judged")
    assert (printed["looks"], printed["fitted_patients"]) == ([0.0], 40)
    assert page.exists()


@pytest.mark.long
def test_its_example_runs(known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_events(hospital(9), tmp_path / "our_patients.csv")
    assert examples.runs("validate", fit=known)


def test_patients_need_a_count_before_treatment():
    cohort = hospital(10)
    bare = cohort.observations[
        (cohort.observations["day"] > 0) | (cohort.observations["id"] > "H004")
    ]
    cases = cases_of(replace(cohort, observations=bare), WEEK_6, 0.0)
    assert len(cases.patients) == 35
    assert cases.left_out == {"no count before treatment": 5}


@pytest.mark.long
def test_every_calibrated_model_stands_beside_it_with_its_own_forecasts(known, monkeypatch):
    """Two populations stand for calibrated models: the one asked, and one a third too high."""
    high = replace(known, z=known.z + np.log(4 / 3) / UNSURE)
    calibrated = {"right": known, "too_high": high}
    monkeypatch.setattr(validating, "calibrated_models", lambda: tuple(calibrated))
    monkeypatch.setattr(validating, "literature_draws", calibrated.__getitem__)
    cohort = hospital(2)
    asked = {"looks": [0], "progress": False}
    result = lk.validate(known, cohort, all_models=True, **asked)
    models = result.between.set_index(["model", "day"])
    assert list(models.index) == [("right", 0.0), ("too_high", 0.0)]
    for name, alone in (("right", result), ("too_high", lk.validate(high, cohort, **asked))):
        for score in ("brier", "log_score", "crps", "auc"):
            expected = alone.quality.score(0, score).value
            assert models.loc[(name, 0.0), score] == pytest.approx(expected)
        assert models.loc[(name, 0.0), "verdict"] == conclusion(alone.quality, 0)[0]
    assert models.loc[("right", 0.0), "log_score"] < models.loc[("too_high", 0.0), "log_score"]
    assert "too_high" in result.page()
    assert result.as_dict()["models"][1]["model"] == "too_high"


def test_an_endpoint_that_a_judged_model_does_not_show_is_refused(known, monkeypatch):
    declared = {"name": "fall", "meaning": "x", "what": "fold", "from": "last_fraction", "day": 42}
    of_cells, of_counts = (
        Endpoint.model_validate(declared | {"quantity": quantity, "below": 0.5})
        for quantity in ("cd8", "alc")
    )
    with pytest.raises(ModelError, match="fall: found quantity cd8, expected what model level sho"):
        lk.validate(known, hospital(2), endpoint=of_cells, progress=False)
    cells = load_model(Path(__file__).parents[2] / "docs" / "examples" / "crauste2017.py")
    monkeypatch.setattr(validating, "calibrated_models", lambda: ("cells",))
    monkeypatch.setattr(validating, "literature_draws", lambda _: SimpleNamespace(model=cells))
    with pytest.raises(ModelError, match="found quantity alc, expected what model crauste2017 sho"):
        lk.validate(known, hospital(2), endpoint=of_counts, all_models=True, progress=False)
