"""The compiled sampler also gives the gradients that a fit needs before its chains begin."""

import numpy as np

from lymphokin.infer import NutsSettings, Posterior
from lymphokin.infer.posterior import flat
from lymphokin.infer.sampler import compile_sampler
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.shipped import data_path


def test_its_gradients_are_those_of_the_posterior():
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv")).select(["S001", "S002"])
    model = load_model("hedos_hcc")
    posterior = Posterior(CohortLikelihood(Hierarchy(model)), pack(model, cohort))
    quick = posterior.with_long_steps()
    sampler = compile_sampler(posterior, quick, NutsSettings(chains=2))
    points = np.random.default_rng(0).normal(size=(5, len(flat(posterior.start()))))
    points[3] = np.nan
    value, gradient = sampler.gradients(posterior, quick)(points)
    expected, slopes = quick.gradients(points)
    finite = np.isfinite(expected)
    assert finite.tolist() == [True, True, True, False, True]
    np.testing.assert_array_equal(np.isfinite(value), finite)
    np.testing.assert_allclose(value[finite], expected[finite], rtol=1e-12)
    np.testing.assert_allclose(gradient[finite], slopes[finite], rtol=1e-9, atol=1e-9)
