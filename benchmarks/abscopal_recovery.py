"""Does a fit of a trial with lesions recover what such a trial can teach?

The visits, doses and lesions of the second synthetic trial, without its events; patients, lesions
and measurements are drawn anew from the trial's truth and fitted by the quick method. Of each
composite that the model declares, and of a few parameters, it is counted how often the 90 %
interval holds the truth.

    uv run python benchmarks/abscopal_recovery.py --replicates 20 --out recovery.csv

Takes about a minute of processor time per replicate, and half a minute once to compile.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from lymphokin.jax_setup import prepare_jax

prepare_jax(1)

import jax  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import lymphokin as lk  # noqa: E402
from lymphokin.infer import density_of  # noqa: E402
from lymphokin.population import simulate_records  # noqa: E402
from lymphokin.predict.composites import FITTED, declared_composites  # noqa: E402
from lymphokin.shipped import data_path  # noqa: E402
from lymphokin.trial.synthetic import Truth  # noqa: E402

NAME, MODEL = "synthetic_abscopal_trial", "abscopal_cd8"
PARAMETERS = (
    *("suppression", "function_suppression", "attack", "growth", "active_loss"),
    *("lesion_volume", "active_baseline", "lymphocyte_baseline", "radiosensitivity"),
)
DRAWS = 500
LIMITS = {"alc": 0.10, "mdsc": 1.0, "cd8": 1.0, "atra": 10.0, "diameter": 5.0}
"""Of quantification, as in the trial's truth."""


def planned() -> lk.Cohort:
    """The trial's visits, every one with a value that nothing limits."""
    cohort = lk.read_events(data_path(f"{NAME}.csv"), model=lk.load_model(MODEL))
    seen = cohort.observations
    kept = seen["value"].notna() & seen["quantity"].isin(LIMITS)
    seen = seen[kept].assign(value=1.0, lloq=np.nan, censored=False, lower=np.nan, upper=np.nan)
    return replace(cohort, observations=seen.reset_index(drop=True))


def measured(truth, visits: lk.Cohort, seed: int) -> lk.Cohort:
    """The visits with measurements of patients drawn from the truth's population."""
    arrays = truth.arrays
    keys = jax.random.split(jax.random.key(seed))
    latents = truth.hierarchy.draw_latents(keys[0], arrays)
    values = simulate_records(truth.likelihood, latents, truth.packed, keys[1])
    seen = visits.observations.copy()
    for quantity, (rows, _) in truth.packed.records.items():
        own = np.maximum(np.asarray(values[quantity]), LIMITS[quantity])
        below = np.asarray(values[quantity]) < LIMITS[quantity]
        seen.loc[rows.index, "value"] = own
        seen.loc[rows.index, "censored"] = below
        seen.loc[rows.index, "lloq"] = LIMITS[quantity]
    return replace(visits, observations=seen)


def true_composites(truth) -> dict[tuple[str, str], float]:
    """Of the truth, whose population is known: the mean over draws of new patients."""
    found = declared_composites(truth, np.zeros((DRAWS, 0)), 0, links=False)
    return {(c.declared.name, c.arm): float(np.mean(c.posterior[FITTED])) for c in found}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("recovery.csv"))
    chosen = parser.parse_args()
    stated = Truth.read(data_path(f"{NAME}.truth.toml"))
    visits, model = planned(), lk.load_model(MODEL)
    truth = density_of(stated.true_model(), visits)
    expected = true_composites(truth)
    table = truth.likelihood.model.table
    rows = []
    for seed in range(chosen.first, chosen.first + chosen.replicates):
        begun = time.process_time()
        fit = lk.fit(
            measured(truth, visits, seed), model, method="quick", seed=seed, progress=False
        )
        found = {
            (c.declared.name, c.arm): (c.posterior[FITTED], c.contraction)
            for c in declared_composites(fit.density, fit.population_z(), seed, links=False)
        }
        for key, (values, contraction) in found.items():
            rows.append(
                (seed, *key, expected[key], *np.quantile(values, (0.05, 0.5, 0.95)), contraction)
            )
        summary = fit.summary.set_index("name")
        for name in PARAMETERS:
            own = summary.loc[name, ["q05", "q50", "q95", "contraction"]]
            rows.append((seed, name, "", table[name].median, *own))
        columns = ["seed", "what", "arm", "true", "q05", "q50", "q95", "contraction"]
        done = pd.DataFrame(rows, columns=columns)
        done.to_csv(chosen.out, index=False)
        k = fit.provenance["approximation"]["pareto_k_population"]
        print(f"{seed}: Pareto k {k:.2f}, {time.process_time() - begun:.0f} CPU s", flush=True)
    inside = done["true"].between(done["q05"], done["q95"])
    shown = done.assign(covered=inside, median=done["q50"]).groupby(["what", "arm"], sort=False)
    print(
        shown.agg({"true": "first", "median": "median", "covered": "mean", "contraction": "median"})
    )


if __name__ == "__main__":
    main()
