"""The gradient of a whole trial's log posterior density, against what others would compute it with.

    uv run --group bench python benchmarks/engine.py [--quick] [--out benchmarks/engine.json]

The shipped trial (58 patients, ALC, MDSC and ATRA, the default model with all its random effects)
at draws of its posterior, on one core: ours at three accuracies, ten in a loop as a sampler takes
them (and at 1e-5 one by one, too), adaptive diffrax with its checkpointed adjoint, SciPy's LSODA
and RoadRunner's CVODE forward only, and Stan's solvers with their gradients; also ours for a model
of two drugs whose patients have three lesions each. Times are processor
time, medians of repeats, in one run. Errors are those of the worst count of the trial against LSODA
at 1e-11. RoadRunner and Stan bring compiled code that some processors cannot run: each has a
process of its own, and one that dies is a row "did not run". Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from lymphokin.jax_setup import prepare_jax

RTOL = 1e-6
"""Tolerance of the adaptive solvers."""
LSODA_RTOL = 1e-5
"""With which LSODA errs as ours at 1e-5 does; at ``RTOL`` it errs a tenth of that."""
REFERENCE_RTOL = 1e-11
ACCURATE = "ours, 1e-5"
ROADRUNNER = "RoadRunner CVODE, forward only"
FOREIGN = (ROADRUNNER, "Stan ode_rk45_tol (stanli)", "Stan ode_bdf_tol (stanli)")
IN_A_LOOP = 10
"""Gradients of ours between two returns to Python; a sampler takes hundreds."""


def one_core() -> None:
    """Everything on one core, JAX's threads included; to be called before JAX starts."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    prepare_jax(1)


def seconds(run: Callable[[np.ndarray], Any], draws: np.ndarray, repeats: int) -> list[float]:
    """Processor time of each call, after one that compiles."""
    run(draws[0])
    taken = []
    for i in range(repeats):
        began = time.process_time()
        run(draws[i % len(draws)])
        taken.append(time.process_time() - began)
    return taken


def worst(found: Any, reference: Any, quantity: str = "alc") -> float:
    """Largest relative error of a quantity over all records (predictions are logarithms)."""
    parts = zip(found[quantity], reference[quantity], strict=True)
    return max(float(np.abs(a - b).max()) for a, b in parts if a.size)


def peak() -> dict[str, float]:
    """What this core can do: double-precision operations and bytes per second, measured."""
    a = np.ones((1000, 1000))
    b = np.ones(20_000_000)
    product = min(seconds(lambda _: a @ a, np.zeros(1), 5))
    copy = min(seconds(lambda _: b.copy(), np.zeros(1), 5))
    return {"flops_per_s": 2e9 / product, "bytes_per_s": 16 * len(b) / copy}


def foreign(name: str, trial: Any) -> tuple[Callable[[Any], Any], Any]:
    """A contender with compiled code of its own: what is timed, and what reads predictions off its
    result (None: it gives a density).
    """
    if name == ROADRUNNER:
        from contenders.roadrunner_cvode import RoadRunnerCvode

        return RoadRunnerCvode(trial, RTOL).outputs, trial.read
    from contenders.stan_solver import StanSolver

    return StanSolver(trial, RTOL, name.split()[1]).density_and_gradient, None


def run_alone(name: str, draws: int, repeats: int, out: Path) -> None:
    """Measure one foreign contender in this process."""
    from contenders.trial import read_trial

    trial = read_trial(draws)
    timed, read = foreign(name, trial)
    taken = seconds(timed, trial.x, repeats)
    found = [timed(x) for x in trial.x]
    if read is not None:
        found = [read(f, x) for f, x in zip(found, trial.x, strict=True)]
    out.write_bytes(pickle.dumps((taken, found)))


