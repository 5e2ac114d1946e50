"""Every quick method on the demo's trial, beside chains: they agree where they say so themselves.

Takes half an hour: uv run pytest -m slow -n 0 tests/slow/test_methods_on_demo.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.infer import METHODS
from lymphokin.shipped import data_path
from tests.conftest import SavedRun, fit_and_save

pytestmark = pytest.mark.slow
QUICK = [m for m in METHODS if m != "hmc"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SavedRun]:
    folder = tmp_path_factory.mktemp("demo")
    table = data_path("synthetic_sbrt_atra_trial.csv")
    return {m: fit_and_save(table, folder / m, counts_until=21.0, method=m) for m in METHODS}


def risks(run: SavedRun) -> pd.Series:
    return run.forecast.patients["p_grade2_measured"]


@pytest.mark.parametrize("method", [m for m in QUICK if m != "map"])
def test_what_calls_itself_good_agrees_with_nuts_and_what_does_not_says_so(runs, method):
    z, other = (runs[m].fit.population_z() for m in ("hmc", method))
    distance = np.abs(other.mean(axis=0) - z.mean(axis=0)) / z.std(axis=0)
    ratio = other.std(axis=0) / z.std(axis=0)
    belief = runs[method].fit.provenance["approximation"]
    print(method, belief["level"], np.median(distance), distance.max(), np.median(ratio))
    close = distance.max() < 0.3 and ratio.min() > 0.8 and ratio.max() < 1.25
    assert close or belief["level"] != "good"
    if belief["level"] == "bad":
        assert "Do not believe the population" in belief["verdict"]


def test_risks_of_the_quick_fit_are_those_of_nuts_for_a_look(runs):
    """Twice what was measured (docs/statistics.md)."""
    gap = (risks(runs["quick"]) - risks(runs["hmc"])).abs()
    assert gap.mean() < 0.05


def test_each_says_in_its_report_what_it_is(runs):
    for method in QUICK:
        report = (runs[method].folder / "report.html").read_text()
        assert 'class="banner approximate' in report
        assert runs[method].fit.provenance["approximation"]["verdict"] in report
    assert "banner approximate" not in (runs["hmc"].folder / "report.html").read_text()


def ran(*arguments: str | Path):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("command", ["check", "compare"])
def test_checks_and_comparisons_take_draws_and_refuse_a_point(runs, command):
    beside = [runs["hmc"].folder] if command == "compare" else []
    done = ran(command, runs["quick"].folder, *beside, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["verdicts"]
    refused = ran(command, runs["map"].folder, *beside)
    assert isinstance(refused.exception, ValueError)
    assert "single point" in str(refused.exception)


def test_new_patients_are_forecast_from_any_run(runs):
    table = data_path("synthetic_sbrt_atra_trial.csv")
    for method in QUICK:
        done = ran("predict", runs[method].folder, table, "--counts-until", "21", "--json")
        assert done.exit_code == 0, done.output
        assert len(json.loads(done.stdout)) == len(risks(runs[method]))
