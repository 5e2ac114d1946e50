"""An unfinished fit is continued by the same call only; nothing is compiled to find that out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.infer import fitting


class StoppedError(Exception):
    """The fit was stopped as a user would stop it."""


def stopped(density, coarse, settings, checkpoint, *rest) -> None:
    """Chains that are stopped when the first arrays have been kept."""
    checkpoint.recall("whitening", lambda: {"centre": np.zeros(1)})
    raise StoppedError


@pytest.fixture
def begin(small_trial, tmp_path: Path, monkeypatch):
    """Begin a fit of the small trial, and stop it."""
    monkeypatch.setattr(fitting, "_by_markov_chains", stopped)
    cohort = replace(small_trial.cohort, sha256="a" * 64)

    def started(data: lk.Cohort = cohort, **settings: object) -> None:
        settings = {"seed": 1, "chains": 2, "warmup": 20, "draws": 30} | settings
        lk.fit(
            data,
            "hedos_hcc",
            unfinished=tmp_path / "unfinished",
            progress=False,
            **settings,  # type: ignore[arg-type]
        )

    with pytest.raises(StoppedError):
        started()
    return cohort, started


def test_the_same_fit_is_continued(begin):
    _, started = begin
    with pytest.raises(StoppedError):
        started()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"draws": 40},
        {"chains": 4},
        {"rtol": 1e-5},
        {"ess": 100},
        {"fixed": {"recovery_rate": 0.02}},
    ],
)
def test_a_fit_of_other_settings_is_not_continued(begin, other):
    _, started = begin
    with pytest.raises(ValueError, match="unfinished run of another"):
        started(**other)


def test_a_fit_of_other_data_is_not_continued(begin):
    cohort, started = begin
    with pytest.raises(ValueError, match="unfinished run of another"):
        started(replace(cohort, sha256="b" * 64))
