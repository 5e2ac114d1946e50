"""Lesions, fitted: the worked example as a user fits it, and replicates that recover the spread
between the lesions of a patient.

Takes 10 minutes: uv run pytest -m slow tests/slow/test_lesions.py
"""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

import lymphokin as lk
from lymphokin.infer.density import density_of
from lymphokin.population import simulate_records

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "lesions_cd8.py"
REPLICATES = 40
pytestmark = pytest.mark.slow
MODEL = '''"""Growth of lesions, each at its own rate."""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state

begins = "first record"


class Growth(Block):
    size = state("cm3", lambda p: p.first_size, per="lesion")
    shows = {"volume": Output("cm3", "volume of a lesion")}

    def flows(self, y, p, u):
        return {"size": Flow(p.growth * y.size, 0.0)}

    def on_fraction(self, y, p, fraction):
        return {"size": jnp.exp(-p.kill * fraction.gy) * y.size}

    def outputs(self, y, p, u):
        return {"volume": y.size}


blocks = (Growth(),)
'''
ENTRY = """
[parameters.{name}]
symbol = "{name}"
meaning = "made up for a test"
unit = "{unit}"
transform = "log"
median = {median}
population_sd = 0.3
source = "None"
certainty = "proposed prior"
"""
SPREADS = """between_subject_sd = 0.3
between_subject_log_sd = 0.3
between_lesion_sd = 0.4
between_lesion_log_sd = 0.3
"""
RESIDUAL = """
[residuals.volume]
distribution = "normal"
sd = 0.1
sd_log_sd = 0.2
source = "None"
certainty = "proposed prior"
"""


def test_the_worked_example_is_fitted_saved_opened_and_forecast(tmp_path):
    fit = lk.fit(EXAMPLE.with_suffix(".csv"), EXAMPLE, method="quick", seed=1)
    summary = fit.summary.set_index("name")
    assert summary.loc["lesion_volume_between_lesion_sd", "learnt"] == "well"
    assert summary.loc["lesion_volume", "q05"] < 5.0 < summary.loc["lesion_volume", "q95"]
    fit.save(tmp_path / "run")
    opened = lk.open_run(tmp_path / "run", model=EXAMPLE)
    own = opened.draws["individuals"]["lesion_volume"]
    assert own.dims == ("chain", "draw", "lesion")
    assert list(own["lesion"].to_numpy()[:3]) == ["P1/1", "P2/1", "P2/2"]
    curves = (tmp_path / "run" / "curves.csv").read_text().splitlines()
    assert "diameter_4_mm_q50" in curves[0]
    risks = opened.forecast(counts_until=14).patients
    assert risks["p_grade2_true"].between(0, 1).all()
    answer = lk.what_if(
        opened, lk.Patient(counts=[(-7, 1.2)], n_lesions=2), a="5x8", b="3x12"
    ).answer
    assert 0 <= answer.a.judged.planned.p <= 1


def test_the_spread_between_lesions_of_a_patient_is_recovered(tmp_path):
    """Truths are drawn from the prior, so that 90 % intervals should cover 90 % of them."""
    path = tmp_path / "growth.py"
    path.write_text(MODEL)
    entries = [("first_size", "cm3", 5.0), ("growth", "1/d", 0.01), ("kill", "1/Gy", 0.05)]
    texts = {n: ENTRY.format(name=n, unit=unit, median=median) for n, unit, median in entries}
    texts["growth"] += SPREADS
    path.with_suffix(".toml").write_text("".join(texts.values()) + RESIDUAL)
    model = lk.load_model(path)
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS"]
    for patient in range(24):
        lesions = 1 + patient % 4
        for day in (-30, 0, 1, 2, 40, 80, 120):
            if day not in (1, 2):
                rows += [f"P{patient},{day},0,,,{i + 1},volume,1,{lesions}" for i in range(lesions)]
            if day in (0, 1, 2):
                rows.append(f"P{patient},{day},1,rt,8,1,,,{lesions}")
    (tmp_path / "events.csv").write_text("\n".join(rows) + "\n")
    cohort = lk.read_events(tmp_path / "events.csv", model=model)
    density = density_of(model, cohort)
    covered = []
    for seed in range(REPLICATES):
        latents = density.hierarchy.draw_latents(jax.random.key(seed), density.arrays)
        true = density.hierarchy.natural(latents.population)["growth_between_lesion_sd"]
        key = jax.random.key(1000 + seed)
        values = simulate_records(density.likelihood, latents, density.packed, key)["volume"]
        kept = density.packed.records["volume"][0].index
        seen = cohort.observations.copy()
        seen.loc[kept, "value"] = np.asarray(values)
        fit = lk.fit(
            replace(cohort, observations=seen), model, seed=seed, chains=2, draws=300, ess=0
        )
        row = fit.summary.set_index("name").loc["growth_between_lesion_sd"]
        covered.append(row["q05"] <= float(true) <= row["q95"])
        print(seed, row["q05"], float(true), row["q95"], row["rhat"], flush=True)
    print("covered", sum(covered), "of", len(covered))
    assert 0.80 <= np.mean(covered) <= 0.98
