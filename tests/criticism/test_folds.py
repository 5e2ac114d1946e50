"""Forecasts of patients by fits without them: who is hidden, from whom, and what is kept."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.criticism.forecasts.cases import cases_of
from lymphokin.criticism.forecasts.held_out import held_out_forecasts
from lymphokin.criticism.forecasts.predict_left_out import FoldFits, predict_by_folds
from lymphokin.criticism.forecasts.prediction_quality import BENCHMARKS, MODEL
from lymphokin.criticism.forecasts.prediction_verdicts import prediction_verdicts, read_first
from lymphokin.criticism.forecasts.refit import folds_of, hiding
from lymphokin.endpoints import DEFAULT, shipped_endpoints
from lymphokin.infer import Checkpoint, HmcSettings
from lymphokin.infer.density import density_of
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.progress import Reporter
from tests.conftest import SHORT

FOLDS = 3


@pytest.fixture(scope="module")
def density(small_table):
    return density_of(load_model("hedos_hcc"), read_events(small_table))


@pytest.mark.parametrize("count", [2, 3, 7])
def test_folds_are_of_equal_size_and_alike_in_arms(count):
    arms = pd.DataFrame({"arm": ["A"] * 21 + ["B"] * 14})
    fold = folds_of(arms, count, seed=4)
    sizes = pd.crosstab(fold, arms["arm"])
    assert len(sizes) == count
    assert (np.ptp(sizes.to_numpy(), axis=0) <= 1).all()
    assert np.ptp(np.bincount(fold)) <= 1
    assert not np.array_equal(fold, folds_of(arms, count, seed=5))


@pytest.mark.long
def test_a_hidden_patient_does_not_speak(density):
    """The density is the same, bit for bit, whatever the records of the hidden patients say."""
    cohort = density.packed.cohort
    hidden = [str(i) for i in cohort.patients.index[[0, 3]]]
    records = cohort.observations
    theirs = records["id"].isin(hidden)
    other = records.assign(value=records["value"].where(~theirs, 3 * records["value"]))
    changed = density_of(density.hierarchy.model, replace(cohort, observations=other))
    x = np.random.default_rng(0).normal(0, 0.3, density.centre.shape)

    def densities(ids):
        kept = (hiding(p, ids) for p in (density, changed))
        return [float(p.density_and_gradient(x, p.arrays)[0]) for p in kept]

    same, also = densities(hidden)
    assert same == also
    one_seen = densities(hidden[:1])
    assert one_seen[0] != one_seen[1]
    # With nobody to hear, what is left is the prior of everybody's latents.
    everybody = hiding(density, list(cohort.patients.index))
    alone = everybody.likelihood.total(everybody.unravel()(x), everybody.arrays)
    assert float(alone) == 0.0


@pytest.fixture(scope="module")
def folded(density, tmp_path_factory):
    cases = cases_of(density.packed.cohort, shipped_endpoints()[DEFAULT], 14.0)
    fits = FoldFits(density, cases.patients, FOLDS, 2, HmcSettings(**SHORT))
    folder = tmp_path_factory.mktemp("folds")
    checkpoint = Checkpoint(folder, {})

    def judge():
        return predict_by_folds(fits, density, cases, checkpoint, Reporter(), (0.0, 14.0))

    return judge(), judge, folder, fits.patients, fits.fold


@pytest.mark.slow
def test_every_patient_is_judged_beside_the_benchmarks(folded):
    found, _, _, patients, _ = folded
    late = found.forecasts.query("day == 14")
    for name in (MODEL, *BENCHMARKS):
        own = late[late["predictor"] == name]
        assert list(own["id"]) == list(patients.index)
        assert list(own["happened"]) == list(patients["happened"])
    # Chains this short disagree, which is reported.
    chains = [v for v in prediction_verdicts(found) if v.check == "chains agree"]
    assert [v.subject for v in chains] == [f"fold {k + 1}" for k in range(FOLDS)]
    assert any("the chains did not agree" in said for said in read_first(found))


@pytest.mark.slow
def test_a_forecast_is_that_of_the_fit_without_its_fold(folded, density):
    found, _, folder, patients, fold = folded
    z = np.load(folder / "fold_001.npz")["z"]
    ids = patients.index[fold == 1]
    alone = held_out_forecasts(density, z, ids, (14.0,), in_fit=False, seed=3)[14.0]
    own = found.forecasts.query("predictor == @MODEL and day == 14").set_index("id")
    np.testing.assert_allclose(own.loc[ids, "risk"], alone.forecasts.risk)


@pytest.mark.slow
def test_finished_folds_are_not_fitted_again(folded):
    found, judge, folder, _, _ = folded
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    pd.testing.assert_frame_equal(judge().scores, found.scores)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--folds", "3"], "together with --predictive"),
        (["--predictive", "--folds", "1"], "expected 2 to"),
        (["--predictive", "--folds", "99"], "expected 2 to"),
    ],
)
def test_folds_that_cannot_be_are_refused(made_up_run, options, expected):
    before = sorted(made_up_run.iterdir())
    done = CliRunner().invoke(app, ["check", str(made_up_run), *options])
    assert isinstance(done.exception, ValueError)
    assert expected in str(done.exception)
    assert sorted(made_up_run.iterdir()) == before
