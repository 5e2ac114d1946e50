"""How often `lymphokin check --link` says that an unmeasured link swallows a misfit.

    uv run python benchmarks/link_power.py --trials 3

Trials of 30 patients with lymphocyte counts alone, so that nothing behind the disputed link is
measured. Once a foreign truth with a second drop in weeks 8 to 11 (`second_drop.py`, simulated with
SciPy), which the lymphocytes' own block cannot make; once the model's own truth without the link.
One line of JSON per trial. SYNTHETIC DATA.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from second_drop import write_trial

import lymphokin as lk
from lymphokin.io import Cohort, read_events
from lymphokin.jax_setup import prepare_jax
from lymphokin.shipped import data_path
from lymphokin.trial.synthetic import Truth

PATIENTS = 30


def second_drop(seed: int) -> Cohort:
    """Counts that fall again in weeks 8 to 11."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "trial.csv"
        write_trial(table, PATIENTS, seed)
        return read_events(table)


def no_link(seed: int) -> Cohort:
    """Counts of the model's own truth with a link of next to no strength."""
    truth = Truth.read(data_path("synthetic_sbrt_atra_trial.truth.toml"))
    typical = {**truth.typical, "suppression": 1e-6}
    truth = replace(truth, typical=typical, design={**truth.design, "per_arm": PATIENTS // 2})
    cohort = lk.simulate_trial(truth, seed=seed).cohort
    counts = cohort.observations[cohort.observations["quantity"] == "alc"]
    return replace(cohort, observations=counts.reset_index(drop=True))


CASES = {"second drop": second_drop, "no link": no_link}


def judged(case: str, seed: int) -> dict[str, Any]:
    """Verdict of the link's check of one trial, with its numbers."""
    fit = lk.fit(CASES[case](seed), method="quick", seed=seed, progress=False)
    (verdict,) = lk.check_link(fit, seed=seed, progress=False).verdicts
    numbers = {name: round(value, 2) for name, value in verdict.numbers.items()}
    return {"case": case, "seed": seed, "level": verdict.level, **numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=3)
    asked = parser.parse_args()
    prepare_jax()
    for seed in range(1, asked.trials + 1):
        for case in CASES:
            print(json.dumps(judged(case, seed)), flush=True)


if __name__ == "__main__":
    main()
