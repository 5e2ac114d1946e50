"""Counts with a second drop in weeks 8 to 11, fitted with the default model: SYNTHETIC DATA.

    uv run python benchmarks/second_drop.py --seeds 10

The default model has no second drop, so its posterior has several modes: what nobody measured can
make one in more than one way. Patients are those of `foreign_trials.py` (linear-quadratic truth,
counts alone), with a visit each week in weeks 8 to 11, where counts are lower by a common factor.
The trial is always the same; fits differ by their seed. One line of JSON per fit, and one that says
whether all fits that are not refused agree: means within 0.5 posterior SDs of each other.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import foreign_trials
import numpy as np
import pandas as pd

from lymphokin.jax_setup import prepare_jax

VISITS = (-7, -1, 7, 14, 21, 28, 42, 56, 63, 70, 77, 84, 105)
DROP, FIRST, LAST = 0.55, 53, 80
"""Ratio of the counts, and days between which they are lower."""
AGREE = 0.5
"""Posterior SDs by which means of two fits of the same posterior may differ (judgement)."""


def write_trial(path: Path, patients: int, seed: int, drop: float = DROP) -> None:
    """Write the event table, marked as synthetic."""
    foreign_trials.VISITS = VISITS
    table = foreign_trials.foreign_trial("linear_quadratic", patients, seed)
    value = pd.to_numeric(table["DV"], errors="coerce")
    low = value.notna() & table["TIME"].between(FIRST, LAST)
    table.loc[low, "DV"] = (value[low] * drop).clip(lower=foreign_trials.LIMIT).map("{:.2f}".format)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"# SYNTHETIC DATA: a second drop, simulated with SciPy (seed {seed}).\n")
        table.to_csv(file, index=False)


def one(table: Path, seed: int, draws: int) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """What one fit says, and means and SDs of its population latents."""
    import lymphokin as lk

    began = time.process_time()
    fit = lk.fit(table, draws=draws, seed=seed, progress=False)
    z = fit.population_z()
    found = {
        "seed": seed,
        "level": fit.convergence["level"],
        "rhat_max": round(float(fit.convergence["rhat_max"]), 3),
        "ess_bulk_min": round(float(fit.convergence["ess_bulk_min"])),
        "lp": round(float(fit.draws["sample_stats"]["lp"].mean()), 1),
        "verdict": fit.verdict,
        "seconds": round(time.process_time() - began),
    }
    return found, z.mean(axis=0), z.std(axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=400)
    asked = parser.parse_args()
    prepare_jax()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "second_drop.csv"
        write_trial(table, asked.patients, seed=1)
        kept = []
        for seed in range(1, asked.seeds + 1):
            found, mean, sd = one(table, seed, asked.draws)
            print(json.dumps(found), flush=True)
            if found["level"] != "bad":
                kept.append((mean, sd))
    apart = [
        float((np.abs(mean - other) / np.maximum(sd, spread)).max())
        for i, (mean, sd) in enumerate(kept)
        for other, spread in kept[:i]
    ]
    line = {"fits": asked.seeds, "do_not_use": asked.seeds - len(kept), "largest_distance": None}
    if apart:
        line["largest_distance"] = round(max(apart), 2)
    print(json.dumps(line | {"holds": max(apart, default=0.0) <= AGREE}))


if __name__ == "__main__":
    main()
