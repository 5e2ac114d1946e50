"""Does a fit of a trial with lesions recover what such a trial can teach?

The visits, doses and lesions of the second synthetic trial, without its events; patients, lesions
and measurements are drawn anew from the trial's truth and fitted by two short Markov chains. Of
each composite that the model declares, and of a few parameters, it is counted how often the 90 %
interval holds the truth.

    uv run python benchmarks/abscopal_recovery.py --replicates 20 --out recovery.csv

Takes some three minutes of processor time per replicate, and two once to compile. A run that was
stopped goes on with the replicates that its file lacks.
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
from lymphokin.infer.learnt import contraction_of  # noqa: E402
from lymphokin.population import simulate_records  # noqa: E402
from lymphokin.predict.composites import FITTED, declared_composites  # noqa: E402
from lymphokin.shipped import data_path  # noqa: E402
from lymphokin.trial.synthetic import Truth  # noqa: E402

NAME, MODEL = "synthetic_abscopal_trial", "abscopal_cd8"
PARAMETERS = (
    *("suppression", "function_suppression", "attack", "growth", "active_loss"),
    *("antigen_excess_loss", "half_antigen", "burst", "tumour_alpha", "alpha_beta_ratio"),
    *("lesion_volume", "active_baseline", "lymphocyte_baseline", "radiosensitivity"),
)
DRAWS = 500
"""Of the composites of the truth."""
CHAINS = {"chains": 2, "pilot": 50, "warmup": 25, "draws": 200, "ess": 0.0}
"""Enough for the ends of a 90 % interval: worth some 50 draws of the slowest parameter."""
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
    columns = ["seed", "rhat", "what", "arm", "true", "q05", "q50", "q95", "contraction"]
    done = pd.read_csv(chosen.out) if chosen.out.exists() else pd.DataFrame(columns=columns)
    for seed in range(chosen.first, chosen.first + chosen.replicates):
        if (done["seed"] == seed).any():
            continue
        begun, rows = time.process_time(), []
        fit = lk.fit(measured(truth, visits, seed), model, seed=seed, progress=False, **CHAINS)
        rhat = fit.summary["rhat"].max()
        found = {
            (c.declared.name, c.arm): (c.posterior[FITTED], c.contraction)
            for c in declared_composites(fit.density, fit.population_z(), seed, links=False)
        }
        for key, (values, contraction) in found.items():
            interval = np.quantile(values, (0.05, 0.5, 0.95))
            rows.append((seed, rhat, *key, expected[key], *interval, contraction))
        # Of the draws: a summary withholds intervals of chains that are too short to report.
        posterior, prior = (fit.draws[group] for group in ("posterior", "prior"))
        for name in PARAMETERS:
            values = posterior[name].to_numpy().ravel()
            contraction = contraction_of(prior[name].to_numpy().ravel(), values)
            interval = np.quantile(values, (0.05, 0.5, 0.95))
            rows.append((seed, rhat, name, "", table[name].median, *interval, contraction))
        of_seed = pd.DataFrame(rows, columns=columns)
        done = of_seed if done.empty else pd.concat([done, of_seed])
        done.to_csv(chosen.out, index=False)
        seconds = time.process_time() - begun
        print(f"{seed}: largest R-hat {rhat:.2f}, {seconds:.0f} CPU s", flush=True)
    done["arm"] = done["arm"].fillna("")
    inside = done["true"].between(done["q05"], done["q95"])
    shown = done.assign(covered=inside, median=done["q50"]).groupby(["what", "arm"], sort=False)
    print(
        shown.agg({"true": "first", "median": "median", "covered": "mean", "contraction": "median"})
    )


if __name__ == "__main__":
    main()
