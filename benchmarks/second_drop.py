"""Counts with a second drop in weeks 8 to 11, fitted with the default model: SYNTHETIC DATA.

    uv run python benchmarks/second_drop.py --seeds 10 --out second_drop.json

The default model has no second drop, so its posterior has several modes: what nobody measured can
make one in more than one way. Patients are those of `foreign_trials.py` (linear-quadratic truth,
counts alone), with a visit each week in weeks 8 to 11, where counts are lower by a common factor.
The trial is always the same; fits have the defaults and differ by their seed. One line of JSON per
fit, and one that says whether all fits that are not refused agree: means within 0.5 posterior SDs
of each other. The file keeps the lines with means and SDs; a run that was stopped goes on where it
was.
"""

from __future__ import annotations

import argparse
import json
import shutil
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


def one(table: Path, seed: int, unfinished: Path) -> dict[str, Any]:
    """What one fit says, with means and SDs of its population latents; ``unfinished`` keeps its
    chains until they are done.
    """
    import lymphokin as lk

    began = time.process_time()
    fit = lk.fit(table, seed=seed, progress=False, unfinished=unfinished)
    z, statistics = fit.population_z(), fit.draws["sample_stats"]
    return {
        "seed": seed,
        "level": fit.convergence["level"],
        "rhat_max": round(float(fit.convergence["rhat_max"]), 3),
        "ess_bulk_min": round(float(fit.convergence["ess_bulk_min"])),
        "divergences": int(statistics["diverging"].sum()),
        "lp_of_chains": statistics["lp"].mean("draw").to_numpy().round(1).tolist(),
        "verdict": fit.verdict,
        "cpu_s": round(time.process_time() - began),
        "mean": z.mean(axis=0).round(4).tolist(),
        "sd": z.std(axis=0).round(4).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/second_drop.json"))
    asked = parser.parse_args()
    prepare_jax()
    done: list[dict[str, Any]] = []
    if asked.out.exists():
        done = [json.loads(line) for line in asked.out.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "second_drop.csv"
        write_trial(table, asked.patients, seed=1)
        for seed in sorted(set(range(1, asked.seeds + 1)) - {of["seed"] for of in done}):
            unfinished = asked.out.with_suffix(f".{seed}.unfinished")
            done.append(one(table, seed, unfinished))
            shown = {k: v for k, v in done[-1].items() if k not in ("mean", "sd")}
            print(json.dumps(shown), flush=True)
            with asked.out.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
            shutil.rmtree(unfinished)
    kept = [(np.array(of["mean"]), np.array(of["sd"])) for of in done if of["level"] != "bad"]
    apart = [
        float((np.abs(mean - other) / np.maximum(sd, spread)).max())
        for i, (mean, sd) in enumerate(kept)
        for other, spread in kept[:i]
    ]
    line = {"fits": len(done), "do_not_use": len(done) - len(kept), "largest_distance": None}
    if apart:
        line["largest_distance"] = round(max(apart), 2)
    print(json.dumps(line | {"holds": max(apart, default=0.0) <= AGREE}))


if __name__ == "__main__":
    main()
