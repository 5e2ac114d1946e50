"""Approximate posteriors: right where the posterior is normal, and honest where it is not.

A model without treatment effects makes everything known in closed form: counts that scatter about
each patient's constant level, levels that scatter about the population's.
"""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from lymphokin.infer.approximate import approximate
from lymphokin.infer.density import density_of
from lymphokin.infer.fitting import FitSettings
from lymphokin.io import read_events, write_events
from lymphokin.model import load_model
from lymphokin.run import Fit, open_run
from tests.conftest import fit_and_save

pytestmark = pytest.mark.long

LEVEL = '''
"""Counts that stay at each patient's own level, whatever is done to the patient."""

from lymphokin.model import Block, Flow, Output, state


class Level(Block):
    """One pool at rest."""

    cells = state("1e9/L", initial=lambda p: p.level)
    shows = {"alc": Output("1e9/L", "absolute lymphocyte count")}

    def flows(self, y, p, u):
        return {"cells": Flow(0.1 * p.level, 0.1)}

    def outputs(self, y, p, u):
        return {"alc": y.cells}


blocks = (Level(),)
'''
MEDIAN, POPULATION_SD, BETWEEN_SD, RESIDUAL_SD = 1.4, 0.5, 0.4, 0.2
TABLE = f"""
[parameters.level]
symbol = "L"
meaning = "Lymphocyte count"
unit = "1e9/L"
transform = "log"
median = {MEDIAN}
population_sd = {POPULATION_SD}
between_subject_sd = {{spread}}
between_subject_log_sd = {{spread_log_sd}}
source = "None: made up for a test"
certainty = "proposed prior"

[residuals.alc]
distribution = "normal"
scale = "log"
sd = {{noise}}
sd_log_sd = 0.0
source = "None: made up for a test"
certainty = "proposed prior"
"""
APPROXIMATIONS = ("quick", "laplace", pytest.param("svi", marks=pytest.mark.slow))


def level_model(folder: Path, spread=BETWEEN_SD, spread_log_sd=0.0, noise=RESIDUAL_SD) -> str:
    path = folder / "level.py"
    path.write_text(LEVEL)
    text = TABLE.format(spread=spread, spread_log_sd=spread_log_sd, noise=noise)
    path.with_suffix(".toml").write_text(text)
    return str(path)


