"""Calibration to published cohorts: its studies, its likelihood, its sampler, and what it finds."""

import re
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.endpoints import read_endpoint
from lymphokin.literature import Counts, MetaAnalysis, Study, read_studies
from lymphokin.literature.between_models import RISKS, combine, numbers_of
from lymphokin.literature.cohorts import build_cohorts, course_days
from lymphokin.literature.kinetics import (
    kinetic_studies_of,
    read_kinetic_studies,
    shipped_kinetic_studies,
)
from lymphokin.literature.likelihood import log_likelihood, share_below
from lymphokin.literature.prior import _source
from lymphokin.literature.sampler import approximate, sample
from lymphokin.model import Residual, load_model
from lymphokin.population import Hierarchy
from lymphokin.shipped import data_path

NOISE = Residual("alc", "student_t", 0.136, "computed", degrees_of_freedom=5)
SD = np.array([NOISE.sd])


def test_shipped_studies_say_what_the_table_of_the_literature_says():
    table = pd.read_csv(data_path("literature/alc_calibration.csv"))
    values = set(table["value"].dropna().astype(str))
    ranges = " ".join(table["dispersion"].dropna())
    for study in read_studies():
        for counts in study.counts:
            for number in (counts.mean, *counts.below):
                if number is None or round(number % 0.1, 4) == 0.095:  # a threshold as reported
                    continue
                assert f"{number:g}" in ranges or any(float(v) == number for v in values
                                                      if v.replace(".", "").isdigit())  # fmt: skip


def test_shipped_drug_studies_say_what_the_table_of_parameters_says():
    table = pd.read_csv(data_path("literature/parameters.csv"))
    values = {float(v) for v in table["value"] if str(v).replace(".", "").isdigit()}
    studies = shipped_kinetic_studies()["atra"].studies
    means = [m.mean for s in studies for m in s.means if m.mean is not None]
    assert len(means) == 8
    assert set(means) <= values


def test_studies_of_a_drug_are_those_of_models_with_its_kinetics():
    """A file says of which; the priors of a model name the files that moved them."""
    found = kinetic_studies_of(load_model("myeloid_lymphoid"))
    assert found is not None
    assert (found.drug, found.file) == ("atra", "atra_studies.toml")
    assert found.mg(found.studies[0]) == pytest.approx(45 * 1.8)
    assert kinetic_studies_of(load_model("hedos_hcc")) is None
    literature = load_model("myeloid_lymphoid_literature").table["max_induction"].source
    assert _source(load_model("myeloid_lymphoid")) == literature
    assert "atra" not in _source(load_model("hedos_hcc"))


def test_a_file_of_kinetics_that_cannot_be_used_is_named(tmp_path: Path):
    text = data_path("literature/atra_studies.toml").read_text(encoding="utf-8")
    for wrong, reported in (
        (text.replace("mean = 394.0", "men = 394.0"), "study label: .*men"),
        (text.replace('amount = "central"', 'amounts = "central"'), "amounts"),
    ):
        (tmp_path / "studies.toml").write_text(wrong)
        with pytest.raises(ValueError, match=f"studies.toml: .*{reported}"):
            read_kinetic_studies(tmp_path / "studies.toml")


def test_everything_wrong_with_a_file_of_studies_is_reported_at_once(tmp_path: Path):
    path = tmp_path / "studies.toml"
    path.write_text(
        '[[study]]\nname = "a"\nsource = "x"\nn = 10\nfractions = 5\ndose_per_fraction_gy = 8.0\n'
        'site = "moon"\n[[study.counts]]\nof = "later"\ndays = [3]\nbelow = [1.0]\nshare = [1.5]\n'
        '[[study]]\nname = "a"\nsource = "x"\nn = 0\nfractions = 5\ndose_per_fraction_gy = 8.0\n'
        'site = "liver"\n[[study.counts]]\nof = "baseline"\n'
    )
    with pytest.raises(ValueError, match="moon") as raised:
        read_studies(path)
    for reported in (
        "studies.toml",
        "later",
        "1.5",
        "two studies are called a",
        "below with share",
    ):
        assert reported in str(raised.value)


def test_a_course_is_on_weekdays():
    assert course_days(7).tolist() == [0, 1, 2, 3, 4, 7, 8]


