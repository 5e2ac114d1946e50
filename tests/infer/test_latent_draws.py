"""Latents by name: what is kept is what was drawn, and it is found again in a file."""

import numpy as np
import pytest
import xarray as xr

from lymphokin.infer.density import CohortDensity, density_of
from lymphokin.infer.latent_draws import (
    MOST_KEPT,
    flat_latents,
    kept_latents,
    kept_places,
    population_latents,
)
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.shipped import data_path


@pytest.fixture(scope="module")
def density() -> CohortDensity:
    """Patients with and without the drug."""
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv"))
    return density_of(load_model("myeloid_lymphoid"), cohort.select(cohort.patients.index[:9]))


def test_the_same_latents_come_back_from_a_file(density, tmp_path):
    size = density.centre.size
    x = np.random.default_rng(0).standard_normal((2, 5, size))
    kept = kept_latents(density, x)
    xr.DataTree.from_dict({"/latents": kept}).to_netcdf(tmp_path / "x.nc", engine="netcdf4")
    with xr.open_datatree(tmp_path / "x.nc", engine="netcdf4") as tree:
        again = tree["latents"].load()
        found = flat_latents(again)
        patients = again["patient"].to_numpy().tolist()
    n = len(density.hierarchy.quantities)
    np.testing.assert_array_equal(found[..., :n], x[..., :n])
    np.testing.assert_allclose(found[..., n:], x[..., n:], rtol=2.0**-13)
    assert patients == density.packed.cohort.patients.index.tolist()


def test_every_latent_has_the_name_of_what_it_is(density):
    """A latent that is 1 while all others are 0 is 1 where the hierarchy has it."""
    index = density.patient_index
    x = np.zeros((1, 1, density.centre.size))
    patient = 3
    x[..., index[patient][index[patient] >= 0]] = 1.0
    kept = kept_latents(density, x)
    name = density.packed.cohort.patients.index[patient]
    assert not kept["population"].any()
    assert bool((kept["subject"].sel(patient=name) == 1).all())
    assert float(kept["subject"].sum()) == kept.sizes["effect"]
    assert kept["effect"].to_numpy().tolist() == [p.name for p in density.hierarchy.subject_effects]
    for part, places in (("treated", "treated_patient"), ("occasion", "window")):
        own = kept[places].to_numpy() == name
        values = kept[part].to_numpy()[0, 0]
        assert values[:, own].all()
        assert not values[:, ~own].any()


def test_of_many_draws_the_patients_of_a_thousand_are_kept(density):
    size = density.centre.size
    x = np.broadcast_to(np.arange(1500.0)[None, :, None], (2, 1500, size))
    kept = kept_latents(density, x)
    assert kept.sizes["chain"] * kept.sizes["draw"] == MOST_KEPT
    places = kept["draw"].to_numpy()
    assert (places[0], places[-1]) == (0, 1499)
    np.testing.assert_array_equal(kept["subject"].to_numpy()[1, :, 0, 0], places)
    every = population_latents(density.hierarchy.population_names, x)
    assert every.sizes == {"chain": 2, "draw": 1500, "quantity": len(density.hierarchy.quantities)}


def test_of_many_patients_fewer_draws_are_kept():
    x = np.zeros((4, 1000, 1))
    assert [4 * len(kept_places(x, patients)) for patients in (9, 200, 500, 1000)] == [
        1000,
        500,
        400,
        400,
    ]