@pytest.fixture(scope="module")
def table(small_trial, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small trial without censored counts, which no closed form knows."""
    seen = small_trial.cohort.observations
    path = tmp_path_factory.mktemp("quantified") / "synthetic_small.csv"
    cohort = replace(small_trial.cohort, observations=seen[~seen["censored"]])
    write_events(cohort, path, ["SYNTHETIC DATA"])
    return path


@pytest.fixture(scope="module")
def normal_posterior(table: Path, tmp_path_factory: pytest.TempPathFactory):
    model = load_model(level_model(tmp_path_factory.mktemp("normal")))
    return density_of(model, read_events(table))


@pytest.fixture(scope="module")
def samples(normal_posterior):
    coarse = normal_posterior.with_long_steps()
    return lru_cache(lambda method: approximate(method, normal_posterior, coarse, 0))


def closed_form(density) -> tuple[float, float, np.ndarray]:
    """Mean and SD of the population's ln level, and each patient's mean."""
    counts = density.packed.cohort.observations.query("quantity == 'alc'")
    groups = np.log(counts["value"].dropna()).groupby(counts["id"])
    n, mean = groups.count(), groups.mean()
    assert len(n) == len(density.packed.cohort)
    of_mean = BETWEEN_SD**2 + RESIDUAL_SD**2 / n
    precision = 1 / POPULATION_SD**2 + (1 / of_mean).sum()
    population = (np.log(MEDIAN) / POPULATION_SD**2 + (mean / of_mean).sum()) / precision
    trust = BETWEEN_SD**2 / of_mean
    own = trust * mean + (1 - trust) * population
    ids = density.packed.cohort.patients.index
    return float(population), float(precision**-0.5), own.reindex(ids).to_numpy()


def log_levels(density, sample) -> tuple[np.ndarray, np.ndarray]:
    """ln level of the population [draw] and of the patients [draw, patient]."""
    unravel, hierarchy = density.unravel(), density.hierarchy
    population, patients = [], []
    for x in sample.x[0]:
        latents = unravel(jnp.asarray(x))
        values = hierarchy.population(latents.population)
        p, _ = hierarchy.individuals(values, latents, density.arrays)
        population.append(float(values.typical["level"]))
        patients.append(np.log(p.level))
    return np.asarray(population), np.asarray(patients)


@pytest.mark.parametrize("method", APPROXIMATIONS)
def test_a_normal_posterior_is_found_exactly(method, normal_posterior, samples):
    """500 draws: means to 4.5 standard errors, SDs to 15 %, which is as many.

    The variational fit is noisy: it may miss by a tenth of an SD more.
    """
    mean, sd, own = closed_form(normal_posterior)
    population, patients = log_levels(normal_posterior, samples(method))
    slack = 0.2 + (0.1 if method == "svi" else 0.0)
    assert abs(population.mean() - mean) < slack * sd
    assert population.std() == pytest.approx(sd, rel=0.15)
    np.testing.assert_allclose(patients.mean(axis=0), own, atol=slack * patients.std(axis=0).max())


@pytest.mark.parametrize("method", APPROXIMATIONS)
def test_a_normal_posterior_is_believed(method, samples):
    belief = samples(method).belief
    assert belief.level == "good", belief.verdict
    assert belief.pareto_k_population < 0.5
    assert not belief.patients_unreliable
    assert belief.effective_draws > 250
    if method == "laplace":  # the curvature of a normal posterior is its information
        assert belief.details["sd_over_expected_information"] == pytest.approx(1, abs=1e-6)


def test_the_mode_of_a_normal_posterior_is_its_mean_and_said_to_be_a_point(
    normal_posterior, samples
):
    mean, _, own = closed_form(normal_posterior)
    population, patients = log_levels(normal_posterior, samples("map"))
    np.testing.assert_allclose(population, [mean], atol=1e-4)
    np.testing.assert_allclose(patients, [own], atol=1e-4)
    assert samples("map").belief.level == "bad"
    assert "no uncertainty" in samples("map").belief.verdict


def test_a_posterior_that_is_not_normal_is_not_believed(table, tmp_path):
    """Hardly any information about the spread between patients: a funnel, not an ellipsoid."""
    model = load_model(level_model(tmp_path, spread=0.4, spread_log_sd=2.0, noise=1.5))
    density = density_of(model, read_events(table))
    found = approximate("laplace", density, density.with_long_steps(), 0)
    assert found.belief.level == "bad"
    assert found.belief.pareto_k_population > 0.7
    assert "Do not believe" in found.belief.verdict


@pytest.fixture(scope="module", params=["quick", pytest.param("map", marks=pytest.mark.slow)])
def run(request, table: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("run")
    model, method = level_model(folder), request.param
    return fit_and_save(table, folder / "run", model, counts_until=14.0, method=method)


def opened(run) -> Fit:
    return open_run(run.folder, run.fit.model)


def test_the_run_folder_is_that_of_any_method_and_says_what_it_is(run):
    names = {path.name for path in run.folder.iterdir()}
    contract = {"posterior.nc", "config.toml", "provenance.json", "summary.csv", "patients.csv"}
    assert contract | {"report.html", "cohort.csv"} <= names
    provenance = json.loads((run.folder / "provenance.json").read_text())
    assert provenance["method"] == opened(run).method == run.fit.method
    convergence, approximation = provenance["convergence"], provenance["approximation"]
    assert convergence["rhat_max"] is None
    assert convergence["level"] == approximation["level"]
    assert approximation["verdict"] in convergence["verdict"]
    assert "Markov chains; here there are none" in convergence["verdict"]
    report = (run.folder / "report.html").read_text()
    assert 'class="banner approximate' in report
    assert f"method {run.fit.method}" in report
    assert "Did the sampler converge" not in report
    assert run.fit.summary["rhat"].isna().all()
    grades = run.forecast.patients[["p_grade4_measured", "p_grade2_measured"]].to_numpy()
    assert np.all((grades >= 0) & (grades <= 1))


def test_a_runs_checks_and_forecasts_open_it_or_say_why_not(run):
    if run.fit.method != "map":
        population = opened(run).population
        assert "approximate (quick) fit" in population.provenance.title
        assert population.approximation
        opened(run).require_draws("a check")
        return
    assert (run.fit.summary["learnt"] == "unknown").all()
    assert run.fit.summary["contraction"].isna().all()
    with pytest.raises(ValueError, match=r"a check needs draws .* single point"):
        opened(run).require_draws("a check")
    with pytest.raises(ValueError, match=r"(?s)single.*point.*without.*uncertainty"):
        opened(run).population  # noqa: B018


def test_each_patients_risk_is_that_of_the_closed_form(run, normal_posterior):
    """Measured count below 0.795 given all the patient's counts up to day 14.

    Given the population's level as it is known; 1,000 weighted draws give a risk to about 0.03.
    """
    counts = run.fit.cohort.observations.query("quantity == 'alc' and day <= 14")
    groups = np.log(counts["value"].dropna()).groupby(counts["id"])
    mean, sd, _ = closed_form(normal_posterior)
    n, seen = groups.count(), groups.mean()
    trust = BETWEEN_SD**2 / (BETWEEN_SD**2 + RESIDUAL_SD**2 / n)
    centre = trust * seen + (1 - trust) * mean
    spread = 0.0 if run.fit.method == "map" else sd
    variance = trust * RESIDUAL_SD**2 / n + ((1 - trust) * spread) ** 2 + RESIDUAL_SD**2
    expected = norm.cdf((np.log(0.795) - centre) / np.sqrt(variance))
    risk = run.forecast.patients["p_grade2_measured"].reindex(centre.index)
    np.testing.assert_allclose(risk, expected, atol=0.06)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method 'guess': expected one of hmc, quick, svi"):
        FitSettings(method="guess")
    with pytest.raises(ValueError, match="method 'nuts' is now 'hmc'"):
        FitSettings(method="nuts")
