"""Held-out forecasts: who is judged, what the scores are, and that bad news is said."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.criticism.forecasts.benchmarks import ARM_RATE, BASELINE, CARRIED_FORWARD, Forecasts
from lymphokin.criticism.forecasts.held_out import HeldOut, held_out_forecasts
from lymphokin.criticism.forecasts.later_counts import count_measures
from lymphokin.criticism.forecasts.predict_left_out import predict_left_out, to_judge
from lymphokin.criticism.forecasts.prediction_quality import (
    BENCHMARKS,
    MODEL,
    PredictionQuality,
    prediction_quality,
)
from lymphokin.criticism.forecasts.prediction_verdicts import prediction_verdicts, read_first
from lymphokin.endpoints import Endpoint, at_day
from lymphokin.io import BadInput
from lymphokin.model import ModelError, load_model
from lymphokin.predict import forecast
from lymphokin.progress import Reporter
from lymphokin.run import open_run
from tests.criticism.test_check_command import Page

PATIENTS = 60


def forecasts_of(log_odds: np.ndarray, rng: np.random.Generator) -> Forecasts:
    """Risks, with counts that have little to do with them."""
    counts = np.exp(rng.normal(np.log(0.8), 0.4, (len(log_odds), 50)))
    return Forecasts.of_draws(1 / (1 + np.exp(-log_odds)), counts)


def judged(model_noise: float, benchmark_noise: float, k: np.ndarray) -> PredictionQuality:
    """A model and benchmarks that know each patient's log-odds with noise, on one day."""
    rng = np.random.default_rng(3)
    truth = rng.normal(0, 2, PATIENTS)
    happened = rng.random(PATIENTS) < 1 / (1 + np.exp(-truth))
    patients = pd.DataFrame(
        {"arm": "A", "endpoint_alc": np.where(happened, 0.6, 1.1), "happened": happened},
        index=pd.Index([f"P{i:02d}" for i in range(PATIENTS)], name="id"),
    )

    def said(noise: float) -> Forecasts:
        return forecasts_of(truth + rng.normal(0, noise, PATIENTS), rng)

    model = {0.0: HeldOut(said(model_noise), k)}
    benchmarks = {(0.0, name): said(benchmark_noise) for name in BENCHMARKS}
    return prediction_quality(patients, model, benchmarks, seed=1)


@pytest.fixture(scope="module")
def good() -> PredictionQuality:
    """A good model, two of whose patients cannot be left out by weights."""
    k = np.full(PATIENTS, 0.3)
    k[[4, 17]] = 0.9
    return judged(0.3, 4.0, k)


def test_who_cannot_be_left_out_is_judged_for_nobody(good: PredictionQuality):
    assert good.left_out(0.0) == ["P04", "P17"]
    for name in (MODEL, *BENCHMARKS):
        table = good.judged(0.0, name)
        assert len(table) == PATIENTS - 2
        assert good.score(0.0, "brier", name).value == pytest.approx(table["brier"].mean())
        assert good.score(0.0, "crps", name).value == pytest.approx(table["crps"].mean())
    assert set(good.scores["patients"]) == {PATIENTS - 2}
    assert any("to 2 patients are not judged (day 0)" in said for said in read_first(good))
    (verdict,) = [v for v in prediction_verdicts(good) if v.check == "patients that can be judged"]
    assert verdict.level == "look"
    assert "P04, P17" in verdict.sentence


def test_differences_are_paired(good: PredictionQuality):
    ours, theirs = (good.judged(0.0, name)["log_score"] for name in (MODEL, BASELINE))
    found = good.score(0.0, "log_score", against=BASELINE)
    difference = ours - theirs
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert found.value == pytest.approx(difference.mean())
    assert found.q95 - found.value == pytest.approx(1.672 * error, rel=1e-3)  # t with 57 df


