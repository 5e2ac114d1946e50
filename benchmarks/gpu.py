"""What a GPU brings: gradients per second of a trial's density, CPU against GPU, for many sizes.

    uv run python benchmarks/gpu.py [--largest 100000] [--chains 4] [--out benchmarks/gpu.json]

Run it once on a machine whose jax sees a GPU (`uv pip install "jax[cuda13]"` or the wheel that fits
the driver); without one it measures the CPU alone and says so. The shipped trial's patients are
repeated to 52, 1,000, 10,000 and 100,000. Each size is one population fit's log density; its
gradient is taken for one chain and for several chains at once, as the sampler does on a GPU. The
arithmetic is double precision, in which lymphokin works. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.io import Cohort

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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--largest", type=int, default=SIZES[-1])
    options.add_argument("--chains", type=int, default=4)
    options.add_argument("--seconds", type=float, default=2.0, help="time for each number")
    options.add_argument("--out", type=Path, default=Path("benchmarks/gpu.json"))
    chosen = options.parse_args()

    import jax

    jax.config.update("jax_enable_x64", True)
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
    rows = []
    for patients in [n for n in SIZES if n <= chosen.largest]:
        packed = pack(model, repeated(cohort, patients))
        posterior = Posterior(CohortLikelihood(Hierarchy(model)), packed)
        draw = posterior.hierarchy.draw_latents
        keys = jax.random.split(jax.random.key(0), chosen.chains)
        x = jnp.stack([flat(draw(key, posterior.arrays)) for key in keys])
        gradient = jax.value_and_grad(posterior.log_density)
        for device in devices:
            at, arrays = jax.device_put((x, posterior.arrays), device)
            one, every = jax.jit(gradient), jax.jit(jax.vmap(gradient, (0, None)))

            def run_one(at: Any = at, arrays: Any = arrays, one: Any = one) -> None:
                jax.block_until_ready(one(at[0], arrays))

            def run_every(at: Any = at, arrays: Any = arrays, every: Any = every) -> None:
                jax.block_until_ready(every(at, arrays))

            single, together = seconds(run_one, chosen.seconds), seconds(run_every, chosen.seconds)
            rows.append(
                {
                    "device": device.device_kind,
                    "patients": patients,
                    "gradient_ms": 1000 * single,
                    "chains": chosen.chains,
                    "patient_gradients_per_s": chosen.chains * patients / together,
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    if len(devices) == 1:
        print("jax sees no GPU here: these are numbers of the CPU alone")
    print(f"\n{'device':24}{'patients':>10}{'gradient, ms':>14}{'chains x patients / s':>24}")
    for row in rows:
        print(
            f"{row['device'][:23]:24}{row['patients']:>10,}{row['gradient_ms']:>14.1f}"
            f"{row['patient_gradients_per_s']:>24,.0f}"
        )
    result = {"rows": rows, "jax": jax.__version__, "date": time.strftime("%Y-%m-%d")}
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
