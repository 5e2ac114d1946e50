"""The effect of a covariate that changes within a patient is recovered from replicates.

Takes 3 minutes: uv run pytest -m slow tests/slow/test_varying.py
"""

from dataclasses import replace

import jax
import numpy as np
import pytest

import lymphokin as lk
from lymphokin.infer.density import density_of
from lymphokin.population import simulate_records
from tests.model.test_varying import STEROIDS, Counts

REPLICATES = 40
pytestmark = pytest.mark.slow


def test_the_effect_of_steroids_is_recovered(tmp_path):
    """Truths are drawn from the prior, so that 90 % intervals should cover 90 % of them."""
    words = {"symbol": "k", "meaning": "made up for a test", "source": "none"}
    words |= {"transform": "log", "certainty": "proposed prior"}
    parameters = {
        "baseline": {
            **words,
            **{"unit": "1e9/L", "median": 1.5, "population_sd": 0.3},
            **{"between_subject_sd": 0.3, "parametrisation": "centred"},
        },
        "turnover": {**words, "unit": "1/d", "median": 0.1, "population_sd": 0.3},
        "effect": {**words, "unit": "1", "median": 0.5, "population_sd": 0.5},
    }
    error = {"distribution": "normal", "sd": 0.15, "sd_log_sd": 0.2, "source": "none"}
    table = {
        "parameters": parameters,
        "residuals": {"alc": {**error, "certainty": "proposed prior"}},
        "covariates": {"STEROIDS": STEROIDS},
    }
    model = lk.make_model("steroids", [Counts()], table)
    rng = np.random.default_rng(1)
    rows = ["ID,TIME,EVID,CMT,AMT,DVID,DV,STEROIDS"]
    for patient in range(20):
        doses = rng.choice([0, 5, 10, 20, 40], size=8)
        days = np.sort(rng.choice(np.arange(60), size=8, replace=False))
        rows += [f"P{patient},{d},0,,,alc,1,{gift}" for d, gift in zip(days, doses, strict=True)]
    (tmp_path / "events.csv").write_text("\n".join(rows) + "\n")
    cohort = lk.read_events(tmp_path / "events.csv", model=model)
    density = density_of(model, cohort)
    covered = []
    for seed in range(REPLICATES):
        latents = density.hierarchy.draw_latents(jax.random.key(seed), density.arrays)
        true = density.hierarchy.natural(latents.population)["effect"]
        key = jax.random.key(1000 + seed)
        values = simulate_records(density.likelihood, latents, density.packed, key)["alc"]
        kept = density.packed.records["alc"][0].index
        seen = cohort.observations.copy()
        seen.loc[kept, "value"] = np.asarray(values)
        fit = lk.fit(replace(cohort, observations=seen), model, method="quick", seed=seed)
        row = fit.summary.set_index("name").loc["effect"]
        covered.append(row["q05"] <= float(true) <= row["q95"])
        assert row["contraction"] > 0.3
    print("covered", sum(covered), "of", len(covered))
    assert 0.80 <= np.mean(covered) <= 0.98
