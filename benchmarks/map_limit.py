"""Gradients per effective draw in the map of a fit, and what the best linear map could do.

    uv run python benchmarks/map_limit.py [--trials lynx_hare,12,58] [--long 2000] [--draws 500]

A long run gives the exact means and covariances of the posterior. Chains that move in the linear
map which whitens these show what no linear map of so few numbers can beat: each patient follows the
population along a straight line and has a covariance of its own given the population. That is done
for latents as the parameter table writes them, and partly non-centred as in a fit. Last comes what
a fit's own way of learning makes of the draws of the long run instead of those of pilot runs. All
rows move by the same code, with steps tuned to the same acceptance; the slowest population quantity
counts. Prints a line of JSON per trial and map, and a table. With `--unfinished` long runs are
kept in a folder, and one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from foreign_trials import write_trial

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lymphokin.jax_setup import prepare_jax

WARM_UP = 4
"""Chunks in which steps are tuned to a map."""


def densities_of(trial: str) -> tuple[Any, Any]:
    """The posterior of the hares and lynxes, of the first patients of the shipped trial (their
    number) or of a trial of `foreign_trials.py` (`friberg_200`); and the same with long steps.
    """
    from lymphokin.infer import CohortDensity, density_of
    from lymphokin.io import read_events
    from lymphokin.model import load_model
    from lymphokin.population import CohortLikelihood, Hierarchy, pack
    from lymphokin.shipped import data_path
    from lymphokin.solve import StepRule

    if trial == "lynx_hare":
        from tests.reference_posteriors.reference import FOLDER

        model = load_model(str(FOLDER / "lotka_volterra.py"))
        cohort = read_events(FOLDER / "hudson_lynx_hare.csv", model=model)
        # No fraction after 1900, so that steps would grow: here they stay short.
        arrays = (pack(model, cohort, rule=StepRule(refine=n)) for n in (1, 4))
        coarse, density = (CohortDensity(CohortLikelihood(Hierarchy(model)), a) for a in arrays)
        return density, coarse
    truth, _, patients = trial.rpartition("_")
    if truth:
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "trial.csv"
            write_trial(table, truth, int(patients), 1)
            cohort = read_events(table)
    else:
        whole = read_events(data_path("synthetic_sbrt_atra_trial.csv"))
        cohort = whole.select(whole.patients.index[: int(trial)])
    density = density_of(load_model("myeloid_lymphoid"), cohort)
    return density, density.with_long_steps()


def exact(density: Any, x: np.ndarray, noncentring: Any) -> Any:
    """The linear map with the means and covariances of draws ``x`` [draw, latent]."""
    from lymphokin.infer import Whitening
    from lymphokin.infer.gaussian import linear
    from lymphokin.infer.noncentred_density import NoncentredDensity

    u = NoncentredDensity(density, noncentring).noncentred(x)
    n, index = len(density.hierarchy.quantities), density.patient_index
    same = Whitening.identity(density.centre, n, index)
    population, own = (u - u.mean(axis=0))[:, :n], same.by_patient(u - u.mean(axis=0))
    covariance = population.T @ population / len(u)
    together = np.einsum("dps,dq->psq", own, population, optimize=True) / len(u)
    slope = together @ np.linalg.inv(covariance)
    rest = own - np.einsum("psq,dq->dps", slope, population, optimize=True)
    of_own = np.einsum("dps,dpk->psk", rest, rest, optimize=True) / len(u)
    of_own += (index < 0)[:, :, None] * np.eye(index.shape[1])
    roots = np.linalg.cholesky(covariance), np.linalg.cholesky(of_own)
    return linear(Whitening(u.mean(axis=0), *roots, slope, same.index), noncentring)


def cost(
    x: np.ndarray, steps: np.ndarray, diverging: np.ndarray, quantities: int
) -> dict[str, Any]:
    """What draws [chain, draw, ...] cost."""
    from lymphokin.infer.diagnostics import mixing

    found = [mixing(x[..., i]) for i in range(quantities)]
    ess = min(one["ess_bulk"] for one in found)
    return {
        "draws": steps.size,
        "rhat": round(max(one["rhat"] for one in found), 3),
        "ess": round(ess),
        "divergences": int(diverging.sum()),
        "gradients_per_draw": round(float(steps.mean()), 1),
        "gradients_per_effective_draw": round(float(steps.sum()) / ess),
    }


def of_trial(
    trial: str, long: int, draws: int, seed: int, folder: Path
) -> Iterator[dict[str, Any]]:
    """One row per map; ``folder`` keeps the long run."""
    from lymphokin.infer import Checkpoint, HmcSettings, sample_hmc
    from lymphokin.infer.hmc import FIRST_STEP, step_correction
    from lymphokin.infer.learning import learnt_from
    from lymphokin.infer.modes import Modes, find_modes
    from lymphokin.infer.noncentred_density import NoncentredDensity
    from lymphokin.infer.sampler import CHUNK, compile_sampler

    density, coarse = densities_of(trial)
    settings = HmcSettings(draws=long, seed=seed)
    sampler, n = compile_sampler(density, coarse, settings), len(density.hierarchy.quantities)
    gradients, arrays = sampler.gradients(density, coarse), (coarse.arrays, density.arrays)
    kept = Checkpoint(folder / f"{trial}_{seed}", {"trial": trial, "seed": seed})
    modes = kept.recall(
        "map", lambda: find_modes(density, gradients, seed, settings.chains).arrays()
    )
    start = Modes.of(modes).approximation
    run = sample_hmc(density, coarse, sampler, start, settings, kept)
    yield {"map": "a fit's"} | cost(run.x, run.n_steps, run.diverging, n)
    x = run.x.reshape(-1, run.x.shape[-1])
    before = NoncentredDensity(density, start.noncentring)
    around = before.around(before.noncentred(x).mean(axis=0)).noncentring
    maps = {
        "exact covariance, as the table writes": exact(density, x, density.as_written()),
        "exact covariance, partly non-centred": exact(density, x, around),
        "a fit's, from the long run": learnt_from(density, gradients, start, x),
    }
    for name, map_ in maps.items():
        rng = np.random.default_rng(seed)
        y = rng.standard_normal((settings.chains, len(density.centre)))
        keys = rng.integers(2**32, size=(settings.chains, 2), dtype=np.uint32)
        chains, step, found = sampler.standing(y, arrays, map_)._replace(key=keys), FIRST_STEP, []
        for i in range(WARM_UP + draws // CHUNK):
            chains, out = sampler.chunk(chains, step, i >= WARM_UP, arrays, map_)
            if i < WARM_UP:
                step *= step_correction(out["acceptance_rate"].mean(), settings.target_accept)
            else:
                found.append(out)
        parts = (
            np.concatenate([c[k] for c in found], axis=1) for k in ("x", "n_steps", "diverging")
        )
        yield {"map": name} | cost(*parts, n)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", default="lynx_hare,12,58")
    options.add_argument("--long", type=int, default=2000, help="draws per chain of the long run")
    options.add_argument("--draws", type=int, default=500, help="draws per chain in each other map")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--unfinished", type=Path)
    chosen = options.parse_args()
    prepare_jax()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        how = (chosen.long, chosen.draws, chosen.seed, chosen.unfinished or Path(scratch))
        for trial in chosen.trials.split(","):
            for row in of_trial(trial, *how):
                rows.append({"trial": trial, **row, "cpu_s": round(time.process_time())})
                print(json.dumps(rows[-1]), flush=True)
    print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
