"""Patient trajectories per second, forward: 105 days, every patient with fractions and ATRA.

    uv run python benchmarks/trajectories.py [--patients N] [--out benchmarks/trajectories.json]

Virtual patients are drawn from the default model's prior and solved in chunks of one shape on as
many devices as there are cores; only each patient's counts on six visit days are kept. Prints wall
and processor time per patient from 1,000 patients up (it should not grow), trajectories per second
and the peak memory (it should not grow either); writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lymphokin.jax_setup import prepare_jax

CHUNK = 512
"""Patients that one core solves at a time: small enough for its cache."""
CHUNK_ON_A_GPU = 20_000
VISITS = np.array([0.0, 14.0, 28.0, 47.0, 75.0, 105.0])


def chunk_solver(model: Any, rule: Any, size: int) -> Any:
    """Function from a random key and a patient's timeline to [visit, patient] counts."""
    import jax
    import jax.numpy as jnp

    from lymphokin.solve import Treatment, build_timeline, solve

    doses = np.concatenate([start + np.arange(3.0) for start in (0.0, 21.0, 42.0, 63.0)])
    course = Treatment(
        np.arange(5.0), np.full(5, 0.5), np.full(5, 0.2), doses, np.full(12, 270.0), VISITS
    )
    timeline, layout = build_timeline([course] * size, rule)
    at = jnp.asarray([layout.node(timeline, 0, day) for day in VISITS])
    timeline = jax.tree.map(jnp.asarray, timeline)

    def counts(key: Any, timeline: Any) -> Any:
        z = jax.random.normal(key, (len(model.table.parameters), size))
        p = {}
        for q, own in zip(model.table, z, strict=True):
            sd = (q.population_sd**2 + q.between_subject_sd**2) ** 0.5
            p[q.name] = q.per_day * q.to_natural(q.to_transformed(q.median) + sd * own)
        lanes = {name: value[timeline.hours.patient] for name, value in p.items()}
        solution = solve(model, SimpleNamespace(**p), SimpleNamespace(**lanes), timeline)
        return solution.outputs["alc"][at]

    return counts, timeline


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=100_000)
    options.add_argument("--out", type=Path, default=Path("benchmarks/trajectories.json"))
    chosen = options.parse_args()
    cores = len(os.sched_getaffinity(0))
    prepare_jax(cores)

    import jax
    from jax.sharding import Mesh, PartitionSpec

    from lymphokin.model import load_model
    from lymphokin.solve import StepRule

    mesh = Mesh(np.asarray(jax.local_devices()), ("chunk",))
    size = CHUNK if jax.default_backend() == "cpu" else CHUNK_ON_A_GPU
    solver, timeline = chunk_solver(load_model("myeloid_lymphoid"), StepRule(), size)
    spread, everywhere = PartitionSpec("chunk"), PartitionSpec()
    solve_chunks = jax.jit(
        jax.shard_map(
            lambda keys, timeline: jax.lax.map(lambda key: solver(key, timeline), keys),
            mesh=mesh,
            in_specs=(spread, everywhere),
            out_specs=spread,
            check_vma=False,
        )
    )

    def run(patients: int) -> np.ndarray:
        """[patient, visit] counts; one chunk per device between two returns to Python."""
        found = []
        for first in range(0, patients, size * len(mesh.devices)):
            keys = jax.random.split(jax.random.fold_in(jax.random.key(0), first), mesh.size)
            counts = np.asarray(solve_chunks(keys, timeline))
            found.append(counts.transpose(0, 2, 1).reshape(-1, len(VISITS)))
        return np.concatenate(found)[:patients]

    began = time.perf_counter()
    run(size)
    print(f"compiled in {time.perf_counter() - began:.1f} s")
    rows = []
    sizes = [n for n in (1_000, 10_000, 100_000) if n < chosen.patients] + [chosen.patients]
    for patients in sizes:
        wall, processor = time.perf_counter(), time.process_time()
        counts = run(patients)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        assert np.isfinite(counts).all()
        rows.append(
            {
                "patients": patients,
                "per_second": round(patients / wall),
                "per_second_by_processor_time": round(cores * patients / processor),
                "processor_us_per_patient": round(1e6 * processor / patients, 1),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
        print(rows[-1], flush=True)
    result = {
        "rows": rows,
        "device": jax.devices()[0].device_kind,
        "cores": cores,
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
