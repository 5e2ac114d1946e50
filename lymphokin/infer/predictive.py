"""What draws say of the records, as ArviZ names it: likelihoods, predictive draws, and the data.

The groups are ``log_likelihood``, ``posterior_predictive``, ``prior_predictive``,
``observed_data`` and ``constant_data``. Every measured quantity is a variable of its own name, in
its own unit, with the dimension ``QUANTITY_record``; the coordinates ``QUANTITY_patient`` and
``QUANTITY_day`` say whose record it is and of which day, ``QUANTITY_lesion`` of which lesion where
every lesion has its own.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pandas as pd
import xarray as xr

from lymphokin.infer.density import CohortDensity, flat, program_of
from lymphokin.infer.records import in_order, of_records
from lymphokin.population import CohortArrays, CohortLikelihood, draw_measured, sd_of

PRIOR_PREDICTIVE_DRAWS = 250
"""Trials drawn from the prior: enough for a band, in a quarter of the time of the posterior's."""
OF_PATIENT = "of_patient"
"""Variable of ``log_likelihood`` with the sum over all records of each patient."""
PRECISION = np.float32
"""Of all draws: seven digits, where a thousand draws give two."""


def predictive_groups(
    density: CohortDensity, x: np.ndarray, place: np.ndarray, seed: int
) -> dict[str, xr.Dataset]:
    """The groups, by name.

    A replicate of an event is drawn visit by visit: whether it is seen there, given that it had not
    happened at the visit before. Any other below a record's limit of quantification stands at the
    limit, as the laboratory's value does. Draws of the prior for which the model has no solution
    are left out.

    Args:
        density: the fitted cohort.
        x: [chain, draw, latent] flat latents of the draws that are kept.
        place: [draw] their places in the chains.
        seed: of the random numbers.
    """
    patients = density.packed.cohort.patients.index.to_numpy(str)
    rows = dict(density.packed.records)
    rows |= {event: (own, own[:0]) for event, own in density.packed.events.items()}
    records = {q: in_order(density, *both) for q, both in rows.items()}
    records = {q: found for q, found in records.items() if len(found[0])}
    coordinates: dict[str, Any] = {"patient": patients}
    for quantity, (table, _) in records.items():
        dimension = f"{quantity}_record"
        coordinates[dimension] = np.arange(len(table))
        coordinates[f"{quantity}_patient"] = (dimension, table["id"].to_numpy(str))
        coordinates[f"{quantity}_day"] = (dimension, table["day"].to_numpy(float))
        if table["lesion"].any():
            coordinates[f"{quantity}_lesion"] = (dimension, table["lesion"].to_numpy(int))
    draws = {"chain": np.arange(len(x)), "draw": place}
    rng = np.random.default_rng([seed, 2])  # the other random numbers of a fit stay as they are
    likelihoods, replicated = _of_draws(density, x, records, rng)
    if likelihoods:
        likelihoods[OF_PATIENT] = _by_patient(likelihoods, records, patients)
    prior_x = _prior_draws(density, rng)
    _, from_prior = _of_draws(density, prior_x[None], records, rng)
    solved = np.ones(len(prior_x), bool)
    for value in from_prior.values():
        solved &= np.isfinite(value).all(axis=(0, 2))
    from_prior = {quantity: value[:, solved] for quantity, value in from_prior.items()}
    prior_draws = {"chain": [0], "draw": np.arange(solved.sum())}
    units = {q: o.unit for q, o in density.likelihood.model.observables.items()}

    def dataset(values: dict[str, np.ndarray], over: dict[str, Any]) -> xr.Dataset:
        dimensions = {name: f"{name}_record" for name in records} | {OF_PATIENT: "patient"}
        variables = {
            name: (
                (*over, dimensions[name]),
                value.astype(PRECISION) if over else value,
                {"units": units[name]} if name in units else {},
            )
            for name, value in values.items()
        }
        return xr.Dataset(variables, over | _used(coordinates, variables))

    observed = {q: table["value"].to_numpy(float) for q, (table, _) in records.items()}
    return {
        "log_likelihood": dataset(likelihoods, draws).drop_attrs(),
        "posterior_predictive": dataset(replicated, draws),
        "prior_predictive": dataset(from_prior, prior_draws),
        "observed_data": dataset(observed, {}),
        "constant_data": _constant_data(density, records).assign_coords(coordinates),
    }


