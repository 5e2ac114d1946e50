"""The modes of a posterior that several starts find, each with a rough weight.

The climbs that find where a posterior lies end in different places where it has several modes. Each
such place gets a normal approximation of its own, whose evidence lower bound says roughly how much
of the posterior lies there. Chains then begin in every mode that may matter, so that R-hat compares
them: chains that all began in one mode agree, whatever they have missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lymphokin.infer.density import CohortDensity
from lymphokin.infer.fit_error import FitError
from lymphokin.infer.gaussian import NormalApproximation, fit_gaussian
from lymphokin.infer.mode import rough_modes
from lymphokin.infer.nested_rhat import starts_of
from lymphokin.infer.noncentred_density import NoncentredGradients

APART = 3.0
"""Distance of two places of the population, in SDs of the approximation in the direction in which
they differ most, from which they count as two (judgement)."""
MATTERS = 10.0
"""Nats of evidence below the best mode up to which a mode may matter: e^-10 is one draw in 20,000,
and the bound is off by some nats where a mode is not normal (judgement)."""
MOST = 4
"""Starts that climb to the end, besides the prior's centre: each costs some 80 gradients."""
BOUND_DRAWS = 100
"""Draws at which a bound is estimated."""


class Modes(NamedTuple):
    """What the starts found, the mode with the largest evidence first."""

    approximation: NormalApproximation
    """of the first mode"""
    log_evidence: np.ndarray
    """[mode] evidence lower bounds, nats"""
    starts: np.ndarray
    """[chain, latent] latents, as the parameter table writes them, at which chains begin; none
    where there is one mode"""

    def arrays(self) -> dict[str, np.ndarray]:
        """As plain arrays."""
        own = {name: value for name, value in self._asdict().items() if name != "approximation"}
        return self.approximation.arrays() | own

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Modes:
        """The modes of which :meth:`arrays` gives these."""
        found = NormalApproximation.of(arrays)
        return cls(found, arrays["log_evidence"], arrays["starts"])


def find_modes(
    density: CohortDensity, gradients: NoncentredGradients, seed: int, chains: int
) -> Modes:
    """Normal approximations of the modes that the starts find, and where chains begin.

    Args:
        density: the cohort.
        gradients: of its density or of one near it, as with long steps.
        seed: of the starts and of all random numbers.
        chains: how many begin; at most as many modes are kept.

    Raises:
        FitError: when there is no normal approximation.
    """
    places = rough_modes(density, gradients, seed, min(chains, MOST))
    found = [fit_gaussian(density, gradients, seed, places[0])]
    for place in places[1:]:
        if all(_apart(density, one, place) for one in found):
            try:
                other = fit_gaussian(density, gradients, seed, place)
            except FitError:
                continue  # nothing that a chain could begin in
            if all(_apart(density, one, _centre(density, other)) for one in found):
                found.append(other)
    rng = np.random.default_rng([seed, 4])
    bounds = np.array([_lower_bound(density, one, rng) for one in found])
    order = np.argsort(-bounds)
    kept = [found[i] for i in order if bounds[i] > bounds[order[0]] - MATTERS]
    starts = np.zeros((0, len(places[0])))
    if len(kept) > 1:
        groups = starts_of(chains)
        y = rng.standard_normal((groups, len(places[0])))
        own = [kept[i % len(kept)].latents(density, y[i][None])[0][0] for i in range(groups)]
        starts = np.repeat(np.stack(own), chains // groups, axis=0)
    return Modes(found[order[0]], bounds[order], starts)


def _centre(density: CohortDensity, approximation: NormalApproximation) -> np.ndarray:
    middle = np.zeros_like(approximation.whitening.centre)
    return approximation.latents(density, middle[None])[0][0]


def _apart(density: CohortDensity, one: NormalApproximation, x: np.ndarray) -> bool:
    """Whether the population at ``x`` [latent] is another place than that of an approximation."""
    n = len(one.whitening.population)
    moved = np.linalg.solve(one.whitening.population, x[:n] - _centre(density, one)[:n])
    return bool(np.abs(moved).max() > APART)


def _lower_bound(
    density: CohortDensity, approximation: NormalApproximation, rng: np.random.Generator
) -> float:
    """Evidence lower bound of an approximation, but for a constant; the median of the log ratios,
    as a few far draws would carry the mean.
    """
    whitening = approximation.whitening
    y = rng.standard_normal((BOUND_DRAWS, len(whitening.centre)))
    x, log_volume = approximation.latents(density, y)
    own = [part.own_log_density.sum(axis=1) for part in density.evaluate(x, density.arrays)]
    value = np.concatenate(own) + density.log_prior(x[:, : len(whitening.population)])
    roots = (np.linalg.slogdet(part)[1].sum() for part in (whitening.population, whitening.own))
    return float(np.median(value + log_volume.sum(axis=1)) + sum(roots))