def test_a_rate_that_is_learnt_from_the_others_has_no_auc(good: PredictionQuality):
    assert np.isnan(good.score(0.0, "auc", ARM_RATE).value)
    assert np.isnan(good.score(0.0, "calibration_slope", ARM_RATE).value)
    assert np.isnan(good.score(0.0, "auc", against=ARM_RATE).value)
    assert np.isfinite(good.score(0.0, "auc", CARRIED_FORWARD).value)


@pytest.mark.parametrize(
    ("model", "benchmark", "level", "said"),
    [
        (0.3, 4.0, "fine", ""),
        (1.0, 1.0, "look", "is not shown to beat"),
        (6.0, 0.1, "wrong", "is worse"),
    ],
)
def test_a_model_that_does_not_beat_the_baseline_is_reported_so(model, benchmark, level, said):
    found = judged(model, benchmark, np.full(PATIENTS, 0.1))
    verdicts = {v.check: v for v in prediction_verdicts(found)}
    assert verdicts[f"held-out forecasts against {BASELINE}"].level == level
    loud = [s for s in read_first(found) if "logistic regression on the baseline count" in s]
    assert len(loud) == (level != "fine")
    assert all(said in s for s in loud)


def test_a_certain_forecast_that_fails_is_worse_than_any():
    happened = np.arange(6) < 3
    count = np.where(happened, 0.6, 1.1)
    table = pd.DataFrame({"arm": "A", "endpoint_alc": count, "happened": happened})
    rng = np.random.default_rng(0)
    fair = forecasts_of(np.zeros(6), rng)
    certain = fair._replace(risk=np.array([0.0, 0.9, 0.9, 0.1, 0.1, 0.1]))
    benchmarks = {(0.0, name): fair for name in BENCHMARKS}
    found = prediction_quality(table, {0.0: HeldOut(certain, np.zeros(6))}, benchmarks, 0)
    assert np.isposinf(found.score(0.0, "log_score").value)
    levels = {v.check: v.level for v in prediction_verdicts(found)}
    assert levels[f"held-out forecasts against {BASELINE}"] == "wrong"


@pytest.mark.long
def test_the_risks_are_those_of_a_forecast_without_the_patients_later_records(made_up_run: Path):
    fit = open_run(made_up_run)
    posterior = fit.density
    ids = posterior.packed.cohort.patients.index[[3, 1]]
    known = {"in_fit": True, "seed": 2}
    z = fit.population_z()
    found = held_out_forecasts(posterior, z, ids, (14.0,), **known)[14.0]
    said = forecast(
        posterior, z, seen=fit.provenance["seen"], counts_until=14.0, synthetic=True, **known
    ).patients
    np.testing.assert_allclose(found.forecasts.risk, said.loc[ids, "p_grade2_measured"])
    np.testing.assert_allclose(found.pareto_k, said.loc[ids, "pareto_k"])
    np.testing.assert_allclose(found.forecasts.weights.sum(axis=1), 1.0)


