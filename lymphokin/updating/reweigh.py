"""Draws of an earlier posterior weighed by new patients: an update without sampling anew.

Every draw of the population weighs as much as it makes the new patients' records likely, their own
parameters integrated out by importance sampling (as :mod:`lymphokin.infer.importance` does for a
normal approximation). Nothing of the earlier posterior is approximated: correlations and tails are
those of its draws. With many or surprising patients a few draws would carry all the weight; Pareto
k says so.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lymphokin.infer.belief import REWEIGHTED, Belief
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.importance import Proposals, Reliability, reliability, resampled
from lymphokin.infer.sample import Sample
from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.predict.endpoint_draws import chosen_draws_of
from lymphokin.predict.individual import proposed_individuals

POPULATIONS = 1000
TRIED = 200
"""Of these, weighed first: where they are worth far too few, the others need not be."""
CANDIDATES = 16
"""Draws of every patient for each draw of the population."""
FEWEST_EFFECTIVE = 100
"""Equally weighted draws that the weighted ones must be worth: the error of a mean is then a tenth
of an SD."""


def reweigh(
    density: CohortDensity, population_z: np.ndarray, seed: int, populations: int = POPULATIONS
) -> tuple[Proposals, Reliability]:
    """Weigh draws of a population by a cohort's records.

    Args:
        density: the cohort.
        population_z: [draw, quantity] population latents before the records.
        seed: of the random numbers.
        populations: draws that are weighed, at most.
    """
    z = chosen_draws_of(population_z, min(populations, len(population_z)), seed)
    patients = len(density.packed.cohort)
    nothing = np.zeros((patients, 1))
    proposed = proposed_individuals(
        density,
        density.arrays,
        z,
        CANDIDATES,
        seed,
        lambda part: np.broadcast_to(nothing, (len(part.own_log_density), patients, 1)),
    )
    shape = (len(z), CANDIDATES, -1)
    log_prior = density.log_prior(z)
    known = np.where(np.isfinite(proposed.own_log_density), proposed.own_log_density, -np.inf)
    own, of_proposal = known.reshape(shape), proposed.log_proposal.reshape(shape)
    # The draws follow the prior already: prior and proposal of the population are one.
    proposals = Proposals(proposed.x.reshape(shape), log_prior, log_prior, own, of_proposal)
    return proposals, reliability(proposals)


def hopeless(density: CohortDensity, population_z: np.ndarray, seed: int) -> bool:
    """Whether a few draws, weighed, show that all of them would be worth far too few: less than a
    quarter of what is needed.
    """
    _, found = reweigh(density, population_z, seed, TRIED)
    return found.effective_draws < 0.25 * FEWEST_EFFECTIVE * TRIED / POPULATIONS


def reliable(found: Reliability) -> bool:
    """Whether weighted draws can stand for the posterior."""
    enough = found.effective_draws >= FEWEST_EFFECTIVE
    return bool(enough and found.population <= UNRELIABLE_PARETO_K)


def sample_of(
    density: CohortDensity, proposals: Proposals, found: Reliability, seed: int
) -> Sample:
    """Draws of the posterior from weighted ones, with a verdict."""
    x, log_density = resampled(proposals, found, density.patient_index, seed)
    ids = density.packed.cohort.patients.index.astype(str)
    lost = tuple(ids[found.patients > UNRELIABLE_PARETO_K])
    good = reliable(found)
    words = (
        f"The draws of the earlier posterior, weighed by the new patients, are worth "
        f"{found.effective_draws:.0f} independent ones (Pareto k {found.population:.2f}, reliable "
        f"up to {UNRELIABLE_PARETO_K})."
    )
    if not good:
        words += " That is too few: sample anew with Markov chains."
    belief = Belief(
        REWEIGHTED,
        "bad" if not good else "caution" if lost else "good",
        words,
        found.population,
        found.joint,
        float(np.max(found.patients)),
        lost,
        found.effective_draws,
    )
    weights = xr.Dataset({"pareto_k": ("patient", found.patients)}, {"patient": ids.to_numpy(str)})
    statistics = {"log_density": log_density[None]}
    return Sample(x[None], statistics, belief, {"approximation": weights})
