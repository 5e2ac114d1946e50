"""Differences between the occasions of one patient: one SD for every unit of a latent."""

import jax
import numpy as np
import pandas as pd
import pytest

from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.model import load_model


@pytest.fixture(scope="module")
def density():
    """A patient with two drug windows far apart, under the default model (nothing is solved)."""
    cohort = Cohort(
        pd.DataFrame({"bsa": [1.8]}, index=pd.Index(["P1"], name="id")),
        pd.DataFrame({"id": "P1", "day": [0.0, 2.0], "prescribed_gy": 10.0}),
        pd.DataFrame({"id": "P1", "day": [0.0, 21.0], "drug": "atra", "amount_mg": 270.0}),
        pd.DataFrame({"id": ["P1"], "day": [-3.0], "quantity": ["alc"], "value": [1.5]}),
    )
    return density_of(load_model("myeloid_lymphoid"), cohort)


def test_two_occasions_differ_by_the_sd_times_their_latents(density):
    hierarchy, arrays = density.hierarchy, density.arrays
    names = [p.name for p in hierarchy.occasion_effects]
    assert "absorption_rate" in names
    start = density.start()
    latent = np.zeros(start.occasion.shape)
    assert latent.shape[1] == 2
    latent[names.index("absorption_rate")] = [0.7, -1.1]
    latents = start._replace(occasion=jax.numpy.asarray(latent))
    population = hierarchy.population(latents.population)
    _, on_window = hierarchy.individuals(population, latents, arrays)
    rate = np.asarray(on_window.absorption_rate)
    # The parameter table: log-SD 0.35 between occasions, median 1.2 / h.
    assert np.log(rate[0] / rate[1]) == pytest.approx(0.35 * (0.7 + 1.1), rel=1e-6)
    assert rate[0] / 24 == pytest.approx(1.2 * np.exp(0.35 * 0.7), rel=1e-6)
    others = [name for name in names if name != "absorption_rate"]
    for name in [*others, "central_volume"]:
        assert np.ptp(np.asarray(getattr(on_window, name))) == 0.0
