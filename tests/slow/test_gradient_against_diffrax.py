"""The gradient of a log posterior density, against adaptive diffrax with tight tolerances.

Three patients of the shipped trial, two of them with ATRA: the same equations, records and priors,
every patient solved on its own by ``Tsit5`` at 1e-10 and differentiated through its steps. Takes a
minute: uv run pytest -m slow -n 0 tests/slow/test_gradient_against_diffrax.py
"""

import sys
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.infer import CohortDensity
from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.shipped import data_path
from lymphokin.solve import StepRule

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from contenders.adaptive_diffrax import AdaptiveDiffrax
from contenders.trial import Trial, find_stops

pytestmark = pytest.mark.slow
PATIENTS = ("S001", "S009", "S007")
FAR = 3.29
"""99.9 % of a standard normal latent lie nearer to its median."""


@pytest.fixture(scope="module")
def gradients():
    """Functions from latents to density and gradient: ours at 1e-9, diffrax's; and their number."""
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv")).select(PATIENTS)
    arms = set(cohort.patients["arm"])
    assert arms == {"SBRT", "SBRT+ATRA"}, arms
    model = load_model("myeloid_lymphoid")
    likelihood = CohortLikelihood(Hierarchy(model))
    density = CohortDensity(likelihood, pack(model, cohort))
    ours = CohortDensity(likelihood, pack(model, cohort, rule=StepRule.for_tolerance(1e-9)))
    size = density.centre.size
    trial = Trial(cohort, density, find_stops(density), np.zeros((1, size)))
    adaptive = AdaptiveDiffrax(trial, 1e-10, diffrax.Tsit5())
    theirs = jax.jit(jax.value_and_grad(lambda x: adaptive.density_and_predictions(x)[0]))
    return lambda x: ours.density_and_gradient(x, ours.arrays), theirs, size


def off(gradients, x):
    """Relative difference of the two gradients' vectors, and the difference of the densities."""
    ours, theirs, _ = gradients
    (density, found), (exact, expected) = ours(jnp.asarray(x)), theirs(jnp.asarray(x))
    assert np.isfinite(found).all()
    length = np.linalg.norm(expected)
    return float(np.linalg.norm(found - expected) / length), float(density - exact)


def test_gradients_agree_in_draws_of_the_prior(gradients):
    draws = np.random.default_rng(0).standard_normal((200, gradients[2]))
    gradient, density = np.transpose([off(gradients, x) for x in draws])
    print("off by", np.quantile(gradient, [0.5, 0.9, 1.0]), "density", abs(density).max())
    assert gradient.max() < 1e-5
    assert abs(density).max() < 1e-3


@given(st.data())
@settings(max_examples=300)
def test_gradients_agree_in_the_tails_of_the_prior(gradients, data):
    """A draw of which some latents are moved out to where 0.1 % of them lie."""
    seed = data.draw(st.integers(0, 2**31))
    x = np.random.default_rng(seed).standard_normal(gradients[2])
    moved = data.draw(st.lists(st.integers(0, len(x) - 1), max_size=3, unique=True))
    for i in moved:
        x[i] = data.draw(st.sampled_from([-1.0, 1.0])) * data.draw(st.floats(2.0, FAR))
    assert off(gradients, x)[0] < 1e-5
