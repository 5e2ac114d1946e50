"""Draws of a method become named draws, a summary and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.infer.accuracy import judge_accuracy
from lymphokin.infer.chains_apart import chains_apart
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.diagnostics import (
    beside_accuracy,
    judge,
    population_summary,
    without_chains,
)
from lymphokin.infer.latent_draws import (
    LATENTS,
    PRECISION,
    flat_latents,
    kept_latents,
    kept_prior,
    lesion_names,
    population_latents,
)
from lymphokin.infer.learnt import unmeasured_quantities, withheld
from lymphokin.infer.predictive import predictive_groups
from lymphokin.infer.prior_conflict import in_a_sentence, prior_conflicts
from lymphokin.infer.sample import Sample

PRIOR_DRAWS = 4000
STATISTICS = {"log_density": "lp"}
"""ArviZ's names of what a draw is accompanied by, where they are not ours."""


def verdicts_of(
    density: CohortDensity, sample: Sample, errors: Mapping[str, float], seed: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, Any]]:
    """Summary of the population, and how far the draws can be believed.

    Args:
        density: the fitted cohort.
        sample: draws of its latents.
        errors: of the solver, from :func:`lymphokin.infer.accuracy.solver_error`.
        seed: of the draws of the prior.

    Returns:
        one row per population quantity; the quantities [chain, draw] and those of the prior
        [draw], in the table's units; ``convergence``, ``prior_conflict`` (a sentence, or empty)
        and, of an approximation, ``approximation``.
    """
    hierarchy, belief = density.hierarchy, sample.belief
    n_population = len(hierarchy.quantities)
    z = sample.x[..., :n_population]
    values = density.natural(z.reshape(-1, n_population))
    values = {name: value.reshape(z.shape[:2]) for name, value in values.items()}
    prior_z = density.prior_draws(np.random.default_rng(seed), PRIOR_DRAWS)
    prior = density.natural(prior_z.astype(z.dtype))
    seen = {q for q, rows in density.packed.records.items() if any(map(len, rows))}
    seen |= {event for event, rows in density.packed.events.items() if len(rows)}
    unmeasured = unmeasured_quantities(hierarchy.model, seen)
    scores = density.prior_scores(z)
    summary = population_summary(hierarchy, scores, values, prior, belief is None, unmeasured)
    names = hierarchy.population_names
    convergence = (
        judge(
            summary,
            sample.statistics["diverging"],
            chains_apart(z, sample.statistics["log_density"], names, sample.log_evidence),
            sample.thinning,
            sample.shortened,
            sample.risk_ess,
        )
        if belief is None
        else without_chains(belief, z.shape[1])
    )
    accuracy = judge_accuracy(errors, adaptive=hierarchy.model.solver is not None)
    convergence = beside_accuracy(convergence, accuracy)
    conflicts = prior_conflicts(hierarchy.model, scores.reshape(-1, n_population))
    if convergence.level == "bad":
        summary, conflicts = withheld(summary), []
    verdicts: dict[str, Any] = {
        "convergence": convergence.as_dict(),
        "prior_conflict": in_a_sentence(conflicts, unmeasured),
    }
    if len(sample.log_evidence) > 1:
        verdicts["log_evidence_of_modes"] = list(sample.log_evidence)
    if belief is not None:
        verdicts["approximation"] = belief.as_dict()
    return summary, values, prior, verdicts


def draws_tree(
    density: CohortDensity,
    sample: Sample,
    values: dict[str, np.ndarray],
    prior: dict[str, np.ndarray],
    seed: int,
) -> xr.DataTree:
    """The draws with their names, as ``posterior.nc`` holds them and ArviZ names them.

    Args:
        density: the fitted cohort.
        sample: draws of its latents.
        values: population quantities, [chain, draw] in the table's units.
        prior: the same of the prior, [draw].
        seed: of the predictive draws.

    Returns:
        groups ``posterior`` (population quantities), ``unconstrained_posterior`` (the population's
        latents), ``individuals`` (parameters with a dimension ``patient``, or ``lesion`` where they
        differ between lesions) and ``latents`` (by name) of some draws, ``sample_stats``,
        ``prior``, those of :func:`predictive_groups` for the same draws as ``latents``, and what
        the method adds.
    """
    hierarchy, arrays = density.hierarchy, density.arrays
    unravel = density.unravel()
    effects = [e for e in hierarchy.subject_effects if e not in hierarchy.lesion_effects]

    def individual(x: jax.Array) -> dict[str, jax.Array]:
        latents = unravel(x)
        p, _ = hierarchy.individuals(hierarchy.population(latents.population), latents, arrays)
        own = {e.name: getattr(p, e.name) / e.per_day for e in effects}
        if arrays.lesions is not None:
            at = arrays.lesions.number, arrays.lesions.patient
            of_lesions = hierarchy.lesion_effects
            own |= {e.name: getattr(p, e.name)[at] / e.per_day for e in of_lesions}
        return own

    latents = kept_latents(density, sample.x)
    # What is said of patients and records is that of the latents that are kept, digit by digit.
    kept, x = latents["draw"].to_numpy(), flat_latents(latents)
    of_patients = jax.jit(lambda x: jax.lax.map(individual, x))(
        jnp.asarray(x.reshape(-1, x.shape[-1]))
    )
    units = {q.name: q.unit for q in hierarchy.quantities}
    posterior_vars: dict[str, Any] = {
        name: (("chain", "draw"), v, {"units": units[name]}) for name, v in values.items()
    }
    individuals: dict[str, Any] = {}
    for effect in [*effects, *hierarchy.lesion_effects]:
        own = np.asarray(of_patients[effect.name], PRECISION).reshape(*x.shape[:2], -1)
        whose = "lesion" if effect in hierarchy.lesion_effects else "patient"
        individuals[effect.name] = (("chain", "draw", whose), own, {"units": effect.unit})
    chains, draws = sample.x.shape[:2]
    places = {"chain": np.arange(chains), "draw": np.arange(draws)}
    patients: dict[str, Any] = {"patient": density.packed.cohort.patients.index.to_numpy(str)}
    if hierarchy.lesion_effects:
        patients["lesion"] = lesion_names(density)
    stats = {
        STATISTICS.get(name, name): (("chain", "draw"), value)
        for name, value in sample.statistics.items()
    }
    before = {
        name: (("chain", "draw"), v[None], {"units": units[name]}) for name, v in prior.items()
    }
    return xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(posterior_vars, places),
            "/individuals": xr.Dataset(individuals, places | {"draw": kept} | patients),
            "/sample_stats": xr.Dataset(stats, places),
            f"/{LATENTS}": population_latents(hierarchy.population_names, sample.x),
            "/latents": latents,
            "/prior": xr.Dataset(before, {"chain": [0], "draw": np.arange(PRIOR_DRAWS)}),
            **predictive_groups(density, x, kept, seed),
            **kept_prior(arrays.prior, hierarchy.population_names),
            **{f"/{name}": group for name, group in sample.groups.items()},
        }
    )