@pytest.mark.long
def test_the_command_writes_a_page_and_its_numbers(made_up_run: Path):
    before = {p.name: p.read_bytes() for p in made_up_run.iterdir()}
    done = CliRunner().invoke(
        app, ["check", str(made_up_run), "--predictive", "--json"], catch_exceptions=False
    )
    assert done.exit_code == 0
    after = {p.name: p.read_bytes() for p in made_up_run.iterdir()}
    assert {name: after[name] for name in before} == before
    new = {"check_predictive.html", "check_predictive.json", "check_predictive_scores.csv",
           "check_predictive_forecasts.csv", "check_predictive_later_counts.csv"}  # fmt: skip
    assert set(after) - set(before) <= new
    assert new <= set(after)
    said = json.loads(done.stdout)
    assert {v["subject"] for v in said["verdicts"]} >= {"counts to day 0", "counts to day 28"}
    scores = pd.read_csv(made_up_run / "check_predictive_scores.csv")
    assert len(scores) == len(said["scores"])
    forecasts = pd.read_csv(made_up_run / "check_predictive_forecasts.csv")
    assert set(forecasts["predictor"]) == {MODEL, *BENCHMARKS}
    assert forecasts["risk"].between(0, 1).all()
    # One solution of the equations gives the endpoint's forecasts and those of all later counts.
    fit = open_run(made_up_run)
    own = forecasts.query("predictor == @MODEL and day == 14").set_index("id")
    z, ids = fit.population_z(), own.index[:2]
    alone = held_out_forecasts(fit.density, z, ids, (14.0,), in_fit=True, seed=0)[14.0]
    np.testing.assert_allclose(own.loc[ids, "risk"], alone.forecasts.risk)
    later = pd.read_csv(made_up_run / "check_predictive_later_counts.csv")
    counts = fit.cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    assert len(later.query("look == 14")) == (counts["day"] > 14).sum()
    assert "every later count" in {v["check"] for v in said["verdicts"]}
    text = (made_up_run / "check_predictive.html").read_text()
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert text.count("A good one") >= len(page.pictures) == 3
    assert "Read this first" in text
    assert "Fewer than 10 patients with or without the event" in text
    for caution in said["read_first"]:
        assert caution.split("(")[0] in text


@pytest.mark.long
def test_another_endpoint_is_judged_on_its_day(made_up_run: Path):
    fit, endpoint = open_run(made_up_run), at_day(63).model_copy(update={"window": 7.0})
    density, cases = to_judge(fit, (14.0,), endpoint)
    quality = predict_left_out(fit, 3, Reporter(), (14.0,), endpoint)
    said = forecast(density, fit.population_z(), seen=fit.provenance["seen"], counts_until=14.0,
                    synthetic=True, endpoint=endpoint, in_fit=True, seed=3).patients  # fmt: skip
    own = quality.judged(14.0, MODEL)
    assert list(own.index) == [i for i in cases.patients.index if i in own.index]
    np.testing.assert_allclose(own["risk"], said.loc[own.index, "p_grade2_measured"])
    np.testing.assert_allclose(own["endpoint_alc"], said.loc[own.index, "observed_alc"])
    with pytest.raises(BadInput, match="an endpoint with an event"):
        to_judge(fit, endpoint="days_below_0.8")


@pytest.mark.parametrize(
    ("shift", "scale", "level", "reported"),
    [(0, 1, "fine", "No fault"), (0.5, 1, "look", "higher"), (0, 3, "wrong", "too narrow")],
)
def test_later_counts_that_fall_elsewhere_are_noticed(good, shift, scale, level, reported):
    rng = np.random.default_rng(5)
    z = shift + scale * rng.standard_normal(400)
    of = {f"q{round(100 * q):02d}": np.exp(norm.ppf(q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}
    counts = pd.DataFrame({"id": np.arange(400) // 4, "value": np.exp(z), "pit": norm.cdf(z)})
    counts = counts.assign(**of, crps=1.0, pareto_k=0.1)
    rows = pd.DataFrame(
        [
            {"day": 0.0, "predictor": MODEL, "against": "", "measure": name, **found._asdict()}
            for name, found in count_measures(counts, 0).items()
        ]
    )
    scores = pd.concat([good.scores, rows.assign(patients=100, events=50)])
    quality = replace(good, scores=scores, later=counts.assign(look=0.0))
    (verdict,) = [v for v in prediction_verdicts(quality) if v.check == "every later count"]
    assert verdict.level == level
    assert reported in verdict.sentence


def test_an_endpoint_that_the_model_does_not_show_is_refused():
    declared = {"name": "fall", "meaning": "x", "quantity": "cd8", "what": "fold", "day": 42}
    endpoint = Endpoint.model_validate(declared | {"from": "last_fraction", "below": 0.5})
    fit = SimpleNamespace(model=load_model("hedos_hcc"))
    with pytest.raises(ModelError, match="fall: found quantity cd8, expected what model hedos_hcc"):
        to_judge(fit, endpoint=endpoint)  # type: ignore[arg-type]
