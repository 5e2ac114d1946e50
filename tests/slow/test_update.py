"""An update equals one fit to all patients, where both can be run."""

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.infer import HmcSettings, density_of
from lymphokin.infer.fitting import FitSettings, fit_density
from lymphokin.population import JointPrior
from lymphokin.updating.reweigh import reliable, reweigh, sample_of

pytestmark = pytest.mark.slow

SETTINGS = FitSettings("hmc", HmcSettings(draws=2000, seed=1))


def population(cohort, prior=None) -> np.ndarray:
    """[draw, quantity] population latents that Markov chains find."""
    density = density_of(lk.load_model("hedos_hcc"), cohort).with_prior(prior)
    draws = fit_density(density, SETTINGS, {}).draws["unconstrained_posterior"]["population"]
    return draws.to_numpy().reshape(-1, draws.shape[-1])


def test_an_update_equals_the_joint_fit_of_all_patients():
    """Twenty patients, then twenty more. Some 800 effective draws leave an error of a mean of 0.04
    SDs and of an SD of 3 %; the weights are worth about 200 draws.
    """
    everybody = lk.simulate_trial(seed=21, per_arm=20, run_in=0).cohort
    ids = list(everybody.patients.index)
    first, rest = everybody.select(ids[:20]), everybody.select(ids[20:])
    earlier, joint = population(first), population(everybody)
    prior = JointPrior.of(earlier)
    mean, sd = joint.mean(axis=0), joint.std(axis=0)
    updated = population(rest, prior)
    assert (np.abs(updated.mean(axis=0) - mean) < 0.15 * sd).all()
    np.testing.assert_allclose(updated.std(axis=0), sd, rtol=0.12)
    density = density_of(lk.load_model("hedos_hcc"), rest).with_prior(prior)
    proposals, found = reweigh(density, earlier, 0)
    assert reliable(found)
    weighed = sample_of(density, proposals, found, 0).x[0, :, : len(sd)]
    assert (np.abs(weighed.mean(axis=0) - mean) < 0.3 * sd).all()
    np.testing.assert_allclose(weighed.std(axis=0), sd, rtol=0.25)
    # The patients taught something: without the prior of the first twenty it would be another.
    assert (np.abs(earlier.mean(axis=0) - mean) > 0.3 * sd).any()