def test_shares_below_a_count_agree_with_scipy():
    log_true = np.log([[1.0, 0.7], [0.8, 1.2], [0.9, 0.6]])  # [visit, patient]
    cuts = (0.5, 0.8, 1.1)
    z = (np.log(cuts)[:, None, None] - log_true) / 0.136
    below = stats.t(5).cdf(z)
    once = Counts("one visit", (1.0, 2.0, 3.0), cuts, (0.1, 0.5, 0.9))
    lowest = replace(once, of="lowest")
    np.testing.assert_allclose(share_below(NOISE, once, log_true, SD), below.mean((1, 2)), 1e-6)
    expected = (1 - (1 - below).prod(axis=1)).mean(axis=-1)
    np.testing.assert_allclose(share_below(NOISE, lowest, log_true, SD), expected, 1e-6)
    # Of many visits the lowest is lower than any one of them.
    assert (expected > below.mean((1, 2))).all()


def test_quartiles_are_multinomial_counts():
    log_true = np.log([[1.0, 0.7, 1.5]])
    counts = Counts("one visit", (1.0,), (0.7, 1.0, 1.4), (0.25, 0.5, 0.75))
    edges = stats.t(5).cdf((np.log(counts.below)[:, None] - log_true[0]) / 0.136).mean(axis=1)
    cells = np.diff([0, *edges, 1])
    expected = 40 * (0.25 * np.log(cells)).sum()
    assert float(log_likelihood(NOISE, counts, 40, log_true, SD)) == pytest.approx(expected)
    half = replace(counts, weight=0.5)
    assert float(log_likelihood(NOISE, half, 40, log_true, SD)) == pytest.approx(expected / 2)


def test_the_sampler_draws_a_correlated_normal():
    covariance = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.3], [0.0, 0.3, 0.5]])
    precision, mean = np.linalg.inv(covariance), np.array([1.0, -1.0, 0.5])

    def density(x):
        d = x - mean
        return -0.5 * d @ precision @ d, -precision @ d

    found = approximate(density, np.zeros(3))
    np.testing.assert_allclose(found.centre, mean, atol=1e-3)
    chain = sample(density, found, 50, 50, 4000, np.random.default_rng(1))
    np.testing.assert_allclose(chain.x.mean(axis=0), mean, atol=0.08)
    np.testing.assert_allclose(np.cov(chain.x.T), covariance, atol=0.12)
    assert 0.6 < chain.acceptance < 0.99


@pytest.fixture(scope="module")
def true_z() -> np.ndarray:
    hierarchy = Hierarchy(load_model("hedos_hcc"))
    z = np.zeros(len(hierarchy.quantities))
    z[hierarchy.population_names.index("radiosensitivity")] = -1.0
    z[hierarchy.population_names.index("recovery_rate")] = 1.0
    return z


@pytest.fixture(scope="module")
def analysis(true_z: np.ndarray) -> MetaAnalysis:
    """Three large studies of one model's own virtual patients, at a population that is known."""
    cuts = (0.5, 0.7, 0.9, 1.1, 1.4, 1.8)
    shape = [Counts("baseline", (), cuts)] + [
        Counts("one visit", (float(day),), cuts) for day in (3, 30, 90)
    ]
    blank = [Study(f"s{i}", "", 20_000, 5, 10.0, tuple(shape), "liver") for i in range(3)]
    cohorts = build_cohorts(Hierarchy(load_model("hedos_hcc")), blank)
    none = jnp.zeros(3)
    log_true, sd = jax.jit(cohorts.log_counts)(jnp.asarray(true_z), none, none)
    studies = []
    for i, study in enumerate(blank):
        own = np.asarray(log_true)[:, cohorts.study_of == i]
        counts = [
            replace(c, share=tuple(np.asarray(share_below(NOISE, c, own[nodes], sd)).tolist()))
            for c, nodes in zip(study.counts, cohorts.nodes[i], strict=True)
        ]
        studies.append(replace(study, counts=tuple(counts)))
    return MetaAnalysis(load_model("hedos_hcc"), studies)


@pytest.mark.long
def test_calibration_finds_the_population_behind_the_studies(analysis, true_z):
    found = approximate(analysis._density(None), np.zeros(len(analysis._sampled)))
    at = dict(zip(analysis._sampled.tolist(), found.centre, strict=True))
    names = analysis.hierarchy.population_names
    # Both offsets of a study are free, so the sensitivity is known up to their mean.
    assert at[names.index("radiosensitivity")] == pytest.approx(-1.0, abs=0.35)
    assert at[names.index("recovery_rate")] == pytest.approx(1.0, abs=0.1)


