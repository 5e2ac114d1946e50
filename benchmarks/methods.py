"""Every quick method against Markov chains:

    uv run python benchmarks/methods.py RUN [--once] [METHOD ...]

RUN is the folder of a fit by Markov chains, e.g. of the demo. Its table is fitted again by each
method in a process of its own: once to fill the compile cache (left out with --once), and once
timed. Prints a table and one line of JSON. Times are wall clock and processor time, in seconds, to
the report. Means are compared in posterior SDs of the chains, on the scale on which a population
quantity is normal a priori; risks are those of grade >= 2 of every patient.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lymphokin as lk
from lymphokin.infer import METHODS


def fitted(reference: lk.Fit, table: Path, method: str, out: Path) -> tuple[float, float]:
    """Fit the table by a method into a folder; wall clock and processor time."""
    config = reference.config
    command = [sys.executable, "-c", "from lymphokin.cli import main; main()"]
    command += ["fit", str(table), "--method", method, "--out", str(out), "--json"]
    command += ["--model", config["model"], "--seed", str(config["seed"])]
    if "counts_until" in config:
        command += ["--counts-until", str(config["counts_until"])]
    for name, value in config["fixed"].items():
        command += ["--fix", f"{name}={value}"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def against(reference: Path, run: Path) -> dict[str, Any]:
    """How far a run lies from the reference."""
    chains, fit = lk.open_run(reference), lk.open_run(run)
    z, other = chains.population_z(), fit.population_z()
    distance = np.abs(other.mean(axis=0) - z.mean(axis=0)) / z.std(axis=0)
    ratio = other.std(axis=0) / z.std(axis=0)
    risks = [pd.read_csv(f / "patients.csv", index_col="id")["p_grade2_measured"]
             for f in (reference, run)]  # fmt: skip
    gap = (risks[1] - risks[0]).abs()
    approximation = fit.provenance["approximation"]
    return {
        "mean_difference_median": float(np.median(distance)),
        "mean_difference_max": float(distance.max()),
        "sd_ratio_median": float(np.median(ratio)),
        "sd_ratio_min": float(ratio.min()),
        "sd_ratio_max": float(ratio.max()),
        "risk_difference_mean": float(gap.mean()),
        "risk_difference_max": float(gap.max()),
        **{
            f"pareto_k_{w}": approximation[f"pareto_k_{w}"]
            for w in ("population", "patients_max", "joint")
        },
        "patients_unreliable": len(approximation["patients_unreliable"]),
        "level": approximation["level"],
    }


def main(arguments: list[str]) -> None:
    once = "--once" in arguments
    reference, *chosen = [a for a in arguments if a != "--once"]
    folder = Path(reference)
    chains = lk.open_run(folder)
    rows = {}
    for method in chosen or [m for m in METHODS if m != "hmc"]:
        with tempfile.TemporaryDirectory() as scratch:
            if not once:
                fitted(chains, folder / "cohort.csv", method, Path(scratch) / "first")
            run = Path(scratch) / method
            wall, processor = fitted(chains, folder / "cohort.csv", method, run)
            rows[method] = {"wall": wall, "processor": processor, **against(folder, run)}
    print(pd.DataFrame(rows).to_string())
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
