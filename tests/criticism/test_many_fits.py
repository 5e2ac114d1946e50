"""Fits of a check that other processes make."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.criticism.many_fits import ManyFits
from lymphokin.jobs import Executor


@pytest.mark.slow
def test_folds_that_other_processes_fit_are_those_fitted_here(hedos_run, tmp_path):
    fit, there, here = lk.open_run(hedos_run.folder), tmp_path / "there", tmp_path / "here"
    asked = {"folds": 3, "seed": 2, "progress": False}
    elsewhere = lk.check_forecasts(fit, **asked, unfinished=there, executor=Executor(workers=2))
    alone = lk.check_forecasts(fit, **asked, unfinished=here)
    for fold in range(3):
        a, b = (np.load(folder / f"fold_{fold:03d}.npz") for folder in (there, here))
        assert all(np.array_equal(a[name], b[name]) for name in b)
    pd.testing.assert_frame_equal(elsewhere.quality.scores, alone.quality.scores)


def test_other_processes_need_a_saved_fit_and_a_folder(hedos_run, tmp_path):
    saved, executor = lk.open_run(hedos_run.folder), Executor(workers=2)
    for fit, unfinished in ((saved, None), (hedos_run.fit, tmp_path / "unfinished")):
        with pytest.raises(ValueError, match="a fit that is saved, and a folder"):
            lk.check_sampler(fit, unfinished=unfinished, executor=executor, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--workers", "2"], "together with --folds or --sbc"),
        (["--sbc", "20", "--cluster", "slurm"], "together with --workers"),
        (["--sbc", "20", "--workers", "2", "--cluster", "cloud"], "local or slurm"),
    ],
)
def test_workers_that_cannot_be_are_refused(hedos_run, options, expected):
    before = sorted(hedos_run.folder.iterdir())
    done = CliRunner().invoke(app, ["check", str(hedos_run.folder), *options])
    assert expected in str(done.exception)
    assert sorted(hedos_run.folder.iterdir()) == before


def test_a_folder_of_other_fits_is_not_continued(hedos_run, tmp_path):
    fit = lk.open_run(hedos_run.folder)

    def begin(asked):
        with asked.checkpoint(fit, tmp_path) as checkpoint:
            checkpoint.recall("fold_000", lambda: {"z": np.zeros(1)})

    begin(ManyFits(0, folds=3))
    begin(ManyFits(0, folds=3, endpoint="grade2_week6"))
    for other in (
        ManyFits(1, folds=3),
        ManyFits(0, folds=4),
        ManyFits(0, folds=3, endpoint="week15"),
        ManyFits(0),
    ):
        with pytest.raises(ValueError, match="unfinished run of another"):
            begin(other)
