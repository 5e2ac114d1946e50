"""Pooled sites against the joint fit of all their patients, and sites that went wrong.

    uv run python benchmarks/pooled_sites.py

Eight simulated sites of 30 patients, whose baselines, effect of a dose and scatter of counts
differ. Each is updated and shares its factor alone; the factors are pooled. The joint fit of all
240 patients under the same hierarchy weighs the pool's own draws by the exact likelihood of every
patient, the patient's own parameters integrated out by importance sampling: no factor is in its
result, and Pareto k says whether the draws can carry it. Then the same sites again, one of them in
cells/uL, one with doubled doses, one copied. Patients are simulated with the model itself.
Synthetic data.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
from new_centres import simulated
from scipy.special import logsumexp

from lymphokin.infer import CohortDensity, HmcSettings, density_of
from lymphokin.infer.fitting import FitSettings, fit_density
from lymphokin.infer.latent_draws import flat_latents
from lymphokin.infer.weights import smoothed
from lymphokin.io import Cohort
from lymphokin.jax_setup import prepare_jax
from lymphokin.literature import literature_draws
from lymphokin.literature.new_centre import for_new_centre
from lymphokin.pooling.agreement import agreement, copies
from lymphokin.pooling.doses import DOSES, with_doses
from lymphokin.pooling.evidence import Evidence, blurred, evidence_of
from lymphokin.pooling.hierarchy import Factors, Normal, Pooled, pooled
from lymphokin.pooling.start import Start, start_of
from lymphokin.population import JointPrior
from lymphokin.population.draws import PopulationDraws
from lymphokin.predict.endpoint_draws import log_likelihood
from lymphokin.updating.update import CHAINS, DRAWS

SITES, PATIENTS = 8, 30
SPREADS = {"baseline": 0.15, "dose": 0.30, "residual": 0.20}
JOINT_DRAWS, REPEATS = 600, 15
CELLS_PER_UL = 1000.0
TOTAL_GY = 50.0
"""Of every simulated patient."""


def simulated_sites(
    population: PopulationDraws, start: Start, rng: np.random.Generator
) -> list[Cohort]:
    """Sites around one population, which is a draw of what was believed before."""
    prior = start.prior
    root = np.linalg.cholesky(prior.normal.covariance)
    z = prior.normal.mean + root @ rng.standard_normal(len(root))
    sds = np.array([SPREADS[name] for name in start.offsets])
    own = z + (sds * rng.standard_normal((SITES, len(sds)))) @ prior.directions
    seeds = rng.integers(1_000_000, size=SITES)
    return [
        simulated(population, np.tile(of_site, (PATIENTS, 1)), PATIENTS, int(seed))
        for of_site, seed in zip(own, seeds, strict=True)
    ]


def factor(population: PopulationDraws, cohort: Cohort, seed: int) -> Evidence:
    """What an update of a site by Markov chains shares."""
    there = for_new_centre(population, seed)
    density = density_of(population.model, cohort).with_prior(JointPrior.of(there.z))
    settings = FitSettings("hmc", HmcSettings(chains=CHAINS, draws=DRAWS, seed=seed))
    x = flat_latents(fit_density(density, settings, {}).draws.children["latents"])
    found = evidence_of(density, x.reshape(-1, x.shape[-1]))
    return blurred(found, len(cohort), int(cohort.observations["value"].sum() * 1e6))


def as_arrays(factors: list[Evidence]) -> Factors:
    return Factors(np.array([f.score for f in factors]), np.array([f.precision for f in factors]))


def exact(density: CohortDensity, z: np.ndarray) -> np.ndarray:
    """[draw] log likelihood of a site's patients; many candidates for each."""
    found = [log_likelihood(density, z, density.arrays, seed) for seed in range(REPEATS)]
    return (logsumexp(np.stack(found), axis=0) - np.log(REPEATS)).sum(axis=1)


