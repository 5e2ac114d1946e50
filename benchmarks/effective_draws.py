"""Effective draws per second of a whole fit: lymphokin against NumPyro's NUTS on adaptive diffrax.

    uv run python benchmarks/effective_draws.py [--patients 6] [--warmup 200] [--draws 200]

A few patients of the shipped trial, as the other side would take days for all of them. Both sample
the same posterior of the default model (diffrax: the same equations, records and priors, every
patient solved adaptively at 1e-6 and differentiated through its steps), each in a process of its
own on the same core, compiling included. NumPyro starts at the prior's centre and adapts as it does
by default. Prints effective draws (bulk, of the population quantity that has fewest), seconds and
their ratio; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from lymphokin.jax_setup import prepare_jax

RTOL = 1e-6
DEEPEST = 8
"""Deepest tree of both."""
MAX_STEPS = 16**3
"""Adaptive steps between two stops after which diffrax gives up, and NUTS turns around."""


def small_cohort(patients: int) -> Any:
    """The first patients of the shipped trial."""
    from lymphokin.io import read_events
    from lymphokin.shipped import data_path

    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv"))
    return cohort.select(cohort.patients.index[:patients])


def ours(chosen: argparse.Namespace) -> dict[str, float]:
    """``lymphokin fit`` with its defaults."""
    import lymphokin as lk

    with tempfile.TemporaryDirectory() as folder:
        fit = lk.fit(small_cohort(chosen.patients), ess=0, unfinished=Path(folder) / "unfinished")
    steps = fit.draws["sample_stats"]["n_steps"].to_numpy()
    return {
        "effective_draws": float(fit.summary["ess_bulk"].min()),
        "draws": steps.size,
        "steps_each": float(steps.mean()),
    }


def numpyro_on_diffrax(chosen: argparse.Namespace) -> dict[str, float]:
    """NumPyro's NUTS with its defaults, one chain."""
    import arviz_stats
    import diffrax
    import jax
    import jax.numpy as jnp
    from contenders.adaptive_diffrax import AdaptiveDiffrax
    from contenders.trial import Trial, find_stops
    from numpyro.infer import MCMC, NUTS

    from lymphokin.infer import CohortDensity
    from lymphokin.model import load_model
    from lymphokin.population import CohortLikelihood, Hierarchy, pack

    cohort, model = small_cohort(chosen.patients), load_model("myeloid_lymphoid")
    density = CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort))
    start = density.centre
    trial = Trial(cohort, density, find_stops(density), np.asarray(start)[None])
    adaptive = AdaptiveDiffrax(trial, RTOL, diffrax.Tsit5(), MAX_STEPS)
    kernel = NUTS(
        potential_fn=lambda x: -adaptive.density_and_predictions(x)[0], max_tree_depth=DEEPEST
    )
    sampler = MCMC(kernel, num_warmup=chosen.warmup, num_samples=chosen.draws, progress_bar=False)
    sampler.run(
        jax.random.key(0), init_params=jnp.asarray(start), extra_fields=("num_steps", "diverging")
    )
    x = np.asarray(sampler.get_samples())
    extra = sampler.get_extra_fields()
    population = x[:, : len(density.hierarchy.quantities)].T
    return {
        "effective_draws": min(float(arviz_stats.ess(z[None], method="bulk")) for z in population),
        "draws": len(x),
        "steps_each": float(extra["num_steps"].mean()),
        "divergences": int(extra["diverging"].sum()),
    }


SIDES = {"lymphokin": ours, "NumPyro on diffrax": numpyro_on_diffrax}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=6)
    options.add_argument("--warmup", type=int, default=200, help="of NumPyro")
    options.add_argument("--draws", type=int, default=200, help="of NumPyro")
    options.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, default=Path("benchmarks/effective_draws.json"))
    chosen = options.parse_args()
    if chosen.side:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        prepare_jax(1)
        print(json.dumps(SIDES[chosen.side](chosen)))
        return
    found: dict[str, Any] = {}
    for side in SIDES:
        with tempfile.TemporaryDirectory() as cache:
            environment = dict(os.environ, JAX_COMPILATION_CACHE_DIR=cache)
            same = [f"--{name}={getattr(chosen, name)}" for name in ("patients", "warmup", "draws")]
            began = time.perf_counter()
            ended = subprocess.run(
                [sys.executable, __file__, "--side", side, *same],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            seconds = time.perf_counter() - began
        found[side] = json.loads(ended.stdout.splitlines()[-1]) | {"wall_s": seconds}
        found[side]["per_second"] = found[side]["effective_draws"] / seconds
        print(side, json.dumps(found[side]), flush=True)
    rates = [found[side]["per_second"] for side in SIDES]
    print(f"ratio of effective draws per second: {rates[0] / rates[1]:,.0f}")
    about = {"patients": chosen.patients, "load": os.getloadavg()[0]}
    about["date"] = time.strftime("%Y-%m-%d")
    chosen.out.write_text(json.dumps(found | about, indent=2) + "\n")


if __name__ == "__main__":
    main()
