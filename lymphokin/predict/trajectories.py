"""Fitted courses of every patient over time, and of the measured drug levels."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.population import CohortLikelihood, Hierarchy, Latents, PackedCohort, pack

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
FIRST_DAY = -14.0


def chosen_draws(x: np.ndarray, count: int, seed: int) -> np.ndarray:
    """``count`` of the flat posterior draws ``x`` [draw, latent], without replacement."""
    rng = np.random.default_rng(seed)
    return x[np.sort(rng.choice(len(x), min(count, len(x)), replace=False))]


def trajectories(
    model: Model, cohort: Cohort, x: np.ndarray, unravel: Callable[[jax.Array], Latents]
) -> xr.Dataset:
    """Equal-tailed quantiles of the true counts of every patient, day by day.

    Args:
        x: [draw, latent] flat posterior draws of this cohort.

    Returns:
        dims patient, day; ``alc_q05`` ... ``alc_q95`` (1e9/L), ``mdsc_q05`` ... (cells/uL).
    """
    records = cohort.observations
    last = float(np.ceil(records["day"].max())) if len(records) else 56.0
    days = np.arange(FIRST_DAY, last + 1.0)
    packed = pack(model, cohort, {str(i): days.tolist() for i in cohort.patients.index})
    likelihood = CohortLikelihood(Hierarchy(model))
    nodes = jnp.asarray(
        np.stack([packed.nodes(dict.fromkeys(cohort.patients.index, d)) for d in days])
    )
    patients = jnp.arange(len(cohort))

    def one(v: jax.Array) -> dict[str, jax.Array]:
        _, _, _, solution = likelihood.solution(unravel(v), packed.arrays)
        return {
            name: solution.outputs[name][nodes, patients]
            for name in ("alc", "mdsc")
            if name in solution.outputs
        }

    curves = jax.jit(lambda v: jax.lax.map(one, v))(jnp.asarray(x))
    variables = {}
    for name, values in curves.items():
        quantiles = np.quantile(np.asarray(values), QUANTILES, axis=0)
        for q, value in zip(QUANTILES, quantiles, strict=True):
            variables[f"{name}_q{round(100 * q):02d}"] = (("day", "patient"), value)
    coordinates = {"day": days, "patient": cohort.patients.index.to_numpy(str)}
    return xr.Dataset(variables, coordinates).transpose("patient", "day")


def fitted_levels(
    model: Model, packed: PackedCohort, x: np.ndarray, unravel: Callable[[jax.Array], Latents]
) -> pd.DataFrame | None:
    """Fitted true drug level at every sample: id, day, observed, censored, q05 ... q95; or None."""
    if "atra" not in packed.records:
        return None
    quantified, below = packed.records["atra"]
    rows = pd.concat([quantified, below])
    if rows.empty:
        return None
    likelihood = CohortLikelihood(Hierarchy(model))

    def one(v: jax.Array) -> jax.Array:
        fitted = likelihood.predictions(unravel(v), packed.arrays)["atra"]
        return jnp.concatenate([fitted[0][: len(quantified)], fitted[1][: len(below)]])

    levels = np.exp(np.asarray(jax.jit(lambda v: jax.lax.map(one, v))(jnp.asarray(x))))
    table = rows[["id", "day", "value", "censored"]].rename(columns={"value": "observed"})
    for q in QUANTILES:
        table[f"q{round(100 * q):02d}"] = np.quantile(levels, q, axis=0)
    return table.reset_index(drop=True)
