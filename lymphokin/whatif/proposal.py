"""Where to propose a patient's latents, from a regression of predicted counts on the latents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from lymphokin.whatif.draws import dimensions
from lymphokin.whatif.likelihood import PatientLikelihood
from lymphokin.whatif.normals import normals

DEFENSIVE = 10
"""One proposal of this many comes from the population itself, which bounds the weights."""
PROPOSAL_DF = 8.0
"""Degrees of freedom: heavier tails than the normal approximation."""
WIDER = 1.1
"""SD of the proposal over that of the normal approximation."""
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Proposal:
    """A normal approximation of the patient's latents, which follows the population's."""

    likelihood: PatientLikelihood
    gain: np.ndarray
    """[latent, record]"""
    intercept: np.ndarray
    """[record]"""
    of_z: np.ndarray
    """[record, quantity]"""
    chol: np.ndarray
    """[latent, latent] lower Cholesky factor of the proposal's covariance"""

    def centre(self, z: np.ndarray) -> np.ndarray:
        """[latent, lane] latents as far as population ``z`` [quantity, lane] and counts say."""
        log_value = self.likelihood.records.log_value
        return self.gain @ (log_value[:, None] - self.intercept[:, None] - self.of_z @ z)

    def deviation(self, z: np.ndarray, w: np.ndarray) -> np.ndarray:
        """[latent, lane] what of the latents ``w`` population and counts do not explain."""
        deviation = w.copy()
        deviation[: self.likelihood.active] -= self.centre(z)
        return deviation

    def draw(self, z: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Latents [latent, lane] and log of prior over proposal density [lane].

        The proposal is a Student t around the normal approximation mixed with the population.
        """
        count, k = z.shape[1], self.likelihood.active
        rng = np.random.default_rng(seed)
        w = normals(count, dimensions(self.likelihood.population), seed)
        centre = self.centre(z)
        mix = rng.chisquare(PROPOSAL_DF, count) / PROPOSAL_DF
        close = centre + self.chol @ (w[:k] / np.sqrt(mix))
        wide = np.arange(count) % DEFENSIVE == DEFENSIVE - 1
        proposed = np.where(wide, w[:k], close)
        t = np.linalg.solve(self.chol, proposed - centre)
        log_t = (
            gammaln((PROPOSAL_DF + k) / 2)
            - gammaln(PROPOSAL_DF / 2)
            - 0.5 * k * np.log(PROPOSAL_DF * np.pi)
            - np.log(np.diag(self.chol)).sum()
            - 0.5 * (PROPOSAL_DF + k) * np.log1p((t**2).sum(axis=0) / PROPOSAL_DF)
        )
        log_prior = -0.5 * (proposed**2).sum(axis=0) - 0.5 * k * np.log(2 * np.pi)
        share = 1 / DEFENSIVE
        log_proposal = np.logaddexp(np.log(1 - share) + log_t, np.log(share) + log_prior)
        return np.vstack([proposed, w[k:]]), log_prior - log_proposal


def fit_proposal(
    likelihood: PatientLikelihood, z: np.ndarray, w: np.ndarray, predicted: np.ndarray
) -> Proposal:
    """The approximation that follows from draws and their predicted counts.

    Draws without a number are left out.

    Args:
        z: [quantity, lane] population latents.
        w: [latent, lane] the patient's latents.
        predicted: [record, lane] ln counts.
    """
    solved = np.isfinite(predicted).all(axis=0)
    if not solved.all():
        z, w, predicted = z[:, solved], w[:, solved], predicted[:, solved]
    active = likelihood.active
    x = np.vstack([np.ones(z.shape[1]), z, w[:active]])
    penalty = RIDGE * z.shape[1] * np.eye(len(x))
    penalty[0, 0] = 0.0
    slopes = np.linalg.solve(x @ x.T + penalty, x @ predicted.T).T
    misfit = (predicted - slopes @ x).var(axis=1)
    intercept, of_z, of_w = np.split(slopes, [1, 1 + len(z)], axis=1)
    noise = np.diag(likelihood.noise_variance() + misfit)
    gain = np.linalg.solve(of_w @ of_w.T + noise, of_w).T
    covariance = np.eye(active) - gain @ of_w
    chol = np.linalg.cholesky(covariance + 1e-9 * np.eye(active)) * WIDER
    return Proposal(likelihood, gain, intercept[:, 0], of_z, chol)
