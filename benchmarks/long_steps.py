"""What long solver steps save, and what they cost: uv run python benchmarks/long_steps.py RUN.

RUN is the folder of a fit, e.g. of the demo. Prints one line of JSON: the time of a gradient with
accurate and with long steps, their ratio (medians of alternating repeats), and over posterior draws
the SD of the difference of the two log densities; the share of trajectories accepted stands beside.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from lymphokin.jax_setup import prepare_jax

DRAWS, REPEATS = 40, 100


def main(folder: Path) -> None:
    prepare_jax()

    import jax
    import jax.numpy as jnp

    import lymphokin as lk

    fit = lk.open_run(folder)
    accurate = fit.density
    ways = {"accurate": accurate, "long": accurate.with_long_steps()}
    x = [jnp.asarray(v) for v in fit.x[:: max(1, len(fit.x) // DRAWS)][:DRAWS]]
    value = {
        name: np.array([float(p.density_and_gradient(v, p.arrays)[0]) for v in x])
        for name, p in ways.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(REPEATS):
        for name, p in ways.items():
            began = time.perf_counter()
            jax.block_until_ready(p.density_and_gradient(x[i % len(x)], p.arrays))
            seconds[name].append(time.perf_counter() - began)
    median = {name: float(np.median(taken)) for name, taken in seconds.items()}
    result = {
        **{f"{name}_ms": round(1000 * taken, 2) for name, taken in median.items()},
        "ratio": round(median["accurate"] / median["long"], 2),
        "log_density_difference_sd": round(float((value["long"] - value["accurate"]).std()), 3),
        "trajectories_accepted": fit.provenance.get("trajectories_accepted"),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
