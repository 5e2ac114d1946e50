"""A fit from event table to run folder: what is in it, that it resumes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import lymphokin as lk
from lymphokin.cli import app
from lymphokin.predict import CONTRACT, forecast
from lymphokin.progress import Reporter
from tests.conftest import SHORT


class StopAfter(Reporter):
    """Interrupts a run as a user would, after some chunks of sampling."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks

    def sampling(self, progress) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_the_run_folder_holds_what_the_contract_names(small_run):
    names = {path.name for path in small_run.folder.iterdir()}
    contract = {"posterior.nc", "config.toml", "provenance.json", "summary.csv", "patients.csv"}
    assert contract | {"report.html"} <= names
    patients = pd.read_csv(small_run.folder / "patients.csv")
    assert list(patients.columns[: 1 + len(CONTRACT)]) == ["id", *CONTRACT]
    provenance = json.loads((small_run.folder / "provenance.json").read_text())
    for key in ("version", "commit", "data_sha256", "model_sha256", "seed", "packages", "device"):
        assert key in provenance
    assert {"rhat_max", "ess_bulk_min", "divergences", "verdict"} <= set(provenance["convergence"])


def counts_to_day_14(trial) -> dict[str, int]:
    """How many counts each patient has up to day 14."""
    counts = trial.cohort.observations.query("quantity == 'alc' and day <= 14")
    return counts.dropna(subset=["value"])["id"].value_counts().to_dict()


def test_probabilities_are_ordered_and_counts_until_is_obeyed(small_run, small_trial):
    table = small_run.forecast.patients
    grades = table[["p_grade4_measured", "p_grade3_measured", "p_grade2_measured"]].to_numpy()
    assert np.all(np.diff(grades, axis=1) >= 0)
    assert np.all((grades >= 0) & (grades <= 1))
    assert table["n_counts_used"].to_dict() == counts_to_day_14(small_trial)


def test_a_too_short_fit_says_so(small_run):
    convergence = small_run.fit.provenance["convergence"]
    assert convergence["level"] != "good"
    assert convergence["verdict"] in (small_run.folder / "report.html").read_text()


def test_a_fit_is_loaded_as_it_was_saved(small_run):
    loaded = lk.open_run(small_run.folder)
    np.testing.assert_array_equal(loaded.x, small_run.fit.x)
    assert loaded.config == small_run.fit.config | {"counts_until": 14.0}
    assert loaded.model.sha256 == small_run.fit.provenance["model_sha256"]


@pytest.mark.long
def test_an_interrupted_fit_is_continued_bit_for_bit(small_run, small_table, tmp_path: Path):
    unfinished, model = tmp_path / "unfinished", small_run.fit.config["model"]
    with pytest.raises(KeyboardInterrupt):
        lk.fit(small_table, model, unfinished=unfinished, progress=StopAfter(3), **SHORT)
    assert unfinished.is_dir()
    resumed = lk.fit(small_table, model, unfinished=unfinished, progress=False, **SHORT)
    np.testing.assert_array_equal(resumed.x, small_run.fit.x)
    resumed.save(tmp_path / "run", progress=False)
    assert not unfinished.exists()


def test_an_existing_run_is_never_overwritten(small_run):
    with pytest.raises(FileExistsError, match="choose another name"):
        small_run.fit.save(small_run.folder, progress=False)


def test_patients_of_the_fit_and_new_ones_are_told_apart(small_run):
    """The same patients: as those of the fit, whose later records taught it; and as new ones."""
    fit, settings = small_run.fit, {"counts_until": 14.0, "seed": small_run.fit.seed}
    seen = fit.provenance["seen"]
    of_fit = forecast(
        fit.density, fit.population_z(), in_fit=True, seen=seen, synthetic=True, **settings
    )
    pd.testing.assert_frame_equal(small_run.forecast.patients, of_fit.patients)
    as_new = fit.forecast(fit.cohort, counts_until=14.0).patients["p_grade2_measured"]
    assert (abs(as_new - of_fit.patients["p_grade2_measured"]) > 1e-3).any()


def test_new_patients_are_forecast_as_json(small_run, small_table, small_trial):
    command = ["predict", str(small_run.folder), str(small_table), "--counts-until", "14", "--json"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    patients = json.loads(done.stdout)
    assert len(patients) == 7
    assert {"id", "arm", "p_grade2_measured", "alc_q50", "extrapolation"} <= set(patients[0])
    used = {patient["id"]: patient["n_counts_used"] for patient in patients}
    assert used == counts_to_day_14(small_trial)
