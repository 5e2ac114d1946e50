"""The literature posterior that ships with lymphokin: what it must say, and what it must not."""

import tomllib

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lymphokin.literature import calibrated_models, coverage, literature_draws, read_studies
from lymphokin.literature.calibrate import calibrate
from lymphokin.literature.checks import expected_counts, standard_courses
from lymphokin.literature.meta_analysis import Settings
from lymphokin.literature.posterior import (
    draws_of_posterior,
    read_posterior,
    shipped_details,
)
from lymphokin.literature.prior import model_with_prior, prior_table
from lymphokin.model import ModelError, load_model
from lymphokin.population.draws import PopulationDraws
from lymphokin.shipped import data_path, models_path


@pytest.fixture(scope="module")
def population() -> PopulationDraws:
    return literature_draws()


def test_every_shipped_posterior_belongs_to_its_model_and_has_converged():
    assert calibrated_models()[0] == "myeloid_lymphoid"
    for name in calibrated_models():
        draws = literature_draws(name)
        with xr.open_dataset(data_path(f"literature/posterior/{name}.nc")) as stored:
            quantities = stored["quantity"].to_numpy().tolist()
            np.testing.assert_array_equal(draws.z, stored["z_new_study"].to_numpy())
        assert quantities == list(draws.hierarchy.population_names)
        assert draws.z.shape[0] >= 200
        assert np.isfinite(draws.z).all()
        assert shipped_details(name)["convergence"]["level"] != "bad"


def test_a_model_that_was_not_calibrated_is_refused_with_those_that_were():
    with pytest.raises(FileNotFoundError, match=r"abscopal_cd8 has not been .*myeloid_lymphoid"):
        literature_draws("abscopal_cd8")


def test_published_numbers_are_reproduced_and_studies_left_out_predicted():
    for kind, least in (("reproduction", 0.85), ("left_out", 0.80)):
        table = pd.read_csv(data_path(f"literature/posterior/myeloid_lymphoid.{kind}.csv"))
        assert set(table["study"]) == {study.name for study in read_studies()}
        assert coverage(table) >= least


def test_what_no_count_can_tell_is_not_learnt(population):
    """The link from MDSC to lymphocytes and the sign of the radiation drive keep their priors."""
    z, names = population.z, list(population.hierarchy.population_names)
    for name in ("suppression", "radiation_drive"):
        own = z[:, names.index(name)]
        assert abs(own.mean()) < 0.4
        assert own.std() > 0.8


def test_brain_radiosurgery_spares_and_more_lesions_cost_more(population):
    counts = expected_counts(population, standard_courses())
    six_weeks = counts[counts["day"] == 42].set_index("course")
    brain, one, two, five = (six_weeks.loc[study.name] for study in standard_courses())
    # Nothing is killed; what is left is the uncertain pull of the radiation drive.
    assert 0.9 < brain["q50"] < 1.05
    assert brain["q50"] > one["q50"] > two["q50"] > five["q50"]
    after = counts[counts["day"] == 1].set_index("course")["q50"]
    assert after.iloc[0] > 0.98
    assert 0.5 < after.iloc[1] < 0.9


def test_the_priors_for_a_fit_are_those_of_the_posterior(population):
    name = model_with_prior("myeloid_lymphoid", "literature")
    written = tomllib.loads((models_path() / f"{name}.toml").read_text(encoding="utf-8"))
    assert written == prior_table(population)
    assert "suppression" not in written["parameters"]
    with pytest.raises(ValueError, match="calibrate"):
        model_with_prior("hedos_hcc", "literature")


def test_the_posterior_of_a_model_file_is_read_with_its_model(tmp_path):
    for ending in ("py", "toml"):
        shipped = models_path() / f"hedos_hcc.{ending}"
        (tmp_path / f"ours.{ending}").write_bytes(shipped.read_bytes())
    model = load_model(tmp_path / "ours.py")
    with xr.open_dataset(data_path("literature/posterior/hedos_hcc.nc")) as stored:
        z, attributes = stored["z_new_study"].to_numpy().astype(float), dict(stored.attrs)
    attributes |= {"model": "ours", "model_sha256": model.sha256}
    assert draws_of_posterior(z, attributes, model=model).model is model
    with pytest.raises(ModelError, match="no model 'ours'"):
        draws_of_posterior(z, attributes)


@pytest.mark.slow
def test_a_calibration_reproduces_what_was_published_and_can_be_read_back(tmp_path):
    found = calibrate("hedos_hcc", settings=Settings(pilot=30, warmup=5, draws=10))
    numbers = found.reproduction[["observed", "q05", "q50", "q95"]]
    assert set(found.reproduction["study"]) == {study.name for study in read_studies()}
    assert np.isfinite(numbers.to_numpy()).all()
    assert coverage(found.reproduction) >= 0.8
    below = found.reproduction["tail"]
    assert (below[numbers["observed"] < numbers["q50"]] <= 0.5).all()
    assert (below[numbers["observed"] > numbers["q50"]] >= 0.5).all()
    # So few draws came to within 7 to 17 % of every published median with ten seeds.
    medians = numbers[found.reproduction["statistic"] == "median"]
    np.testing.assert_allclose(medians["q50"], medians["observed"], rtol=0.3)
    found.write(tmp_path)
    read = read_posterior(tmp_path / "hedos_hcc.nc")
    np.testing.assert_allclose(  # kept in single precision
        read.z, found.population.z, rtol=1e-6
    )
