"""What a GPU brings: gradients per second of a trial's density, CPU against GPU, for many sizes.

    uv run python benchmarks/gpu.py [--largest 100000] [--out benchmarks/gpu.json]

Run it once on a machine whose jax sees a GPU (`uv pip install "jax[cuda13]"` or the wheel that fits
the driver); without one it measures the CPU alone and says so. The shipped trial's patients are
repeated to 52, 1,000, 10,000 and 100,000. Each size is one population fit's log density, whose
gradient is taken for one or more chains, as the sampler does: on one core one after the other, on
a GPU all together. How far densities and gradients are from those of the CPU in double precision is
printed too. Every device and precision has its own process; all compile side by side, then they
measure one after the other. Times are wall clock. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.jax_setup import PRECISIONS, choose_precision, prepare_jax

SIZES = ((52, 1), (52, 64), (1_000, 4), (10_000, 4), (100_000, 1))
"""Patients and chains."""
SPREAD = 0.3
"""How far around the prior's centre the chains stand, in its SDs."""


def repeated(cohort: Cohort, patients: int) -> Cohort:
    """The cohort's patients again and again, under new names."""
    ids = cohort.patients.index
    rounds = -(-patients // len(ids))
    wanted = [f"{k:05d}{i}" for k in range(rounds) for i in ids][:patients]

    def table(rows: pd.DataFrame) -> pd.DataFrame:
        copies = [rows.assign(id=f"{k:05d}" + rows["id"].astype(str)) for k in range(rounds)]
        every = pd.concat(copies, ignore_index=True)
        return every[every["id"].isin(set(wanted))].reset_index(drop=True)

    people = pd.concat([cohort.patients] * rounds).iloc[:patients]
    people.index = pd.Index(wanted, name=ids.name)
    return replace(
        cohort,
        patients=people,
        fractions=table(cohort.fractions),
        doses=table(cohort.doses),
        observations=table(cohort.observations),
    )


def seconds(run: Any, at_least: float) -> float:
    """Median wall time of a call: three or more, until they have taken long enough."""
    taken: list[float] = []
    while sum(taken) < at_least or (len(taken) < 3 and sum(taken) < 10 * at_least):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def measure(precision: str, largest: int, at_least: float) -> None:
    """Compile, wait for a line of input, print one row of JSON per size; before JAX starts."""
    choose_precision(precision)
    prepare_jax(devices=1)
    import jax

    from lymphokin.infer import CohortDensity
    from lymphokin.infer.devices import each
    from lymphokin.io import read_events
    from lymphokin.model import load_model
    from lymphokin.population import CohortLikelihood, Hierarchy, pack
    from lymphokin.shipped import data_path

    model = load_model("myeloid_lymphoid")
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv"))

    def compiled(size: tuple[int, int]) -> tuple[Any, Any]:
        patients, chains = size
        packed = pack(model, repeated(cohort, patients))
        density = CohortDensity(CohortLikelihood(Hierarchy(model)), packed)
        latents = density.centre.size
        x = SPREAD * np.random.default_rng(0).standard_normal((chains, latents))
        one = jax.value_and_grad(density.log_density)
        at = jax.device_put((x.astype(precision), density.arrays))
        gradients = jax.jit(lambda x, arrays: each(lambda v: one(v, arrays), x, patients))
        return gradients.lower(*at).compile(), at

    def wait_for(program: Any, at: Any) -> None:
        jax.block_until_ready(program(*at))

    sizes = [size for size in SIZES if size[0] <= largest]
    with ThreadPoolExecutor() as threads:
        programs = list(threads.map(compiled, sizes))
    print("ready", flush=True)
    sys.stdin.readline()
    for (patients, chains), (program, at) in zip(sizes, programs, strict=True):
        density, gradient = map(np.asarray, jax.device_get(program(*at)))
        taken = seconds(partial(wait_for, program, at), at_least)
        row = {
            "device": jax.devices()[0].device_kind,
            "precision": precision,
            "patients": patients,
            "chains": chains,
            "gradient_ms": 1000 * taken,
            "patient_gradients_per_s": chains * patients / taken,
            "density": density.tolist(),
            "gradient_norm": np.linalg.norm(gradient, axis=1).tolist(),
        }
        print(json.dumps(row), flush=True)


def sees_a_gpu() -> bool:
    """Whether JAX would use one; asked in another process, as JAX takes hold of it."""
    command = [sys.executable, "-c", "import jax; print(jax.default_backend())"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return answer.stdout.split()[-1] != "cpu"


def in_its_own_process(options: list[str], precision: str, platform: str | None) -> Any:
    """This script in another process, which compiles and then waits for its turn."""
    environment = dict(os.environ, XLA_PYTHON_CLIENT_PREALLOCATE="false")
    if platform:
        environment["JAX_PLATFORMS"] = platform
    command = [sys.executable, __file__, *options, "--precision", precision]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def rows_of(process: Any) -> list[dict[str, Any]]:
    """Let it measure, and wait."""
    process.stdin.write("go\n")
    process.stdin.flush()
    rows = []
    for line in process.stdout:
        rows.append(json.loads(line))
        shown = ("device", "precision", "patients", "chains", "gradient_ms")
        print(*(rows[-1][name] for name in shown), flush=True)
    if process.wait():
        raise SystemExit(f"measuring ended with status {process.returncode}")
    return rows


def compare(rows: list[dict[str, Any]]) -> None:
    """Say in every row how far its densities and gradients are from the CPU's in double precision.

    Relative differences of the density and of the gradient's length, the largest of all chains.
    """
    exact = {}
    for row in rows:  # the first of a size is the CPU's in double precision
        exact.setdefault((row["patients"], row["chains"]), row)
    for row in rows:
        other = exact[row["patients"], row["chains"]]
        for name, found in (("density_off", "density"), ("gradient_off", "gradient_norm")):
            row[name] = float(np.max(np.abs(np.divide(row[found], other[found]) - 1)))
    for row in rows:
        del row["density"], row["gradient_norm"]


def show(rows: list[dict[str, Any]]) -> None:
    """Print one line per size and device, double and single precision side by side."""
    if {row["device"] for row in rows} == {"cpu"}:
        print("jax sees no GPU here: these are numbers of the CPU alone")
    values = ["gradient_ms", "patient_gradients_per_s", "density_off", "gradient_off"]
    table = pd.DataFrame(rows).pivot_table(
        index=["patients", "chains", "device"], columns="precision", values=values
    )
    table = table.sort_index(axis=1, ascending=False)[values]
    print(f"\n{table.to_string(float_format='{:,.3g}'.format)}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--largest", type=int, default=SIZES[-1][0], help="patients")
    options.add_argument("--seconds", type=float, default=2.0, help="time for each number")
    options.add_argument("--precision", choices=PRECISIONS, help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, default=Path("benchmarks/gpu.json"))
    chosen = options.parse_args()
    if chosen.precision:
        measure(chosen.precision, chosen.largest, chosen.seconds)
        return
    same = ["--largest", str(chosen.largest), "--seconds", str(chosen.seconds)]
    platforms = ["cpu", None] if sees_a_gpu() else ["cpu"]
    processes = [
        in_its_own_process(same, p, platform) for platform in platforms for p in PRECISIONS
    ]
    for process in processes:
        process.stdout.readline()
    print("compiled", flush=True)
    rows = [row for process in processes for row in rows_of(process)]
    compare(rows)
    show(rows)
    result = {"rows": rows, "jax": version("jax"), "date": time.strftime("%Y-%m-%d")}
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
