"""Sites of one population whose levels differ: the hierarchical posterior of their factors.

The population of site s is z + sum over offsets of delta_s direction, delta_s normal around 0 with
a spread between sites that is unknown too. With quadratic factors everything given the spreads is
normal, in closed form: offsets are integrated out of each factor, the factors multiplied with the
prior, and the evidence of the spreads follows. So draws of the spreads from their prior, weighed by
that evidence, and normal draws given each, are draws of the posterior; no Markov chain is needed.
Where the prior is not normal, the draws are weighed by what it is over the normal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtri
from scipy.stats import qmc

from lymphokin.infer.weights import UNRELIABLE_PARETO_K, smoothed
from lymphokin.population import JointPrior

SPREADS_TRIED = 4096
"""Points of the spreads' prior, a power of two (Sobol)."""
DRAWS = 2000
LEAST_VARIANCE = 1e-3
"""Of a population latent, below which a variance of prior draws less that between centres is taken
to be noise of the draws."""


class Normal(NamedTuple):
    """A normal distribution of the population latents."""

    mean: np.ndarray
    """[quantity]"""
    covariance: np.ndarray
    """[quantity, quantity]"""

    @classmethod
    def of(cls, z: np.ndarray) -> Normal:
        """Mean and covariance of draws [draw, quantity]."""
        return cls(z.mean(axis=0), np.cov(z, rowvar=False).reshape(z.shape[1], z.shape[1]))


@dataclass(frozen=True)
class Prior:
    """What is believed of the population of all sites and of the spreads between them.

    Attributes:
        normal: mean and covariance of the population latents, without offsets.
        curved: their density, of which ``normal`` is the nearest normal one; None where it is that.
        directions: [offset, quantity] change of the latents per unit of an offset.
        log_median: [offset] of the spreads between sites.
        log_sd: [offset] of the same; 0 where a spread is known.
    """

    normal: Normal
    curved: JointPrior | None
    directions: np.ndarray
    log_median: np.ndarray
    log_sd: np.ndarray


class Factors(NamedTuple):
    """Quadratic log likelihoods of sites, score z - z precision z / 2."""

    score: np.ndarray
    """[site, quantity]"""
    precision: np.ndarray
    """[site, quantity, quantity]"""

    def without(self, sites: Sequence[int]) -> Factors:
        """Those of the other sites."""
        return Factors(*(np.delete(part, list(sites), axis=0) for part in self))

    def of_nobody(self) -> Factors:
        """None at all: what is left is the prior."""
        return Factors(self.score[:0], self.precision[:0])


class Pooled(NamedTuple):
    """Draws of the hierarchical posterior."""

    z: np.ndarray
    """[draw, quantity] population latents, without offsets"""
    offsets: np.ndarray
    """[draw, site, offset]"""
    spreads: np.ndarray
    """[draw, offset] SDs between sites"""
    new_site: np.ndarray
    """[draw, quantity] population latents of a site that is not among them"""
    effective_spreads: float
    """equally weighted points of the spreads' prior that the weighted ones are worth"""
    pareto_k: float
    """of the weights for a prior that is not normal; 0 where it is"""


