"""A model without differences between patients, coupled both ways, against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from lymphokin.io import read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.solve import StepRule
from tests.reference_posteriors.reference import FOLDER


def test_one_predator_and_prey_without_random_effects():
    model = load_model(FOLDER / "lotka_volterra.py")
    cohort = read_events(FOLDER / "hudson_lynx_hare.csv", model=model)
    packed = pack(model, cohort, rule=StepRule(refine=4))
    hierarchy = Hierarchy(model)
    latents = hierarchy.draw_latents(jax.random.key(0), packed.arrays)
    assert latents.subject.shape == (0, 1)
    z = jnp.asarray([-0.8, -0.9, -0.4, -1.0, 1.2, -0.5, 0.0, 0.0])
    found = jax.jit(CohortLikelihood(hierarchy).predictions)(
        latents._replace(population=z), packed.arrays
    )
    p = hierarchy.natural(z)

    def slopes(_, y):
        hare, lynx = y
        return [
            (p["hare_birth"] - p["hare_death"] * lynx) * hare,
            (p["lynx_birth"] * hare - p["lynx_death"]) * lynx,
        ]

    start = [p["hare_start"], p["lynx_start"]]
    exact = solve_ivp(slopes, (0, 20), start, "LSODA", np.arange(21.0), rtol=1e-10, atol=1e-10)
    for quantity, own in zip(("alc", "mdsc"), exact.y, strict=True):
        log_value = np.asarray(found[quantity][0])[:21]
        assert np.abs(log_value - np.log(own)).max() < 1e-3
