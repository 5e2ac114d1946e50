"""The posterior of posteriordb's one_comp_mm_elim_abs, against its reference means.

The tails are heavy (the largest of a thousand draws of K_m is thirty times their median), so that
4,000 draws miss what they add to a mean.
"""

from pathlib import Path

import jax
import numpy as np
import pytest
from arviz_stats.base.array import array_stats
from scipy import stats

import lymphokin as lk
from lymphokin.population import CohortLikelihood, Hierarchy, pack

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
REFERENCE = {
    "k_a": (0.761013, 0.00078),
    "K_m": (2.537281, 0.0783),
    "V_m": (0.981821, 0.00603),
    "level_residual_sd": (0.128835, 0.00024),
}
"""Mean and Monte Carlo error of the reference draws, from posteriordb (BSD-3-Clause)."""
PROPOSED, ROUNDS, FREEDOM = 20_000, 15, 5


@pytest.fixture(scope="module")
def study():
    model = lk.load_model(EXAMPLES / "michaelis_menten.py")
    return model, lk.read_events(EXAMPLES / "michaelis_menten.csv", model=model)


@pytest.fixture(scope="module")
def fit(study):
    model, cohort = study
    return lk.fit(cohort, model, draws=10_000, seed=1, progress=False)


def assert_close(name: str, mean: float, error: float) -> None:
    expected, its_error = REFERENCE[name]
    assert abs(mean - expected) <= 4 * np.hypot(error, its_error), name


def test_means_of_a_fit_are_those_of_the_reference(fit):
    for name in REFERENCE:
        draws = fit.draws["posterior"][name].to_numpy()
        assert_close(name, float(draws.mean()), float(array_stats.mcse(draws, method="mean")))


def test_so_are_means_of_the_density_without_any_chain(study, fit):
    """Importance sampling from a Student t around the fit's draws."""
    model, cohort = study
    hierarchy, packed = Hierarchy(model), pack(model, cohort)
    likelihood = CohortLikelihood(hierarchy)
    rest = hierarchy.typical_latents(packed.arrays)
    log_likelihood = jax.jit(
        jax.vmap(lambda z: likelihood.total(rest._replace(population=z), packed.arrays))
    )
    found = fit.population_z()
    t = stats.multivariate_t(found.mean(axis=0), 1.5 * np.cov(found.T), FREEDOM, seed=0)
    rounds = [t.rvs(PROPOSED) for _ in range(ROUNDS)]
    own = np.concatenate([np.asarray(log_likelihood(z)) for z in rounds])
    z = np.concatenate(rounds)
    log_weight = own - 0.5 * (z**2).sum(axis=1) - t.logpdf(z)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    values = stats.halfcauchy.isf(stats.norm.sf(z))
    for name, value in zip(hierarchy.population_names, values.T, strict=True):
        value = np.where(weight > 0, value, 0.0)
        mean = float(weight @ value)
        assert_close(name, mean, float(np.sqrt(weight**2 @ (value - mean) ** 2)))
