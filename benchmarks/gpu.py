"""What a GPU brings: gradients per second of a trial's density, CPU against GPU, for many sizes.

    uv run python benchmarks/gpu.py [--largest 100000] [--chains 4] [--out benchmarks/gpu.json]

Run it once on a machine whose jax sees a GPU (`uv pip install "jax[cuda13]"` or the wheel that fits
the driver); without one it measures the CPU alone and says so. The shipped trial's patients are
repeated to 52, 1,000, 10,000 and 100,000. Each size is one population fit's log density; its
gradient is taken for one chain and for several chains at once, as the sampler does on a GPU. Double
and single precision are measured in a process each. Times are wall clock. Prints a table and writes
JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.jax_setup import PRECISIONS, choose_precision

SIZES = (52, 1_000, 10_000, 100_000)


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
    """Median wall time of a call after one that compiles."""
    run()
    taken: list[float] = []
    while sum(taken) < at_least or len(taken) < 3:
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def measure(precision: str, largest: int, chains: int, at_least: float) -> list[dict[str, Any]]:
    """One row per size and device; to be called before JAX starts."""
    choose_precision(precision)
    import jax
    import jax.numpy as jnp

    from lymphokin.infer import Posterior
    from lymphokin.infer.posterior import flat
    from lymphokin.io import read_events
    from lymphokin.model import load_model
    from lymphokin.population import CohortLikelihood, Hierarchy, pack
    from lymphokin.shipped import data_path

    devices = [jax.devices("cpu")[0]]
    if jax.default_backend() != "cpu":
        devices.append(jax.devices()[0])
    model = load_model("myeloid_lymphoid")
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv"))
    rows: list[dict[str, Any]] = []
    for patients in [n for n in SIZES if n <= largest]:
        packed = pack(model, repeated(cohort, patients))
        posterior = Posterior(CohortLikelihood(Hierarchy(model)), packed)
        draw = posterior.hierarchy.draw_latents
        keys = jax.random.split(jax.random.key(0), chains)
        x = jnp.stack([flat(draw(key, posterior.arrays)) for key in keys])
        gradient = jax.value_and_grad(posterior.log_density)
        for device in devices:
            at, arrays = jax.device_put((x, posterior.arrays), device)
            one, every = jax.jit(gradient), jax.jit(jax.vmap(gradient, (0, None)))

            def run_one(at: Any = at, arrays: Any = arrays, one: Any = one) -> None:
                jax.block_until_ready(one(at[0], arrays))

            def run_every(at: Any = at, arrays: Any = arrays, every: Any = every) -> None:
                jax.block_until_ready(every(at, arrays))

            single, together = seconds(run_one, at_least), seconds(run_every, at_least)
            rows.append(
                {
                    "device": device.device_kind,
                    "precision": str(x.dtype),
                    "patients": patients,
                    "gradient_ms": 1000 * single,
                    "chains": chains,
                    "patient_gradients_per_s": chains * patients / together,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def in_its_own_process(precision: str, options: list[str]) -> dict[str, Any]:
    """What this script measures in one precision, which is a setting of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, __file__, *options, "--precision", precision, "--out", str(out)]
        subprocess.run(command, check=True)
        return json.loads(out.read_text())


def show(rows: list[dict[str, Any]]) -> None:
    """Print one line per device and size, double and single precision side by side."""
    if {row["device"] for row in rows} == {"cpu"}:
        print("jax sees no GPU here: these are numbers of the CPU alone")
    table = (
        pd.DataFrame(rows)
        .pivot_table(
            index=["patients", "device"],
            columns="precision",
            values=["gradient_ms", "patient_gradients_per_s"],
        )
        .sort_index(axis=1, ascending=[True, False])
    )
    shown = {"gradient_ms": "gradient, ms", "patient_gradients_per_s": "chains x patients / s"}
    print(f"\n{table.rename(columns=shown).to_string(float_format='{:,.1f}'.format)}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--largest", type=int, default=SIZES[-1])
    options.add_argument("--chains", type=int, default=4)
    options.add_argument("--seconds", type=float, default=2.0, help="time for each number")
    options.add_argument("--precision", choices=PRECISIONS, help="this one alone, without a table")
    options.add_argument("--out", type=Path, default=Path("benchmarks/gpu.json"))
    chosen = options.parse_args()
    if chosen.precision:
        rows = measure(chosen.precision, chosen.largest, chosen.chains, chosen.seconds)
    else:
        same = ["--largest", str(chosen.largest), "--chains", str(chosen.chains)]
        same += ["--seconds", str(chosen.seconds)]
        rows = [row for name in PRECISIONS for row in in_its_own_process(name, same)["rows"]]
        show(rows)
    result = {"rows": rows, "jax": version("jax"), "date": time.strftime("%Y-%m-%d")}
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