def alone(name: str, draws: int, repeats: int) -> tuple[list[float], list[Any]] | None:
    """Seconds and results of a foreign contender in a process of its own; None when it died."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.pickle"
        command = [sys.executable, __file__, "--alone", name, "--out", str(out)]
        command += ["--draws", str(draws), "--repeats", str(repeats)]
        ended = subprocess.run(command)
        return pickle.loads(out.read_bytes()) if ended.returncode == 0 else None


def larger_model(in_a_loop: Callable[[Any], Callable[[np.ndarray], Any]], repeats: int) -> Any:
    """The row of a model of two drugs whose patients have three lesions each, at the median."""
    import jax
    from contenders.two_drugs import two_drugs_three_lesions

    from lymphokin.solve import StepRule

    own = two_drugs_three_lesions()
    centre = np.asarray(own.centre)
    taken = 1000 * np.asarray(seconds(in_a_loop(own), centre[None], repeats)) / IN_A_LOOP
    exact = two_drugs_three_lesions(StepRule.for_tolerance(1e-6))
    values = [float(jax.jit(d.log_density)(centre, d.arrays)) for d in (own, exact)]
    row: dict[str, Any] = {"name": "ours, 2 drugs, 3 lesions", "ms": float(np.median(taken))}
    row["ms_range"] = [float(taken.min()), float(taken.max())]
    return row | {"density_error": abs(values[0] - values[1])}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="one draw, two repeats")
    options.add_argument("--out", type=Path, default=Path("benchmarks/engine.json"))
    options.add_argument("--alone", help=argparse.SUPPRESS)
    options.add_argument("--draws", type=int, help=argparse.SUPPRESS)
    options.add_argument("--repeats", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    one_core()
    if chosen.alone:
        return run_alone(chosen.alone, chosen.draws, chosen.repeats, chosen.out)
    draws, slow, fast = (1, 2, 5) if chosen.quick else (3, 3, 50)

    import diffrax
    import jax
    import jax.numpy as jnp
    from contenders.adaptive_diffrax import AdaptiveDiffrax
    from contenders.scipy_lsoda import ScipyLsoda
    from contenders.trial import read_trial

    from lymphokin.solve import LONG_STEPS, StepRule

    trial = read_trial(draws)
    exact = ScipyLsoda(trial, REFERENCE_RTOL)
    reference = [trial.read(exact.outputs(x), x) for x in trial.x]
    densities = [float(trial.log_density(x, r)) for x, r in zip(trial.x, reference, strict=True)]
    rows: list[dict[str, Any]] = []

    def measured(
        name: str,
        gradient: Callable[[np.ndarray], Any],
        predictions: Callable[[np.ndarray], Any] | None,
        repeats: int,
        density: bool = True,
        at_once: int = 1,
    ) -> None:
        taken = 1000 * np.asarray(seconds(gradient, trial.x, repeats)) / at_once
        row: dict[str, Any] = {"name": name, "ms": float(np.median(taken))}
        row["ms_range"] = [float(taken.min()), float(taken.max())]
        if predictions:
            pairs = zip(trial.x, reference, strict=True)
            row["alc_error"] = [worst(predictions(x), exact) for x, exact in pairs]
        if density:
            found = [float(np.ravel(gradient(x)[0])[0]) for x in trial.x]
            row["density_error"] = float(np.abs(np.subtract(found, densities)).max())
        rows.append(row)
        print(json.dumps(row), flush=True)

    unravel = trial.density.unravel()
    predict = jax.jit(lambda x, arrays: trial.density.likelihood.predictions(unravel(x), arrays))
    rules = {
        "1e-4, the default": StepRule(),
        "1e-5": StepRule.for_tolerance(1e-5),
        "long steps": LONG_STEPS,
    }

    def in_a_loop(own: Any) -> Callable[[np.ndarray], Any]:
        one = jax.value_and_grad(own.log_density)
        program = jax.jit(lambda points, arrays: jax.lax.map(lambda x: one(x, arrays), points))
        return lambda x: jax.block_until_ready(program(np.tile(x, (IN_A_LOOP, 1)), own.arrays))

    for name, rule in rules.items():
        own = trial.with_rule(rule)
        outputs = partial(predict, arrays=own.arrays)
        measured(f"ours, {name}", in_a_loop(own), outputs, fast, at_once=IN_A_LOOP)
    own = trial.with_rule(rules["1e-5"])
    measured(
        f"{ACCURATE}, one by one",
        lambda x: jax.block_until_ready(own.density_and_gradient(jnp.asarray(x), own.arrays)),
        None,
        fast,
    )
    rows.append(larger_model(in_a_loop, fast))
    print(json.dumps(rows[-1]), flush=True)
    adaptive = AdaptiveDiffrax(trial, RTOL, diffrax.Tsit5())
    both = jax.jit(jax.value_and_grad(adaptive.density_and_predictions, has_aux=True))

    def adaptive_gradient(x: np.ndarray) -> Any:
        (value, _), slope = jax.block_until_ready(both(x))
        return value, slope

    measured("diffrax Tsit5", adaptive_gradient, lambda x: both(x)[0][1], slow)
    for name, forward in (
        ("SciPy LSODA", ScipyLsoda(trial, RTOL)),
        ("SciPy LSODA at 1e-5", ScipyLsoda(trial, LSODA_RTOL)),
    ):
        measured(
            f"{name}, forward only",
            forward.outputs,
            lambda x, forward=forward: trial.read(forward.outputs(x), x),
            slow,
            density=False,
        )
    for name in FOREIGN:
        if chosen.quick and "bdf" in name:
            continue
        answer = alone(name, draws, slow)
        row = {"name": name, "did_not_run": True}
        if answer is not None:
            taken = 1000 * np.asarray(answer[0])
            row = {"name": name, "ms": float(np.median(taken))}
            row["ms_range"] = [float(taken.min()), float(taken.max())]
            if "forward" in name:
                row["alc_error"] = [worst(*pair) for pair in zip(answer[1], reference, strict=True)]
            else:
                values = [float(np.ravel(found[0])[0]) for found in answer[1]]
                row["density_error"] = float(np.abs(np.subtract(values, densities)).max())
        rows.append(row)
        print(json.dumps(row), flush=True)

    program = jax.jit(jax.value_and_grad(own.log_density)).lower(
        jnp.asarray(trial.x[0]), own.arrays
    )
    cost = program.compile().cost_analysis()
    ours = next(row["ms"] for row in rows if row["name"] == ACCURATE)
    result = {
        "rows": rows,
        "ratios": {row["name"]: row["ms"] / ours for row in rows if "ms" in row},
        "gradient": {"flops": cost["flops"], "bytes": cost["bytes accessed"]},
        "core": peak(),
        "machine": platform.machine(),
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{'':32}{'ms':>10}{'x ours at 1e-5':>16}{'worst ALC error':>18}{'density error':>16}")
    for row in rows:
        if "ms" not in row:
            print(f"{row['name']:32}{'did not run':>10}")
            continue
        error = f"{np.median(row['alc_error']):.1e}" if "alc_error" in row else "-"
        density = f"{row['density_error']:.1e}" if "density_error" in row else "-"
        ratio = row["ms"] / ours
        print(f"{row['name']:32}{row['ms']:>10.2f}{ratio:>16.1f}{error:>18}{density:>16}")


if __name__ == "__main__":
    main()
