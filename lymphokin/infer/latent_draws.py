"""Draws of the latents by name, as they are kept: all of the population, some of the patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from lymphokin.arrays import shortened
from lymphokin.infer.density import CohortDensity
from lymphokin.population import JointPrior, Latents

LATENTS = "unconstrained_posterior"
"""Group of the population's latents, named as ArviZ names such a group."""
PRIOR = "population_prior"
"""Group of the joint prior that an update started from."""
MOST_KEPT, FEWEST_KEPT = 1000, 400
"""Draws of what is of patients or records that are kept, of all chains together: what follows from
them is bands and means, whose error is then a thirtieth of an SD, and with many patients a
twentieth."""
PATIENT_DRAWS = 100_000
"""Draws times patients above which fewer draws are kept, so that files stay small (judgement)."""
PRECISION = np.float32
"""Of what is of patients or records, before it is shortened."""
KEPT_BITS = 12
"""Bits of the mantissa that are kept of the patients' latents: a relative error of 1/8,000."""


def population_latents(names: Sequence[str], x: np.ndarray) -> xr.Dataset:
    """Standard normal latents of the population, ``population`` (chain, draw, quantity).

    Args:
        names: of the population quantities.
        x: [chain, draw, latent] flat latents.
    """
    values = x[..., : len(names)]
    coordinates = {
        "chain": np.arange(len(x)),
        "draw": np.arange(x.shape[1]),
        "quantity": list(names),
    }
    return xr.Dataset({"population": (("chain", "draw", "quantity"), values)}, coordinates)


def kept_prior(prior: JointPrior | None, names: Sequence[str]) -> dict[str, xr.Dataset]:
    """The joint prior of the population quantities as a group, where there is one."""
    if prior is None:
        return {}
    dimensions = ("quantity", "other_quantity")
    values = {n: (dimensions[: np.ndim(v)], np.asarray(v)) for n, v in prior._asdict().items()}
    coordinates = {dimension: list(names) for dimension in dimensions}
    return {f"/{PRIOR}": xr.Dataset(values, coordinates)}


def prior_of(draws: xr.DataTree) -> JointPrior | None:
    """The joint prior of the population that :func:`kept_prior` kept; None where there is none."""
    if PRIOR not in draws:
        return None
    return JointPrior(*(draws[PRIOR][name].to_numpy() for name in JointPrior._fields))


def kept_places(x: np.ndarray, patients: int) -> np.ndarray:
    """Places in the chains of the evenly spaced draws whose patients are kept.

    Args:
        x: [chain, draw, latent] flat latents.
        patients: in the cohort.
    """
    chains, draws = x.shape[:2]
    most = np.clip(PATIENT_DRAWS // patients, FEWEST_KEPT, MOST_KEPT)
    count = min(draws, -(-int(most) // chains))
    return np.linspace(0, draws - 1, count).round().astype(int)


def kept_latents(density: CohortDensity, x: np.ndarray) -> xr.Dataset:
    """Latents of evenly spaced draws by name; the coordinate ``draw`` is their place in the chain.

    Args:
        density: the fitted cohort.
        x: [chain, draw, latent] flat latents.
    """
    hierarchy, arrays, layout = density.hierarchy, density.arrays, density.packed.layout
    chains, place = len(x), kept_places(x, density.arrays.patients)
    count = len(place)
    found = population_latents(hierarchy.population_names, x[:, place]).assign_coords(draw=place)
    patients = density.packed.cohort.patients.index.to_numpy(str)
    hours = arrays.timeline.hours
    windows = np.zeros(0, int) if hours is None else np.asarray(hours.patient)
    names = {
        "subject": {"effect": hierarchy.subject_effects, "patient": patients},
        "treated": {
            "treated_effect": hierarchy.treated_effects,
            "treated_patient": patients[np.asarray(layout.treated, int)],
        },
        "occasion": {"occasion_effect": hierarchy.occasion_effects, "window": patients[windows]},
        "covariate": {"missing": patients[np.asarray(arrays.lacking, int)]},
        "lesion": {
            "lesion_effect": hierarchy.lesion_effects,
            "lesion_of_patient": lesion_names(density),
        },
    }
    first = len(hierarchy.quantities)
    for name, part in density.start()._asdict().items():
        if name == "population" or not part.size:
            continue
        own = shortened(x[:, place, first : first + part.size].astype(PRECISION), KEPT_BITS)
        first += part.size
        coordinates = {dim: [getattr(v, "name", v) for v in of] for dim, of in names[name].items()}
        values = (("chain", "draw", *coordinates), own.reshape(chains, count, *part.shape))
        found = found.assign_coords(coordinates).assign({name: values})
    return found


def lesion_names(density: CohortDensity) -> list[str]:
    """What each lesion of the cohort is called: its patient and its number, such as P1/2."""
    lesions, patients = density.arrays.lesions, density.packed.cohort.patients.index
    if lesions is None:
        return []
    places = zip(np.asarray(lesions.patient), np.asarray(lesions.number), strict=True)
    return [f"{patients[patient]}/{number + 1}" for patient, number in places]


def flat_latents(kept: xr.Dataset | xr.DataTree) -> np.ndarray:
    """[chain, draw, latent] the flat latents of which :func:`kept_latents` made ``kept``."""
    parts: list[Any] = [kept[name].to_numpy() for name in Latents._fields if name in kept]
    flat = [part.reshape(*part.shape[:2], -1) for part in parts]
    return np.concatenate(flat, axis=2).astype(np.float64)
