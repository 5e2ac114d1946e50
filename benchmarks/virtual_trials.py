"""Two-arm virtual trials per second: uv run python benchmarks/virtual_trials.py [trials].

Prints one line of JSON with the machine beside the number. Compiling is timed apart.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time

from lymphokin.jax_setup import prepare_jax


def main(trials: int = 4096) -> None:
    cores = len(os.sched_getaffinity(0))
    prepare_jax(cores)

    from lymphokin.shipped import data_path
    from lymphokin.trial.virtual import Simulator, VirtualDesign

    design = VirtualDesign.read(data_path("nct06439888.design.toml"))
    simulator = Simulator(design)
    began = time.perf_counter()
    simulator.run(0, 0, 512 * cores)
    compiled = time.perf_counter()
    simulator.run(1, 0, trials)
    took = time.perf_counter() - compiled
    result = {
        "trials": trials,
        "patients_per_trial": design.n_treated + design.n_control,
        "trials_per_second": round(trials / took),
        "seconds_to_compile_and_warm_up": round(compiled - began, 1),
        "cores": cores,
        "load_before": os.getloadavg()[0],
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
