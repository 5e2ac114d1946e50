"""Effective draws per gradient and second on the same log density: our fit beside other samplers.

    uv run --with nutpie --with numba --with blackjax --with flowjax python \
        benchmarks/other_samplers.py --trial 12 --draws 500

All sample a posterior of `map_limit.py` (hares and lynxes, the first patients of the shipped trial,
or a foreign trial), as lymphokin computes it. The others begin where our fit finds the highest mode
(from the prior's centre two chains of hares and lynxes end in different modes; chains of an
ensemble begin at draws of the normal approximation there) and adapt as `contenders/samplers.py`
says. "In our map" they sample the space that our fit's map whitens after its pilot runs, whose
gradients count as theirs. A gradient is timed alone, many in one program, and seconds are gradients
times that: so nobody pays for compiling, for the way in which draws are handed on, or for training
a flow; `cpu_s` is what the whole run took, with all that. Ours follows trajectories with long
steps, whose gradients cost less, and asks the accurate density once per draw. Adds a line of JSON
per sampler to a file; `--table` prints it.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from map_limit import densities_of

from lymphokin.jax_setup import prepare_jax

REPEATS = 200
"""Gradients that are timed together."""
MICROCANONICAL_STEPS = (2, 8, 24)
"""Steps of a trajectory on average: blackjax's default, and longer ones."""
IN_OUR_MAP = ", in our map"


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


def ours(
    density: Any, coarse: Any, sampler: Any, found: Any, settings: Any, folder: Path
) -> tuple[Any, Any]:
    """What our chains gave, and the map in which they moved; ``folder`` keeps the run."""
    from contenders.samplers import Drawn

    from lymphokin.infer import Checkpoint, sample_hmc
    from lymphokin.infer.gaussian import NormalApproximation

    kept = Checkpoint(folder, {"settings": repr(settings)})
    run = sample_hmc(density, coarse, sampler, found, settings, kept)
    names = sorted(file.stem for file in folder.glob("*.npz"))
    map_ = [name for name in names if name.startswith("map_of_pilot")][-1]
    steps = sum(float(kept.recall(name, dict)["n_steps"].sum()) for name in names if "_0" in name)
    during = float(run.n_steps.sum())
    return Drawn(run.x, steps - during, during), NormalApproximation.of(kept.recall(map_, dict))


def targets(density: Any, mode: Any, map_: Any) -> tuple[Any, Any]:
    """Makers of the posterior as the parameter table writes its latents, and in a map's space."""
    import jax
    import jax.numpy as jnp
    from contenders.samplers import ENSEMBLE, Target

    from lymphokin.infer.noncentred_density import latents_of

    centre = np.zeros((1, len(density.centre)))
    normal = np.random.default_rng(0).standard_normal((ENSEMBLE, len(density.centre)))
    held = jax.tree.map(jnp.asarray, map_)

    def whitened(y: jax.Array) -> jax.Array:
        u, bent = held.noncentred(y)
        x, log_volume = latents_of(density.hierarchy, held.noncentring, u, density.arrays)
        return density.log_density(x, density.arrays) + log_volume + bent.sum()

    start, around = (mode.latents(density, y)[0] for y in (centre, normal))

    def written() -> Any:
        run = program(lambda x: density.log_density(x, density.arrays), start[0])
        return Target(called(run), start[0], around)

    def in_map() -> Any:
        return Target(called(program(whitened, centre[0])), centre[0], normal)

    return functools.cache(written), functools.cache(in_map)


def program(log_density: Callable[[Any], Any], x: np.ndarray) -> Callable[[Any], Any]:
    """The compiled function and its gradient, of NumPy."""
    import jax

    device = jax.local_devices()[-1]
    both = jax.jit(jax.value_and_grad(log_density)).lower(jax.device_put(x, device)).compile()

    def run(x: Any) -> tuple[np.ndarray, np.ndarray]:
        value, slope = both(jax.device_put(np.asarray(x), device))
        return np.asarray(value), np.asarray(slope)

    return run


