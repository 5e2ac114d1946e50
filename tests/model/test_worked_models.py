"""The worked models of `docs/examples`, each one file and table, against what others computed."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

import lymphokin as lk
from lymphokin.population import CohortLikelihood, Hierarchy, pack

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def predicted(name: str, table: str | None = None, rule=None):
    """Per quantity, the records of an example and what the medians predict of them."""
    model = lk.load_model(EXAMPLES / f"{name}.py")
    cohort = lk.read_events(EXAMPLES / (table or f"{name}.csv"), model=model)
    assert not cohort.warnings
    packed = pack(model, cohort, rule=rule)
    assert not packed.warnings
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    found = likelihood.predictions(latents, packed.arrays)
    return model, {
        quantity: (rows, np.exp(np.asarray(found[quantity][0]))[: len(rows)])
        for quantity, (rows, _) in packed.records.items()
    }


def test_crauste_has_the_log_likelihood_of_the_benchmark_collection():
    _, found = predicted("crauste2017")
    assert sum(len(rows) for rows, _ in found.values()) == 21
    total = sum(stats.norm.logpdf(rows["value"], f, rows["sd"]).sum() for rows, f in found.values())
    assert total == pytest.approx(-190.9652, abs=2e-3)


def test_michaelis_menten_is_the_curve_of_scipy():
    model, found = predicted("michaelis_menten")
    k_a, v_m, k_m, volume = (model.table[n].median for n in ("k_a", "V_m", "K_m", "V"))

    def slope(_, y):
        return -k_a * y[0], k_a * y[0] / volume - v_m / volume * y[1] / (k_m + y[1])

    rows, ours = found["level"]
    exact = solve_ivp(slope, (0, 10), (30.0, 0.0), "Radau", rows["day"], rtol=1e-10, atol=1e-12).y[
        1
    ]
    np.testing.assert_allclose(ours, exact, rtol=2e-3)
