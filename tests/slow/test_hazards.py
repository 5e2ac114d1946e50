"""The slope of a hazard is recovered from replicates that NumPy and SciPy wrote, and what changes
when patients with few lymphocytes leave.

Takes 15 minutes: uv run pytest -m slow tests/slow/test_hazards.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson

import lymphokin as lk
from lymphokin.model import Block, Flow, Hazard, Output, state

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "dropout.py"
REPLICATES = 40
pytestmark = pytest.mark.slow


class Falling(Block):
    """A count that falls to a level, and a progression that comes sooner where it is low."""

    count = state("1e9/L", lambda p: p.baseline)
    shows = {"alc": Output("1e9/L", "lymphocytes")}
    hazards = {"progression": Hazard("progression of the disease", "progression")}

    def flows(self, y, p, u):
        return {"count": Flow(p.turnover * p.level * p.baseline, p.turnover)}

    def hazard_rates(self, y, p, u):
        return {"progression": p.usual * y.count**p.slope}

    def outputs(self, y, p, u):
        return {"alc": y.count}


TURNOVER, ERROR, PATIENTS = 0.05, 0.15, 60
VISITS = np.arange(30.0, 241.0, 30.0)
COUNTED = (0.0, 14.0, 30.0, 60.0, 120.0)


def falling():
    words = {"symbol": "k", "meaning": "made up for a test", "source": "none"}
    words |= {"transform": "log", "certainty": "proposed prior"}
    spread = {
        "between_subject_sd": 0.35,
        "between_subject_log_sd": 0.3,
        "parametrisation": "centred",
    }
    parameters = {
        "baseline": {**words, "unit": "1e9/L", "median": 1.5, "population_sd": 0.3, **spread},
        "turnover": {**words, "unit": "1/d", "value": TURNOVER},
        "level": {**words, "unit": "1", "median": 0.5, "population_sd": 0.3, **spread},
        "usual": {**words, "unit": "1/d", "median": 0.006, "population_sd": 0.4},
        "slope": {**words, "unit": "1", "median": -1.0, "population_sd": 0.7},
    }
    parameters["slope"]["transform"] = "identity"
    for key in ("transform", "certainty"):
        del parameters["turnover"][key]
    error = {"distribution": "normal", "sd": ERROR, "source": "none", "certainty": "fixed"}
    table = {"parameters": parameters, "residuals": {"alc": error}}
    return lk.make_model("falling", [Falling()], table, begins="first record")


def trial(rng):
    """A table of events by NumPy and SciPy, and the slope it was drawn with."""
    population = rng.standard_normal(4)
    slope, usual = -1.0 + 0.7 * population[0], 0.006 * np.exp(0.4 * population[1])
    typical = 1.5 * np.exp(0.3 * population[2]), 0.5 * np.exp(0.3 * population[3])
    sds = 0.35 * np.exp(0.3 * rng.standard_normal(2))
    days = np.linspace(0.0, VISITS[-1], 2001)
    rows = ["ID,TIME,EVID,CMT,AMT,DVID,DV"]
    for patient in range(PATIENTS):
        baseline, level = typical * np.exp(sds * rng.standard_normal(2))
        count = baseline * (level + (1 - level) * np.exp(-TURNOVER * days))
        hazard = cumulative_simpson(usual * count**slope, x=days, initial=0.0)
        happens = np.interp(rng.exponential(), hazard, days, right=np.inf)
        leaves = rng.uniform(60.0, 400.0)
        own = []
        for day in COUNTED:
            if day <= min(leaves, happens):
                measured = np.interp(day, days, count) * np.exp(ERROR * rng.standard_normal())
                own.append((day, f"P{patient},{day:g},0,,,alc,{measured:.4f}"))
        for day in VISITS[leaves >= VISITS]:
            own.append((day, f"P{patient},{day:g},0,,,progression,{int(happens <= day)}"))
            if happens <= day:
                break
        rows += [row for _, row in sorted(own, key=lambda pair: pair[0])]
    return "\n".join(rows) + "\n", slope


def test_who_leaves_with_few_lymphocytes_is_missed_unless_the_model_knows():
    """Synthetic trials in which patients leave the sooner the fewer cells they have: without the
    hazard the radiosensitivity comes out too low, with it less so.
    """
    from lymphokin.trial.synthetic import Truth

    known, plain = lk.load_model(EXAMPLE), lk.load_model("hedos_hcc")
    truth = Truth.read(EXAMPLE.with_suffix(".truth.toml"))
    true = truth.typical["radiosensitivity"]
    errors = []
    for seed in range(10):
        cohort = lk.simulate_trial(replace(truth, model=str(EXAMPLE)), seed=seed).cohort
        counts = cohort.observations.query("quantity == 'alc'")
        found = [
            lk.fit(data, model, method="quick", seed=seed, progress=False).summary
            for data, model in ((cohort, known), (replace(cohort, observations=counts), plain))
        ]
        medians = [s.set_index("name").loc["radiosensitivity", "q50"] for s in found]
        errors.append(np.log(np.divide(medians, true)))
        print(seed, np.round(errors[-1], 2), flush=True)
    with_hazard, without = np.mean(errors, axis=0)
    print("mean ln error with the hazard", with_hazard, "without", without)
    assert without < -0.1
    assert abs(with_hazard) < 0.6 * abs(without)


def test_the_slope_of_a_hazard_is_recovered(tmp_path):
    """Truths are drawn from the prior, so that 90 % intervals should cover 90 % of them."""
    model, covered = falling(), []
    for seed in range(REPLICATES):
        text, slope = trial(np.random.default_rng(seed))
        path = tmp_path / f"{seed}.csv"
        path.write_text(text)
        fit = lk.fit(path, model, method="quick", seed=seed, progress=False)
        row = fit.summary.set_index("name").loc["slope"]
        covered.append(row["q05"] <= slope <= row["q95"])
        print(seed, round(slope, 2), [round(row[q], 2) for q in ("q05", "q95")], covered[-1],
              round(row["contraction"], 2), flush=True)  # fmt: skip
        assert row["contraction"] > 0.1
    print("covered", sum(covered), "of", len(covered))
    assert 0.80 <= np.mean(covered) <= 0.98