def joint_weights(
    population: PopulationDraws,
    cohorts: list[Cohort],
    factors: Factors,
    draws: Pooled,
    directions: np.ndarray,
) -> tuple[np.ndarray, float]:
    """[draw] weights that make the pool's draws those of the joint fit, and their Pareto k."""
    log_weight = np.zeros(JOINT_DRAWS)
    for site, cohort in enumerate(cohorts):
        z = (draws.z + draws.offsets[:, site] @ directions)[:JOINT_DRAWS]
        score, precision = factors.score[site], factors.precision[site]
        quadratic = z @ score - 0.5 * np.einsum("dq,qr,dr->d", z, precision, z)
        log_weight += exact(density_of(population.model, cohort), z) - quadratic
    weights, k = smoothed(log_weight[:, None, None])
    return weights[:, 0, 0], float(k[0])


def beside(name: str, values: np.ndarray, weights: np.ndarray, names: list[str]) -> pd.DataFrame:
    """The pool's draws of some quantities beside the joint fit."""
    some = values[: len(weights)]
    mean = weights @ some
    sd = np.sqrt(weights @ (some - mean) ** 2)
    table = {
        "of": name,
        "quantity": names,
        "mean, joint": mean,
        "pool less joint, SDs": (values.mean(axis=0) - mean) / sd,
        "SD, pool over joint": values.std(axis=0) / sd,
    }
    return pd.DataFrame(table)


def verdicts(
    factors: Factors, start: Start, names: tuple[str, ...], title: str, doses: list[float]
) -> None:
    """Print what a pool says of its sites, whose patients are given these total doses (Gy)."""
    draws = pooled(factors, start.prior, 0)
    print(f"\n{title}")
    for pair in copies(factors, Normal.of(draws.z)):
        print(f"  sites {pair[0] + 1} and {pair[1] + 1} are the same")
    agreed = agreement(factors, start.prior, draws, start.offsets, names, 0)
    for site, found in enumerate(with_doses(agreed, [{DOSES: (gy, gy)} for gy in doses])):
        print(f"  site {site + 1}: {found.level}, p {found.p:.3g}, {found.sentence}")


def main() -> None:
    prepare_jax()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="hedos_hcc")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    population = literature_draws(asked.model)
    names, start = population.hierarchy.population_names, start_of(population.model, 0)
    cohorts = simulated_sites(population, start, np.random.default_rng(asked.seed))
    found = [factor(population, cohort, site) for site, cohort in enumerate(cohorts)]
    factors = as_arrays(found)
    draws = pooled(factors, start.prior, 0)
    weights, k = joint_weights(population, cohorts, factors, draws, start.prior.directions)
    print(f"joint fit: Pareto k {k:.2f}, {1 / (weights**2).sum():.0f} effective draws")
    tables = [
        beside("all sites", draws.z, weights, list(names)),
        beside("a new site", draws.new_site, weights, list(names)),
        beside("ln spread", np.log(draws.spreads), weights, list(start.offsets)),
    ]
    print(pd.concat(tables).round(3).to_string(index=False))
    given = [TOTAL_GY] * SITES
    verdicts(factors, start, names, "As they are", given)
    copied = as_arrays([*found, factor(population, cohorts[0], 99)])
    verdicts(
        copied, start, names, "Site 1 twice, fitted again with another seed", [*given, TOTAL_GY]
    )
    first = cohorts[0]
    doubled = first.fractions.assign(prescribed_gy=2 * first.fractions["prescribed_gy"])
    wrong = factor(population, replace(first, fractions=doubled), 0)
    verdicts(
        as_arrays([wrong, *found[1:]]),
        start,
        names,
        "Site 1 with doubled doses",
        [2 * TOTAL_GY, *given[1:]],
    )
    values = first.observations.assign(value=CELLS_PER_UL * first.observations["value"])
    wrong = factor(population, replace(first, observations=values), 0)
    verdicts(as_arrays([wrong, *found[1:]]), start, names, "Site 1 in cells/uL", given)


if __name__ == "__main__":
    main()
