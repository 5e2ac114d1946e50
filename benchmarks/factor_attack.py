"""What two factors of one site give away about the patient in whom they differ.

    uv run python benchmarks/factor_attack.py --patients 30 --victims 10

A site exports its factor, and again without one patient, each from a fit of its own. Their
difference is that patient's likelihood, but for the noise of the draws and that which an export
adds. The attack reads the
patient's mean count before treatment and how the patient's counts fell off it, and is judged by how
much nearer it comes than a guess from the site alone. Patients are simulated with the model itself.
Synthetic data.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from new_centres import simulated

from lymphokin.infer import density_of
from lymphokin.infer.approximate import approximate
from lymphokin.io import Cohort
from lymphokin.jax_setup import prepare_jax
from lymphokin.literature import literature_draws
from lymphokin.literature.meta_analysis import sensitivity_parameter
from lymphokin.literature.new_centre import for_new_centre
from lymphokin.pooling.evidence import Evidence, blurred, evidence_of
from lymphokin.population import JointPrior
from lymphokin.population.draws import PopulationDraws

REPEATS = 50
"""Draws of the noise of an export, over which an attack is judged."""


def factor(population: PopulationDraws, cohort: Cohort, seed: int) -> tuple[Evidence, np.ndarray]:
    """What a site would share without noise, and the centre of its posterior [quantity]."""
    there = for_new_centre(population, seed)
    density = density_of(population.model, cohort).with_prior(JointPrior.of(there.z))
    x = approximate("quick", density, density.with_long_steps(), seed).x
    x = x.reshape(-1, x.shape[-1])
    return evidence_of(density, x), x[:, : there.z.shape[1]].mean(axis=0)


def main() -> None:
    prepare_jax()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="hedos_hcc")
    parser.add_argument("--patients", type=int, default=30)
    parser.add_argument("--victims", type=int, default=10)
    asked = parser.parse_args()
    population = literature_draws(asked.model)
    model, names = population.model, list(population.hierarchy.population_names)
    z = population.z.mean(axis=0)
    cohort = simulated(population, np.tile(z, (asked.patients, 1)), asked.patients, 5)
    every, centre = factor(population, cohort, 0)
    baseline = names.index("lymphocyte_baseline")
    sensitivity = names.index(sensitivity_parameter(model).name)
    unit = model.table["lymphocyte_baseline"].population_sd
    typical = model.table["lymphocyte_baseline"].median
    counts = cohort.observations
    mean = np.log(counts["value"]).groupby([counts["id"], counts["day"] > 0]).mean().unstack()
    ids, rows = list(cohort.patients.index), []
    for seed, victim in enumerate(ids[: asked.victims]):
        others = cohort.select([i for i in ids if i != victim])
        rest, _ = factor(population, others, 100 + seed)
        for name, repeats in (("without noise", 1), ("as exported", REPEATS)):
            for again in range(repeats):
                one, other = every, rest
                if repeats > 1:
                    one = blurred(every, len(cohort), 2 * again)
                    other = blurred(rest, len(others), 2 * again + 1)
                score = one.score - other.score - (one.precision - other.precision) @ centre
                of_one = one.precision[baseline, baseline] / asked.patients
                read = np.log(typical) + unit * (centre[baseline] + score[baseline] / of_one)
                rows.append(
                    {
                        "factors": name,
                        "again": again,
                        "baseline": mean.loc[victim, False],
                        "read": read,
                        "guess": mean[False].drop(victim).mean(),
                        "fall": mean.loc[victim, True] - mean.loc[victim, False],
                        "score of sensitivity": score[sensitivity],
                    }
                )
    print(f"{asked.victims} patients of {asked.patients}; Monte Carlo error "
          f"{every.monte_carlo_error:.3f} SDs")  # fmt: skip
    for name, table in pd.DataFrame(rows).groupby("factors", sort=False):
        for how in ("read", "guess"):
            error = np.abs(table[how] - table["baseline"])
            ends = np.expm1(error.quantile([0.5, 0.9]))
            print(f"{name}, baseline, {how}: half within {ends[0.5]:.0%}, nine in ten within "
                  f"{ends[0.9]:.0%}")  # fmt: skip
        for what, against in (("read", "baseline"), ("score of sensitivity", "fall")):
            print(f"{name}, correlation of {what} and {against}: "
                  f"{table[what].corr(table[against]):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