def test_the_gradient_is_that_of_the_density(analysis):
    density = analysis._density("s1")
    rng = np.random.default_rng(2)
    x, direction = 0.2 * rng.standard_normal((2, len(analysis._sampled)))
    value, gradient = density(x)
    step = 1e-4
    slope = (density(x + step * direction)[0] - density(x - step * direction)[0]) / (2 * step)
    assert np.isfinite(value)
    assert gradient @ direction == pytest.approx(slope, rel=1e-4)


def test_a_study_left_out_says_nothing(analysis):
    rng = np.random.default_rng(3)
    x = 0.2 * rng.standard_normal(len(analysis._sampled))
    moved = x.copy()
    moved[-2 - 3 + 1] += 0.5  # the dose of study s1
    with_it, without = analysis._density(None), analysis._density("s1")
    likelihood = (with_it(moved)[0] - with_it(x)[0]) - (without(moved)[0] - without(x)[0])
    assert abs(likelihood) > 1.0
    prior = -0.5 * (moved[-4] ** 2 - x[-4] ** 2)
    assert without(moved)[0] - without(x)[0] == pytest.approx(prior, abs=1e-6)


def forecasts(risks: dict[str, list[float]], happened: list[bool | None]) -> pd.DataFrame:
    frames = []
    for risk in risks.values():
        own = pd.DataFrame(dict.fromkeys(RISKS, risk))
        own["observed_grade2"] = happened
        own.index = pd.Index([f"P{i}" for i in range(len(risk))], name="id")
        frames.append(own)
    return pd.concat(frames, keys=list(risks), names=["model", "id"])


def test_models_are_weighed_equally_until_outcomes_are_known():
    found = combine(forecasts({"a": [0.2, 0.5], "b": [0.4, 0.1]}, [None, None]))
    assert found.rule == "equal"
    np.testing.assert_allclose(found.combined["p_grade2_measured"], [0.3, 0.3])
    assert found.combined["lowest_model"].tolist() == ["a", "b"]
    assert found.combined["p_grade2_lowest"].tolist() == [0.2, 0.1]
    assert found.combined["p_grade2_highest"].tolist() == [0.4, 0.5]


def test_the_command_shows_the_measured_risk_of_every_model_and_of_all(monkeypatch):
    by_model = forecasts({"a": [0.2, 0.5], "b": [0.4, 0.1]}, [None, None])
    # The counts of P1 disagree with model b.
    found = combine(by_model.assign(p_grade2_true=0.9, pareto_k=[0.1, 0.1, 0.1, 0.9]))
    monkeypatch.setattr("lymphokin.literature.between_models.between_models", lambda *_: found)
    table = data_path("synthetic_sbrt_atra_trial.csv")
    done = CliRunner().invoke(app, ["spread", str(table)], catch_exceptions=False)
    rows = [re.findall(r"[^│┃\s]+(?: %)?(?: ‡)?", line) for line in done.stdout.splitlines()]
    assert ["P0", "20 %", "40 %", "30 %"] in rows
    assert ["P1", "50 %", "10 % ‡", "30 % ‡"] in rows
    assert "‡ unreliable" in done.stdout
    assert ["patient", "a", "b", "combined"] in rows


def test_stacking_trusts_the_model_that_foresaw_what_happened():
    rng = np.random.default_rng(4)
    risk = rng.uniform(0.05, 0.95, 200)
    happened = (rng.uniform(size=200) < risk).tolist()
    found = combine(forecasts({"right": risk.tolist(), "wrong": (1 - risk).tolist()}, happened))
    assert found.rule == "stacking"
    assert found.weights["right"] > 0.9
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_models_are_combined_in_the_numbers_of_a_window():
    endpoint = read_endpoint("days_below_0.8")
    numbers = numbers_of(endpoint)
    assert numbers == ("days_below_0.8_measured_q50", "days_below_0.8_true_q50")
    days = {"a": (10.0, 20.0), "b": (30.0, 60.0)}
    table = pd.DataFrame(
        {"model": list(days), "id": "P1"}
        | dict(zip(numbers, zip(*days.values(), strict=True), strict=True))
    ).set_index(["model", "id"])
    found = combine(table, endpoint)
    row = found.combined.loc["P1"]
    assert (found.rule, row[numbers[0]], row[numbers[1]]) == ("equal", 20, 40)
    assert (row[f"{numbers[0]}_lowest"], row[f"{numbers[0]}_highest"]) == (10, 30)
    assert (row["lowest_model"], row["highest_model"]) == ("a", "b")
    assert numbers_of(read_endpoint("grade3_lowest"))[0] == "p_grade3_lowest_measured"
    assert numbers_of(read_endpoint("week15"))[0] == "p_grade2_measured"