def _used(coordinates: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """The coordinates of dimensions that some variables have."""
    dimensions = {dimension for variable in variables.values() for dimension in variable[0]}
    return {
        name: value
        for name, value in coordinates.items()
        if (value[0] if isinstance(value, tuple) else name) in dimensions
    }


def _of_draws(
    density: CohortDensity,
    x: np.ndarray,
    records: dict[str, tuple[pd.DataFrame, np.ndarray]],
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Log likelihoods of the records, and replicates of them, by quantity [chain, draw, record]."""
    flat_x = x.reshape(-1, x.shape[-1])
    found = of_records(density, flat_x) if records else {}
    natural = density.natural(flat_x[:, : len(density.hierarchy.quantities)])
    likelihoods, replicated = {}, {}
    for quantity, (table, order) in records.items():
        if quantity in density.packed.events:
            log_passed, likelihood = (values[:, order] for values in found[quantity])
            shape = (*x.shape[:2], len(table))
            happens = rng.random(log_passed.shape) < -np.expm1(-np.exp(log_passed))
            likelihoods[quantity] = likelihood.reshape(shape)
            replicated[quantity] = happens.astype(float).reshape(shape)
            continue
        residual = density.likelihood.model.table.residuals[quantity]
        predicted, likelihood = (values[:, order] for values in found[quantity])
        sd = np.stack(
            [
                natural.get(f"{quantity}_{component}", np.full(len(flat_x), constant))
                for component, (constant, _) in residual.sds.items()
            ],
            axis=-1,
        )
        own = table["sd"].to_numpy(float) if residual.sd_column else np.ones(len(table))
        measured = np.exp(draw_measured(residual, rng, predicted, sd_of(sd, own)))
        limit = table["lloq"].fillna(0.0).to_numpy(float)
        shape = (*x.shape[:2], len(table))
        likelihoods[quantity] = likelihood.reshape(shape)
        replicated[quantity] = np.maximum(measured, limit).reshape(shape)
    return likelihoods, replicated


def _by_patient(
    likelihoods: dict[str, np.ndarray],
    records: dict[str, tuple[pd.DataFrame, np.ndarray]],
    patients: np.ndarray,
) -> np.ndarray:
    """[chain, draw, patient] log likelihoods of all records of each patient."""
    shape = next(iter(likelihoods.values())).shape[:2]
    total = np.zeros((len(patients), *shape))
    for quantity, (table, _) in records.items():
        position = pd.Index(patients).get_indexer(table["id"].to_numpy(str))
        np.add.at(total, position, np.moveaxis(likelihoods[quantity], -1, 0))
    return np.moveaxis(total, 0, -1)


def _draw_patients(
    likelihood: CohortLikelihood, keys: jax.Array, z: jax.Array, arrays: CohortArrays
) -> jax.Array:
    """[draw, latent] flat latents of cohorts drawn from the populations ``z`` [draw, quantity]."""
    draw = likelihood.hierarchy.draw_latents
    return jax.vmap(lambda key, own: flat(draw(key, arrays, own)))(keys, z)


def _prior_draws(density: CohortDensity, rng: np.random.Generator) -> np.ndarray:
    """[draw, latent] flat latents of the cohort drawn from the prior; compiled."""
    keys = rng.integers(2**32, size=(PRIOR_PREDICTIVE_DRAWS, 2), dtype=np.uint32)
    return _patients_of(density, keys, density.prior_draws(rng, PRIOR_PREDICTIVE_DRAWS))


def new_patients(density: CohortDensity, z: np.ndarray, seed: int) -> np.ndarray:
    """[draw, latent] flat latents of new patients with the same treatment and covariates, drawn
    from the populations ``z`` [draw, quantity]; compiled.
    """
    keys = np.random.default_rng(seed).integers(2**32, size=(len(z), 2), dtype=np.uint32)
    return _patients_of(density, keys, z)


def _patients_of(density: CohortDensity, keys: np.ndarray, z: np.ndarray) -> np.ndarray:
    arguments = (keys, z, density.arrays._replace(prior=None))
    return np.asarray(program_of(_draw_patients, density.likelihood, *arguments)(*arguments))


def _constant_data(
    density: CohortDensity, records: dict[str, tuple[pd.DataFrame, np.ndarray]]
) -> xr.Dataset:
    """What the model was given of the patients and their treatment, and limits of the records."""
    cohort = density.packed.cohort
    variables: dict[str, Any] = {}
    for name, column in cohort.patients.drop(columns="start_date").items():
        if column.notna().any():
            number = pd.api.types.is_numeric_dtype(column)
            value = column.to_numpy(float) if number else column.fillna("").to_numpy(str)
            variables[str(name)] = ("patient", value)
    for dimension, table in (("fraction", cohort.fractions), ("dose", cohort.doses)):
        for name, column in table.items():
            number = pd.api.types.is_numeric_dtype(column)
            named = f"{dimension}_{'patient' if name == 'id' else name}"
            variables[named] = (dimension, column.to_numpy(float if number else str))
    for quantity, (table, _) in records.items():
        variables[f"{quantity}_censored"] = (f"{quantity}_record", table["censored"].to_numpy(bool))
        for name in ("lloq", "lower", "upper"):
            if table[name].notna().any():
                value = table[name].to_numpy(float)
                variables[f"{quantity}_{name}"] = (f"{quantity}_record", value)
    return xr.Dataset(variables)
