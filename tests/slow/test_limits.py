"""Counts above a limit and between two limits: what is recovered from them, from replicates.

A quick fit says of itself that it is not to be believed here (Pareto k 1.4), so these are chains.
Takes 5 minutes: uv run pytest -m slow tests/slow/test_limits.py
"""

from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.model import Block, Flow, Output, state
from lymphokin.population import simulate_records

REPLICATES = 40
UPPER = 1.6
"""1e9/L, beyond which the counter of these laboratories stops: four counts in ten."""
BINS = np.array([0.0, 0.6, 0.8, 1.0, 1.2, 1.4, UPPER])
"""Limits between which every other count is reported."""
pytestmark = pytest.mark.slow


class Level(Block):
    """A count that stays where it is."""

    count = state("1e9/L", lambda p: p.baseline)
    shows = {"alc": Output("1e9/L", "lymphocytes")}

    def flows(self, y, p, u):
        return {"count": Flow(0.1 * p.baseline, 0.1)}

    def outputs(self, y, p, u):
        return {"alc": y.count}


def limited(cohort: Cohort, value: np.ndarray, rows: pd.Index) -> Cohort:
    """The cohort with measurements of which only limits are reported."""
    above = value > UPPER
    place = np.clip(np.searchsorted(BINS, value, "right") - 1, 0, len(BINS) - 2)
    seen = cohort.observations.copy()
    seen.loc[rows, "lower"] = np.where(above, UPPER, BINS[place])
    seen.loc[rows, "upper"] = np.where(above, np.inf, BINS[place + 1])
    seen.loc[rows, "value"] = np.where(above, UPPER, BINS[place + 1])
    return replace(cohort, observations=seen.assign(censored=True))


def test_population_and_noise_are_recovered_from_limits(tmp_path):
    """Truths are drawn from the prior, so that 90 % intervals should cover 90 % of them."""
    words = {"symbol": "B", "meaning": "made up for a test", "source": "none"}
    baseline = {
        **words, "unit": "1e9/L", "transform": "log", "median": 1.5, "population_sd": 0.3,
        "between_subject_sd": 0.3, "between_subject_log_sd": 0.2, "parametrisation": "centred",
        "certainty": "proposed prior",
    }  # fmt: skip
    error = {"distribution": "normal", "sd": 0.15, "sd_log_sd": 0.3, "source": "none"}
    table = {
        "parameters": {"baseline": baseline},
        "residuals": {"alc": {**error, "certainty": "proposed prior"}},
    }
    model = lk.make_model("level", [Level()], table)
    rows = ["ID,TIME,EVID,CMT,AMT,DVID,DV"]
    rows += [f"P{i},{day},0,,,alc,1" for i in range(25) for day in (0, 7, 14, 21)]
    (tmp_path / "events.csv").write_text("\n".join(rows) + "\n")
    cohort = lk.read_events(tmp_path / "events.csv", model=model)
    density = density_of(model, cohort)
    covered, above = {"baseline": [], "alc_residual_sd": []}, []
    for seed in range(REPLICATES):
        latents = density.hierarchy.draw_latents(jax.random.key(seed), density.arrays)
        truth = density.hierarchy.natural(latents.population)
        key = jax.random.key(1000 + seed)
        values = simulate_records(density.likelihood, latents, density.packed, key)["alc"]
        own = density.packed.records["alc"][0].index
        seen = limited(cohort, np.asarray(values)[: len(own)], own)
        above.append(np.isinf(seen.observations["upper"]).mean())
        fit = lk.fit(seen, model, seed=seed, chains=2, warmup=300, draws=300, progress=False)
        summary = fit.summary.set_index("name")
        for name, hits in covered.items():
            row = summary.loc[name]
            hits.append(bool(row["q05"] <= float(truth[name]) <= row["q95"]))
    print("covered", {name: sum(hits) for name, hits in covered.items()}, np.mean(above))
    assert 0.3 < np.mean(above) < 0.6
    for hits in covered.values():
        assert 0.80 <= np.mean(hits) <= 0.98
