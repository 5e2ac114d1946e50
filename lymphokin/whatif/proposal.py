"""Where to propose a patient's latents, from a regression of predicted counts on the latents.

Counts inform a patient's latents in as many directions as there are counts; in all others they stay
as the population has them, so that weights have nothing to mend there. The points are those of a
Sobol sequence, whose first coordinates are spread most evenly: they choose the draw of the
population, then what the counts inform, then the direction along which a later count changes most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, gammaln, ndtr

from lymphokin.population.draws import PopulationDraws
from lymphokin.whatif.draws import dimensions
from lymphokin.whatif.likelihood import PatientLikelihood
from lymphokin.whatif.normals import normals
from lymphokin.whatif.surface import Surface, ridge

DEFENSIVE = 0.1
"""Share of the proposals that come from the population itself, which bounds the weights."""
PROPOSAL_DF = 8.0
"""Degrees of freedom: heavier tails than the normal approximation."""
WIDER = 1.1
"""SD of the proposal over that of the normal approximation."""
INFORMED = 0.1
"""SD that a latent gives to the counts, over that of their noise, above which they inform it; at
this one they take half a percent of its SD away."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """A normal approximation of the patient's latents, which follows the population's."""

    population: PopulationDraws
    basis: np.ndarray
    """[latent, direction] orthonormal, the informed directions first"""
    sd: np.ndarray
    """[informed direction] of the proposal"""
    gain: np.ndarray
    """[informed direction, record]"""
    excess: np.ndarray
    """[record] ln counts over those expected where population latents are 0"""
    of_z: np.ndarray
    """[record, quantity]"""
    order: np.ndarray
    """[draw of the population] in order of the later count that it leads to"""
    probability: np.ndarray
    """[draw of the population] given the counts"""

    def centre(self, z: np.ndarray) -> np.ndarray:
        """[informed direction, lane] latents as far as population ``z`` and counts say."""
        return self.gain @ (self.excess[:, None] - self.of_z @ z)

    def deviation(self, z: np.ndarray, w: np.ndarray) -> np.ndarray:
        """[latent, lane] what of the latents ``w`` population and counts do not explain."""
        deviation, (active, _) = w.copy(), self.basis.shape
        deviation[:active] -= self.basis[:, : len(self.sd)] @ self.centre(z)
        return deviation

    def draw(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of the population [lane], latents [latent, lane] and log of prior over proposal
        density [lane].

        The proposal is a Student t around the normal approximation mixed with the population.
        """
        (active, _), informed = self.basis.shape, len(self.sd)
        which, *own, wide, mix = normals(count, dimensions(self.population) + 3, seed)
        # A patient of a model without random effects has none.
        own, wide = np.reshape(own, (-1, count)), ndtr(wide) < DEFENSIVE
        mix = 2 * gammaincinv(PROPOSAL_DF / 2, ndtr(mix)) / PROPOSAL_DF
        atom = self._atoms(ndtr(which), wide)
        centre, sd = self.centre(self.population.z[atom].T), self.sd[:, None]
        there = np.where(wide, own[:informed], centre + sd * own[:informed] / np.sqrt(mix))
        distance = (((there - centre) / sd) ** 2).sum(axis=0)
        log_close = (
            gammaln((PROPOSAL_DF + informed) / 2)
            - gammaln(PROPOSAL_DF / 2)
            - 0.5 * informed * np.log(PROPOSAL_DF * np.pi)
            - np.log(self.sd).sum()
            - 0.5 * (PROPOSAL_DF + informed) * np.log1p(distance / PROPOSAL_DF)
            + np.log(self.probability[atom] * len(self.order))
        )
        log_prior = -0.5 * (there**2).sum(axis=0) - 0.5 * informed * np.log(2 * np.pi)
        over_prior = np.logaddexp(np.log(1 - DEFENSIVE) + log_close - log_prior, np.log(DEFENSIVE))
        turned = self.basis @ np.vstack([there, own[informed:active]])
        return atom, np.vstack([turned, own[active:]]), -over_prior

    def _atoms(self, u: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """[lane] draws of the population at places from 0 to 1; any alike where ``wide``."""
        last = len(self.order) - 1
        among = np.cumsum(self.probability[self.order])
        likely = np.searchsorted(among / among[-1], u)
        return self.order[np.minimum(np.where(wide, u * (last + 1), likely).astype(int), last)]


def prior_proposal(population: PopulationDraws, surface: Surface) -> Proposal:
    """The population itself: nothing has been counted."""
    of_z = np.zeros((0, population.z.shape[1]))
    of_w = np.zeros((0, dimensions(population)))
    return _proposal(population, surface, of_z, of_w, np.zeros(0))


def fit_proposal(
    likelihood: PatientLikelihood,
    surface: Surface,
    z: np.ndarray,
    w: np.ndarray,
    predicted: np.ndarray,
    counted: tuple[np.ndarray, np.ndarray],
) -> Proposal:
    """The approximation that follows from draws and their predicted counts.

    Draws without a number are left out.

    Args:
        likelihood: of the counts.
        surface: what decides a later count.
        z: [quantity, lane] population latents.
        w: [latent, lane] the patient's latents.
        predicted: [record, lane] ln counts.
        counted: of the records, as of :meth:`PatientLikelihood.as_counted`.
    """
    log_value, variance = counted
    solved = np.isfinite(predicted).all(axis=0)
    if not solved.all():
        z, w, predicted = z[:, solved], w[:, solved], predicted[:, solved]
    active = likelihood.active
    x = np.vstack([z, w[:active]])
    slopes = ridge(x, predicted)
    noise = np.sqrt(variance + (predicted - slopes[:, 1:] @ x).var(axis=1))
    # In units of the noise from here on.
    slopes = slopes / noise[:, None]
    excess = log_value / noise - slopes[:, 0]
    of_z, of_w = np.split(slopes[:, 1:], [len(z)], axis=1)
    return _proposal(likelihood.population, surface, of_z, of_w, excess)


def _proposal(
    population: PopulationDraws,
    surface: Surface,
    of_z: np.ndarray,
    of_w: np.ndarray,
    excess: np.ndarray,
) -> Proposal:
    """The normal approximation for counts that are linear in the latents, in units of noise."""
    left, size, right = np.linalg.svd(of_w, full_matrices=False)
    informs = size > INFORMED
    left, size, right = left[:, informs], size[informs], right[informs]
    gain = (size / (1 + size**2))[:, None] * left.T
    later_z, later_w = surface.split(len(population.z[0]))
    later_w = later_w[: of_w.shape[1]]
    uninformed = later_w - right.T @ (right @ later_w)
    basis = np.linalg.qr(np.column_stack([right.T, uninformed, np.eye(len(later_w))])).Q
    basis[:, : len(size)] = right.T
    away = excess[:, None] - of_z @ population.z.T
    likely = -0.5 * (away * np.linalg.solve(np.eye(len(away)) + of_w @ of_w.T, away)).sum(axis=0)
    probability = np.exp(likely - likely.max())
    return Proposal(
        population=population,
        basis=basis,
        sd=WIDER / np.sqrt(1 + size**2),
        gain=gain,
        excess=excess,
        of_z=of_z,
        order=np.argsort(population.z @ (later_z - later_w @ right.T @ gain @ of_z)),
        probability=probability / probability.sum(),
    )