def called(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of JAX that calls such a program, chain after chain.

    So the solver's gradient is compiled once, not wherever a sampler asks for it.
    """
    import jax

    def both(x: Any) -> Any:
        shapes = jax.ShapeDtypeStruct((), x.dtype), jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(run, shapes, x, vmap_method="sequential")

    asked = jax.custom_vjp(lambda x: both(x)[0])
    asked.defvjp(both, lambda slope, change: (change * slope,))
    return asked


def line_of(drawn: Any, quantities: int, per_gradient: float, per_draw: float) -> dict[str, Any]:
    """What a sampler's draws are worth, of the slowest population quantity and of the median one.

    Args:
        per_gradient: milliseconds.
        per_draw: milliseconds besides.
    """
    from lymphokin.infer.diagnostics import mixing

    found = [mixing(drawn.x[..., i]) for i in range(quantities)]
    every = np.array([one["ess_bulk"] for one in found])
    smallest, median = every.min(), np.median(every)
    during = drawn.during * per_gradient + drawn.x[..., 0].size * per_draw
    whole = during + drawn.before * per_gradient
    return {
        "chains": len(drawn.x),
        "rhat": round(max(one["rhat"] for one in found), 3),
        "ess": round(smallest),
        "ess_median": round(median),
        "ess_tail": round(min(one["ess_tail"] for one in found)),
        "gradients_of_warm_up": round(drawn.before),
        "gradients_per_draw": round(drawn.during / drawn.x[..., 0].size, 1),
        "gradients_per_effective_draw": round(drawn.during / smallest, 1),
        "of_median": round(drawn.during / median, 1),
        "effective_draws_per_second": round(1000 * smallest / during, 2),
        "per_second_of_median": round(1000 * median / during, 2),
        "with_warm_up": round(1000 * smallest / whole, 2),
        "with_warm_up_of_median": round(1000 * median / whole, 2),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trial", default="12")
    options.add_argument("--chains", type=int, default=2)
    options.add_argument("--draws", type=int, default=500)
    options.add_argument("--warmup", type=int, default=500, help="of the others")
    options.add_argument("--only", default="", help="samplers whose names hold one of these")
    options.add_argument("--out", type=Path, default=Path("benchmarks/other_samplers.json"))
    options.add_argument("--unfinished", type=Path, help="keeps our run, which goes on from there")
    options.add_argument("--table", action="store_true", help="show the file, sample nothing")
    asked = options.parse_args()
    if asked.table:
        rows = [json.loads(line) for line in asked.out.read_text().splitlines()]
        print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
        for row in rows:
            print("| " + " | ".join(map(str, row.values())) + " |")
        return
    prepare_jax(2)
    from contenders import samplers as others

    from lymphokin.infer import HmcSettings
    from lymphokin.infer.modes import find_modes
    from lymphokin.infer.sampler import compile_sampler

    density, coarse = densities_of(asked.trial)
    cost = {"accurate": milliseconds(density), "long steps": milliseconds(coarse)}
    print(json.dumps({"trial": asked.trial, "ms_per_gradient": cost}), flush=True)

    def kept(name: str, drawn: Any, began: float, before: float = 0.0) -> None:
        own = name == "lymphokin"
        each = cost["long steps" if own else "accurate"]
        drawn = drawn._replace(before=drawn.before + before * cost["long steps"] / each)
        quantities = len(density.hierarchy.quantities)
        line = {"trial": asked.trial, "sampler": name}
        line |= line_of(drawn, quantities, each, cost["accurate"] if own else 0.0)
        line |= {"cpu_s": round(time.process_time() - began), "ms": round(each, 3)}
        print(json.dumps(line), flush=True)
        with asked.out.open("a") as file:
            file.write(json.dumps(line) + "\n")

    settings = HmcSettings(chains=asked.chains, draws=asked.draws)
    own, began = compile_sampler(density, coarse, settings), time.process_time()
    mode = find_modes(density, own.gradients(density, coarse), 0, asked.chains).approximation
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.unfinished or Path(scratch)) / asked.trial
        first, map_ = ours(density, coarse, own, mode, settings, folder)
    kept("lymphokin", first, began)
    written, in_map = targets(density, mode, map_)
    how = (asked.chains, asked.draws, asked.warmup)
    samplers: dict[str, Callable[[Any], Any]] = {
        "NumPyro NUTS, diagonal": lambda at: others.numpyro_nuts(at, *how, False),
        "NumPyro NUTS, dense": lambda at: others.numpyro_nuts(at, *how, True),
        "nutpie, diagonal": lambda at: others.nutpie(at, *how, "diag"),
        "nutpie, low rank": lambda at: others.nutpie(at, *how, "low_rank"),
        "nutpie, flow": lambda at: others.nutpie(at, *how, "flow"),
        "blackjax ChEES": lambda at: others.chees(at, *how),
    }
    for steps in MICROCANONICAL_STEPS:
        name = f"blackjax adjusted MCLMC, {steps} steps"
        samplers[name] = lambda at, steps=steps: others.adjusted_mclmc(at, *how, steps)
    runs = {name: lambda run=run: run(written()) for name, run in samplers.items()}
    for name, run in samplers.items():
        runs[name + IN_OUR_MAP] = lambda run=run: run(in_map())
    for name, run in runs.items():
        if not any(part in name for part in asked.only.split(";")):
            continue
        began, drawn = time.process_time(), run()
        if IN_OUR_MAP in name:
            x = drawn.x.reshape(-1, drawn.x.shape[-1])
            drawn = drawn._replace(x=map_.latents(density, x)[0].reshape(drawn.x.shape))
        kept(name, drawn, began, first.before if IN_OUR_MAP in name else 0.0)


if __name__ == "__main__":
    main()
