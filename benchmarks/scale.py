"""Fits of foreign trials by number of patients: time, memory, convergence and what is written.

    uv run python benchmarks/scale.py --sizes 40,200 --truths friberg --seeds 1 --methods hmc

The trials are those of `foreign_trials.py`: lymphocyte counts alone, from a truth that is not the
default model, which is fitted with its defaults. Each fit runs in a process of its own and is saved
as a run folder. Prints one line of JSON per fit and adds it to a file; fits that the file holds are
not made again, so a run that was stopped goes on. Times are processor time in seconds, compiling
included: run everything twice, or mind the difference between two fits of one size. `--table`
prints what the file holds as a table.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from foreign_trials import TRUTHS, write_trial

from lymphokin.jax_setup import prepare_jax

SIZES = (40, 58, 200, 500, 1000)
CASE = ("patients", "truth", "seed", "method")


def one(truth: str, patients: int, seed: int, method: str) -> dict[str, Any]:
    """Fit and save one trial with the defaults of the method."""
    prepare_jax()
    import lymphokin as lk

    with tempfile.TemporaryDirectory() as scratch:
        table, run = Path(scratch) / "trial.csv", Path(scratch) / "run"
        write_trial(table, truth, patients, seed)
        began = time.process_time()
        cohort = lk.read_events(table)
        fit = lk.fit(cohort, method=method, seed=seed, progress=False)
        fitted = time.process_time()
        fit.save(run, progress=False)
        found = {
            "fit_s": round(fitted - began, 1),
            "save_s": round(time.process_time() - fitted, 1),
            "fit_s_per_patient": round((fitted - began) / patients, 3),
            "memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            "draws_mb": round((run / "posterior.nc").stat().st_size / 1e6, 1),
            "report_mb": round((run / "report.html").stat().st_size / 1e6, 2),
        }
        return found | _quality(fit)


def _quality(fit: Any) -> dict[str, Any]:
    """How far the draws can be believed, and what they cost."""
    if fit.method != "hmc":
        approximation = fit.provenance["approximation"]
        return {
            "level": approximation["level"],
            "pareto_k_population": approximation["pareto_k_population"],
            "patients_unreliable": len(approximation["patients_unreliable"]),
        }
    statistics, summary = fit.draws["sample_stats"], fit.summary
    steps = statistics["n_steps"].to_numpy()
    slowest = summary.loc[summary["ess_bulk"].idxmin()]
    thinning = fit.convergence["thinning"]
    return {
        "level": fit.convergence["level"],
        "rhat": round(float(summary["rhat"].max()), 4),
        "ess_bulk": round(float(slowest["ess_bulk"])),
        "slowest": slowest["name"],
        "divergent_percent": round(100 * float(statistics["diverging"].mean()), 3),
        "gradients_per_draw": round(float(steps.mean()), 1),
        "thinning": thinning,
        "shortened": fit.convergence["shortened"],
        "gradients_per_effective_draw": round(
            thinning * float(steps.sum()) / float(slowest["ess_bulk"])
        ),
    }


def show(lines: list[dict[str, Any]]) -> None:
    """Print the fits as a table in Markdown, small ones first."""
    table = pd.DataFrame(lines).sort_values(list(CASE)).fillna("").astype(str)
    print("| " + " | ".join(table.columns) + " |")
    print("|---" * len(table.columns) + "|")
    for row in table.itertuples(index=False):
        print("| " + " | ".join(row) + " |")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", default=",".join(map(str, SIZES)))
    options.add_argument("--truths", default=",".join(TRUTHS))
    options.add_argument("--seeds", default="1,2")
    options.add_argument("--methods", default="hmc")
    options.add_argument("--out", type=Path, default=Path("benchmarks/scale.json"))
    options.add_argument("--table", action="store_true", help="show the file, fit nothing")
    options.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    done = []
    if chosen.out.exists():
        done = [json.loads(line) for line in chosen.out.read_text().splitlines()]
    if chosen.table:
        show(done)
        return
    cases = [
        {"truth": truth, "patients": int(size), "seed": int(seed), "method": method}
        for size in chosen.sizes.split(",")
        for truth in chosen.truths.split(",")
        for seed in chosen.seeds.split(",")
        for method in chosen.methods.split(",")
    ]
    if chosen.one:
        print(json.dumps(cases[0] | one(**cases[0])))
        return
    known = [{name: line[name] for name in CASE} for line in done if "failed" not in line]
    for case in cases:
        if case in known:
            continue
        same = [f"--{name}s={case[name]}" for name in ("truth", "seed", "method")]
        command = [sys.executable, __file__, "--one", f"--sizes={case['patients']}", *same]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        lines = ended.stdout.splitlines()
        line = lines[-1] if lines else json.dumps(case | {"failed": ended.returncode})
        print(line, flush=True)
        with chosen.out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
