"""Shared fixtures: one small synthetic trial and one short fit of it, made once per session."""

from dataclasses import replace
from pathlib import Path

import pytest
import submitit  # noqa: F401  (early: importing it closes what others log to, pytest's capture too)

from lymphokin.infer import NutsSettings
from lymphokin.io import write_events
from lymphokin.shipped import data_path
from lymphokin.trial.synthetic import SyntheticTrial, Truth, simulate_trial

SHORT = NutsSettings(chains=2, pilot=25, warmup=25, draws=50, seed=3)
"""Far too short to believe; enough to see that everything is there."""


@pytest.fixture(scope="session")
def truth() -> Truth:
    shipped = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    return replace(shipped, design={**shipped.design, "run_in": 1, "per_arm": 3})


@pytest.fixture(scope="session")
def small_trial(truth: Truth) -> SyntheticTrial:
    return simulate_trial(truth, seed=5)


@pytest.fixture(scope="session")
def small_table(small_trial: SyntheticTrial, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "synthetic_small.csv"
    write_events(small_trial.cohort, path, ["SYNTHETIC DATA"])
    return path


@pytest.fixture(scope="session")
def small_run(small_table: Path, tmp_path_factory: pytest.TempPathFactory):
    from lymphokin.workflow import Job, run_fit

    out = tmp_path_factory.mktemp("runs") / "small"
    return run_fit(small_table, out, Job(settings=SHORT, counts_until=14.0))
