"""Deliberately wrong models of a simulated trial: do the checks find them?

uv run pytest -m slow -n 0 tests/slow/test_wrong_models.py
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.io import write_events
from lymphokin.shipped import data_path
from lymphokin.trial.synthetic import Truth, simulate_trial
from tests.conftest import fit_and_save

WRONG = {"no_slow_pool": {"fast_fraction": 0.98}, "no_myeloid_term": {"suppression": 0.0}}
PER_ARM = 80
"""Three times the shipped trial: there the missing slow pool is only 1.6 standard errors worse."""

pytestmark = pytest.mark.slow


def said(*arguments: Any) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """Quick fits of a trial with gamma = 1: by the model that made it, and by the wrong ones."""
    folder = tmp_path_factory.mktemp("wrong")
    shipped = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    assert shipped.typical["suppression"] == 1.0
    truth = replace(shipped, design={**shipped.design, "per_arm": PER_ARM})
    table = folder / "synthetic_large.csv"
    write_events(simulate_trial(truth, seed=7).cohort, table, ["SYNTHETIC DATA"])
    found = {}
    for name, fixed in {"right": {}, **WRONG}.items():
        found[name] = folder / name
        fit_and_save(table, found[name], fixed=fixed, method="quick")
    return found


def test_left_out_counts_tell_the_wrong_models_from_the_right_one(runs):
    out = runs["right"].parent / "compared.html"
    compared = said("compare", *runs.values(), "--out", out)
    verdicts = {v["subject"]: v for v in compared["verdicts"] if v["check"] == "left-out counts"}
    assert verdicts["right"]["numbers"]["difference"] == 0
    for name in WRONG:
        numbers = verdicts[name]["numbers"]
        print(name, numbers)
        assert numbers["difference"] < -2 * numbers["error"], name


def test_a_missing_myeloid_term_shows_as_a_trend_between_the_arms(runs):
    def trend(name: str) -> list[str]:
        verdicts = said("check", runs[name], "--draws", 500)["verdicts"]
        return [
            v["level"]
            for v in verdicts
            if v["check"] == "trend of population residuals" and v["subject"] == "alc"
        ]

    assert trend("no_myeloid_term") == ["wrong"]
    assert trend("right") == ["fine"]
