"""Effective draws per second on the same log density: our fit beside NumPyro's NUTS and nutpie.

    uv run --with nutpie --with numba python benchmarks/other_samplers.py --trial 12 --draws 500

All sample the posterior of `map_limit.py`'s trial (hares and lynxes, or the first patients of the
shipped trial), as lymphokin computes it. The others begin where our fit finds the highest mode
(from the prior's centre two chains of hares and lynxes end in different modes) and adapt as they do
by default, with trees of the same depth and the same acceptance aimed at. A gradient is timed
alone, many in one program, and seconds are gradients times that: so nobody pays for compiling or
for the way in which draws are handed on. Ours follows trajectories with long steps, whose gradients
cost less, and asks the accurate density once per draw. Prints a line of JSON per sampler.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from map_limit import densities_of

from lymphokin.jax_setup import prepare_jax

DEEPEST, TARGET = 8, 0.9
REPEATS = 200
"""Gradients that are timed together."""


def milliseconds(density: Any) -> float:
    """Processor time of a gradient."""
    import jax
    import jax.numpy as jnp

    slope = jax.grad(lambda x: density.log_density(x, density.arrays))

    def many(x: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, REPEATS, lambda i, v: v + 1e-9 * slope(v), x)

    run, x = jax.jit(many), jnp.asarray(density.centre)
    run(x).block_until_ready()
    began = time.process_time()
    run(x).block_until_ready()
    return 1000 * (time.process_time() - began) / REPEATS


def numpyro_nuts(
    density: Any, start: np.ndarray, chains: int, draws: int, warmup: int, dense: bool
) -> Any:
    """Draws [chain, draw, latent], and gradients of all chains in the warm-up and for the draws."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer import MCMC, NUTS

    kernel = NUTS(
        potential_fn=lambda x: -density.log_density(x, density.arrays),
        dense_mass=dense,
        target_accept_prob=TARGET,
        max_tree_depth=DEEPEST,
    )
    found, steps = [], np.zeros(2)
    for seed in range(chains):
        sampler = MCMC(kernel, num_warmup=warmup, num_samples=draws, progress_bar=False)
        first = jnp.asarray(start)
        sampler.warmup(
            jax.random.key(seed),
            init_params=first,
            extra_fields=("num_steps",),
            collect_warmup=True,
        )
        steps[0] += int(sampler.get_extra_fields()["num_steps"].sum())
        sampler.run(sampler.post_warmup_state.rng_key, extra_fields=("num_steps",))
        steps[1] += int(sampler.get_extra_fields()["num_steps"].sum())
        found.append(np.asarray(sampler.get_samples()))
    return np.stack(found), *steps


def nutpie(
    density: Any, start: np.ndarray, chains: int, draws: int, warmup: int, adaptation: str
) -> Any:
    """As :func:`numpyro_nuts`."""
    import jax
    import nutpie as library
    from nutpie.compiled_pyfunc import from_pyfunc

    value = jax.jit(jax.value_and_grad(lambda x: density.log_density(x, density.arrays)))

    def made() -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        def of(x: np.ndarray) -> tuple[float, np.ndarray]:
            found, slope = value(x)
            return float(found), np.asarray(slope)

        return of

    def expanding(*_: Any) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
        return lambda x: {"x": np.asarray(x)}

    size = len(density.centre)
    model = from_pyfunc(
        size, made, expanding, [np.dtype(float)], [(size,)], ["x"],
        make_initial_point_fn=lambda seed: start,
    )  # fmt: skip
    trace = library.sample(
        model, draws=draws, tune=warmup, chains=chains, cores=1, seed=1, progress_bar=False,
        save_warmup=True, adaptation=adaptation, target_accept=TARGET, maxdepth=DEEPEST,
    )  # fmt: skip
    x = np.asarray(trace["posterior"]["x"])
    both = (trace[group]["n_steps"] for group in ("warmup_sample_stats", "sample_stats"))
    return x, *(float(np.asarray(steps).sum()) for steps in both)


def ours(density: Any, coarse: Any, sampler: Any, found: Any, settings: Any) -> Any:
    """As :func:`numpyro_nuts`."""
    from lymphokin.infer import Checkpoint, sample_nuts
    from lymphokin.infer.sampler import CHUNK

    steps: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        run = sample_nuts(
            density, coarse, sampler, found, settings, Checkpoint(Path(folder) / "run", {}),
            lambda progress: steps.append(progress.mean_steps * progress.warming_up),
        )  # fmt: skip
    return run.x, CHUNK * settings.chains * sum(steps), float(run.n_steps.sum())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trial", default="12")
    options.add_argument("--chains", type=int, default=2)
    options.add_argument("--draws", type=int, default=500)
    options.add_argument("--warmup", type=int, default=500, help="of the others")
    options.add_argument("--only", default="", help="samplers whose names hold this")
    asked = options.parse_args()
    prepare_jax()
    from lymphokin.infer import NutsSettings
    from lymphokin.infer.diagnostics import mixing
    from lymphokin.infer.modes import find_modes
    from lymphokin.infer.sampler import compile_sampler

    density, coarse = densities_of(asked.trial)
    settings = NutsSettings(chains=asked.chains, draws=asked.draws)
    own = compile_sampler(density, coarse, settings)
    mode = find_modes(density, own.gradients(density, coarse), 0, asked.chains).approximation
    start = mode.latents(density, np.zeros((1, len(density.centre))))[0][0]
    n, how = len(density.hierarchy.quantities), (start, asked.chains, asked.draws, asked.warmup)
    samplers: dict[str, Callable[[], Any]] = {
        "lymphokin": lambda: ours(density, coarse, own, mode, settings),
        "NumPyro NUTS, diagonal": lambda: numpyro_nuts(density, *how, False),
        "NumPyro NUTS, dense": lambda: numpyro_nuts(density, *how, True),
        "nutpie, diagonal": lambda: nutpie(density, *how, "diag"),
        "nutpie, low rank": lambda: nutpie(density, *how, "low_rank"),
    }
    cost = {"accurate": milliseconds(density), "long steps": milliseconds(coarse)}
    print(json.dumps({"trial": asked.trial, "ms_per_gradient": cost}), flush=True)
    for name, sampler in samplers.items():
        if asked.only not in name:
            continue
        x, before, during = sampler()
        found = [mixing(x[..., i]) for i in range(n)]
        ess = min(one["ess_bulk"] for one in found)
        each = cost["long steps" if name == "lymphokin" else "accurate"]
        seconds = during * each + (x[..., 0].size * cost["accurate"] if name == "lymphokin" else 0)
        line = {
            "sampler": name,
            "rhat": round(max(one["rhat"] for one in found), 3),
            "ess": round(ess),
            "gradients_of_warm_up": round(before),
            "gradients_per_draw": round(during / x[..., 0].size, 1),
            "gradients_per_effective_draw": round(during / ess),
            "effective_draws_per_second": round(1000 * ess / seconds, 2),
            "with_warm_up": round(1000 * ess / (seconds + before * each), 2),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
