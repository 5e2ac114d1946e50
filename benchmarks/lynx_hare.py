"""posteriordb's hares and lynxes, 4 x (1000 + 1000), ours and stanli's, compiling included.

    uv run --group bench python benchmarks/lynx_hare.py [--out benchmarks/lynx_hare.json]

Each fit runs in a process of its own, with no compiled code on disk, on the same cores. Prints
wall and processor seconds, effective draws of the worst parameter, and how far means and SDs lie
from the reference draws; writes JSON.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def ours() -> dict[str, float]:
    """Fit with lymphokin: three pilot runs, warm-up and 1000 draws in each of 4 chains."""
    from lymphokin.jax_setup import prepare_jax

    prepare_jax()
    from tests.reference_posteriors.reference import distances, fit_lynx_hare

    with tempfile.TemporaryDirectory() as folder:
        fit = fit_lynx_hare(Path(folder) / "run")
    found = distances(fit).values()
    return {
        "least_bulk_ess": float(fit.summary["ess_bulk"].min()),
        "divergences": fit.diagnostics["convergence"]["divergences"],
        "worst_mean_in_sd": max(abs(float(mean)) for mean, _ in found),
        "worst_sd_ratio": max((float(sd) for _, sd in found), key=lambda r: abs(r - 1)),
    }


def stan() -> dict[str, float]:
    """Fit with Stan's solver and NUTS."""
    import arviz_stats
    import numpy as np
    import pandas as pd
    import stanli

    from tests.reference_posteriors.reference import FOLDER, reference

    table = pd.read_csv(FOLDER / "hudson_lynx_hare.csv", comment="#")
    counts = table[table["EVID"] == 0].pivot(index="TIME", columns="DVID", values="DV")
    pelts = counts[["alc", "mdsc"]].to_numpy()
    data = {
        "N": len(pelts) - 1,
        "year": counts.index.to_numpy(float)[1:].tolist(),
        "first": pelts[0].tolist(),
        "pelts": pelts[1:].tolist(),
    }
    code = (Path(__file__).parent / "contenders/lotka_volterra.stan").read_text()
    fit = stanli.Model(stan_code=code, data=data).sample(
        chains=4, warmup=1000, samples=1000, seed=1, refresh=0
    )
    names = [f"rate[{i}]" for i in range(1, 5)] + ["start[1]", "start[2]", "sd[1]", "sd[2]"]
    draws = {name: np.asarray(fit.draws(name)) for name in names}
    known = dict(zip(names, reference().values(), strict=True))
    mean = [abs(draws[n].mean() - known[n]["mean"]) / known[n]["sd"] for n in names]
    ratio = [draws[n].std() / known[n]["sd"] for n in names]
    ess = [
        float(arviz_stats.base.array_stats.ess(draws[n], chain_axis=0, draw_axis=1)) for n in names
    ]
    return {
        "least_bulk_ess": min(ess),
        "divergences": int(np.sum(fit.divergences)),
        "worst_mean_in_sd": max(mean),
        "worst_sd_ratio": max(ratio, key=lambda r: abs(r - 1)),
    }


def alone(who: str) -> dict[str, float]:
    """One fit in a fresh process with an empty compile cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": cache}
        began, before = time.perf_counter(), os.times()
        command = [sys.executable, __file__, "--only", who]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
        after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    wall = time.perf_counter() - began
    found = json.loads(done.stdout.splitlines()[-1])
    return {"wall_s": round(wall, 1), "processor_s": round(spent, 1), **found}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=("ours", "stan"))
    options.add_argument("--out", type=Path, default=Path("benchmarks/lynx_hare.json"))
    chosen = options.parse_args()
    if chosen.only:
        print(json.dumps({"ours": ours, "stan": stan}[chosen.only]()))
        return
    result = {who: alone(who) for who in ("ours", "stan")}
    result["about"] = {
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }
    for who, row in result.items():
        print(f"{who:8}", row)
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
