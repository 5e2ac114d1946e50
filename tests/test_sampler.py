"""Gradients that come with other work: from the compiled sampler, and from the evaluation."""

import numpy as np
import pytest

from lymphokin.infer import NutsSettings, Posterior
from lymphokin.infer.posterior import flat
from lymphokin.infer.sampler import compile_sampler
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.shipped import data_path


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv")).select(["S001", "S002"])
    model = load_model("hedos_hcc")
    return Posterior(CohortLikelihood(Hierarchy(model)), pack(model, cohort))


def test_its_gradients_are_those_of_the_posterior(posterior):
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


def test_slopes_of_the_patients_are_those_of_the_exact_gradient(posterior):
    x = np.random.default_rng(1).normal(size=len(flat(posterior.start())))
    _, slope = posterior.information_and_slope(x, posterior.arrays)
    index = posterior.patient_index()
    exact = np.asarray(posterior.density_and_gradient(x, posterior.arrays)[1])
    # Differences over 1.5e-8: what a straight line leaves out and rounding are of that size.
    np.testing.assert_allclose(slope[index >= 0], exact[index[index >= 0]], rtol=1e-5, atol=1e-5)
    assert np.abs(slope).max() > 0.1