def prior_of_draws(
    z: np.ndarray,
    directions: np.ndarray,
    log_median: Sequence[float],
    log_sd: Sequence[float],
    included: Sequence[float],
    seed: int = 0,
) -> Prior:
    """The prior that draws of a population make.

    Args:
        z: [draw, quantity] latents.
        directions: [offset, quantity] of the offsets of a site.
        log_median: [offset] of the spreads between sites.
        log_sd: [offset] of the same.
        included: [offset] variance between centres that the draws hold already: it is taken out.
        seed: of the random numbers.
    """
    mean, covariance = Normal.of(z)
    between = np.einsum("oq,o,or->qr", directions, np.asarray(included, float), directions)
    if between.any():
        values, vectors = np.linalg.eigh(covariance - between)
        least = np.minimum(LEAST_VARIANCE, np.linalg.eigvalsh(covariance)[0])
        apart = (vectors * np.maximum(values, least)) @ vectors.T
        kept = apart @ np.linalg.inv(covariance)
        left = apart - kept @ apart
        values, vectors = np.linalg.eigh(0.5 * (left + left.T))
        noise = np.random.default_rng(seed).standard_normal(z.shape)
        z = mean + (z - mean) @ kept.T + (noise * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return Prior(
        Normal.of(z), JointPrior.of(z), directions, np.asarray(log_median), np.asarray(log_sd)
    )


def pooled(
    factors: Factors, prior: Prior, seed: int, draws: int = DRAWS, points: int = SPREADS_TRIED
) -> Pooled:
    """Draws of the population and of the sites' offsets, given the factors of the sites.

    Args:
        factors: of the sites, or of none.
        prior: of the population and the spreads.
        seed: of the random numbers.
        draws: how many.
        points: of the spreads' prior that are weighed, a power of two.
    """
    rng = np.random.default_rng(seed)
    offsets = len(prior.log_median)
    normal = ndtri(qmc.Sobol(max(offsets, 1), seed=rng).random(points))[:, :offsets]
    spreads = np.exp(prior.log_median + prior.log_sd * normal)
    mean, root, offset_covariance, evidence = _given_spreads(factors, prior, spreads)
    weight = np.exp(evidence - logsumexp(evidence))
    chosen = rng.choice(points, draws, p=weight)
    noise = rng.standard_normal((draws, len(prior.normal.mean)))
    z = mean[chosen] + np.einsum("dqr,dr->dq", root[chosen], noise)
    pareto_k = 0.0
    if prior.curved is not None:
        moved = z - prior.normal.mean
        of_normal = moved @ np.linalg.inv(prior.normal.covariance)
        ratio = np.asarray(prior.curved.log_density(z)) + 0.5 * (of_normal * moved).sum(axis=1)
        curved, k = smoothed(ratio[:, None, None])
        pareto_k = float(k[0])
        if pareto_k <= UNRELIABLE_PARETO_K:
            again = np.sort(rng.choice(draws, draws, p=curved[:, 0, 0]))
            z, chosen = z[again], chosen[again]
    residual = factors.score - np.einsum("sqr,dr->dsq", factors.precision, z)
    of_offsets = offset_covariance[chosen]
    centre = np.einsum("dsab,bq,dsq->dsa", of_offsets, prior.directions, residual, optimize=True)
    noise = rng.standard_normal(centre.shape)
    own = centre + np.einsum("dsab,dsb->dsa", np.linalg.cholesky(of_offsets), noise)
    of_new = spreads[chosen] * rng.standard_normal((draws, offsets))
    new_site = z + of_new @ prior.directions
    effective = float(1 / (weight**2).sum())
    return Pooled(z, own, spreads[chosen], new_site, effective, pareto_k)


def _given_spreads(
    factors: Factors, prior: Prior, spreads: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The posterior given each of some spreads [point, offset].

    Returns:
        mean [point, quantity] and a root of the covariance [point, quantity, quantity] of the
        population latents; covariance of each site's offsets given those [point, site, offset,
        offset]; ln evidence [point], up to a constant.
    """
    score, precision = factors
    directions = prior.directions
    felt = np.einsum("sqr,or->sqo", precision, directions)
    own = np.einsum("oq,sqp->sop", directions, felt)
    inverse = own + (spreads**-2)[:, None, :, None] * np.eye(len(directions))
    covariance = np.linalg.inv(inverse)
    towards = score @ directions.T
    moved = np.einsum("psab,sb->psa", covariance, towards)
    total_score = score.sum(axis=0) - np.einsum("sqa,psa->pq", felt, moved, optimize=True)
    taken = np.einsum("sqa,psab,srb->pqr", felt, covariance, felt, optimize=True)
    prior_precision = np.linalg.inv(prior.normal.covariance)
    total_score = total_score + prior_precision @ prior.normal.mean
    total = prior_precision + precision.sum(axis=0) - taken
    root = np.swapaxes(np.linalg.inv(np.linalg.cholesky(total)), 1, 2)
    mean = np.einsum("pqr,psr,ps->pq", root, root, total_score, optimize=True)
    evidence = (
        0.5 * np.einsum("sa,psa->p", towards, moved)
        - 0.5 * np.linalg.slogdet(inverse)[1].sum(axis=1)
        - len(score) * np.log(spreads).sum(axis=1)
        - 0.5 * np.linalg.slogdet(total)[1]
        + 0.5 * (total_score * mean).sum(axis=1)
    )
    return mean, root, covariance, evidence
