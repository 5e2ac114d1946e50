"""Draws of one patient given that patient's counts so far: importance resampling.

Most counts are nearly linear in the latents on the log scale, so a proposal close to the posterior
follows from a regression of the predicted counts on the latents; no gradient is needed. Weights
make it exact. How far they can be trusted is told by the Pareto k of their tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from arviz_stats.base.array import array_stats
from scipy.special import gammaln, logsumexp

from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.model import Residual
from lymphokin.population import scale_at, standardised
from lymphokin.predict.individual import MOST_DRAWS_UNSOLVED, NO_SOLUTION, NoForecastError
from lymphokin.whatif.contract import MOST_COUNTS, Count
from lymphokin.whatif.courses import CourseArrays
from lymphokin.whatif.draws import (
    PER_POPULATION,
    PatientDraws,
    chosen_atoms,
    dimensions,
    draw_patients,
    normals,
    sizes,
    split_normals,
)
from lymphokin.whatif.lanes import LANES, Fixed, Lanes, LaneSolver
from lymphokin.whatif.markov import walk
from lymphokin.whatif.source import PopulationDraws

PROPOSALS = 16
"""Proposed draws of the patient per draw of the population."""
DEFENSIVE = 10
"""One of so many proposals comes from the population itself, which bounds the weights."""
PROPOSAL_DF = 8.0
WIDER = 1.1
"""SD of the proposal over that of the normal approximation."""
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Conditioned:
    """Draws of a patient given the counts so far."""

    draws: PatientDraws
    own: np.ndarray
    """[latent, lane] what makes the patient differ, as far as the population does not explain it"""
    method: Literal["none", "importance", "mcmc"]
    pareto_k: float | None = None
    effective_draws: float | None = None
    settled: bool = True
    """whether Markov chains, where they were needed, had stopped moving"""


@dataclass(frozen=True, eq=False)
class Records:
    """Counts so far, on the log scale."""

    day: np.ndarray
    log_value: np.ndarray
    is_mdsc: np.ndarray

    @classmethod
    def of(cls, counts: Sequence[Count]) -> Records:
        """Records of some counts, by day."""
        ordered = sorted(counts, key=lambda c: (c.day, c.quantity))
        return cls(
            np.array([c.day for c in ordered], float),
            np.log([c.value for c in ordered]),
            np.array([c.quantity == "mdsc" for c in ordered], bool),
        )

    @property
    def padded_days(self) -> np.ndarray:
        """Days filled up to one length, so that one compiled shape serves all."""
        return np.pad(self.day, (0, MOST_COUNTS - len(self.day)), mode="edge")


def log_density(
    residual: Residual, log_value: np.ndarray, log_true: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """As :func:`lymphokin.population.log_density`, without compiling for every shape."""
    z = standardised(residual, log_value, log_true, sd, np)
    log_scale = np.log(scale_at(residual, log_true, sd, np))
    if residual.error != "log_normal":
        log_scale = log_scale - log_value
    if residual.distribution == "student_t":
        df = residual.degrees_of_freedom
        constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
        return constant - 0.5 * (df + 1) * np.log1p(z**2 / df) - log_scale
    return -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_scale


def _variance(residual: Residual, log_value: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """[record] variance of ln of a measurement, near the values that were measured."""
    scale = scale_at(residual, log_value, sd, np)
    if residual.error != "log_normal":
        scale = scale / np.exp(log_value)
    df = residual.degrees_of_freedom
    return scale**2 * (df / (df - 2) if residual.distribution == "student_t" and df > 2 else 1.0)


class Conditioning:
    """Conditions draws of one patient on counts under one course so far."""

    def __init__(
        self,
        source: PopulationDraws,
        solver: LaneSolver,
        fixed: Fixed,
        records: Records,
        course: CourseArrays,
    ) -> None:
        self.source = source
        self.solver = solver
        self.fixed = fixed
        self.records = records
        self.course = course
        # Without a dose of the drug so far its latents stay as the population has them.
        self.active = dimensions(source) if len(course.start) else sizes(source)[0]

    def predicted(self, z: np.ndarray, w: np.ndarray) -> np.ndarray:
        """[record, lane] ln counts predicted for population and patient latents."""
        count = z.shape[1]
        fill = -count % LANES
        z, w = (np.pad(v, ((0, 0), (0, fill)), mode="edge") for v in (z, w))
        lanes = Lanes(z, *split_normals(self.source, w))
        days = self.records.padded_days
        solved = self.solver.solve(lanes, self.fixed, self.course, days, versions=1)
        n = len(self.records.day)
        both = np.where(self.records.is_mdsc[:, None], solved.mdsc[:n], solved.at[0, :n])
        return both[:, :count]

    def log_likelihood(self, predicted: np.ndarray, atom: np.ndarray) -> np.ndarray:
        """[lane] log likelihood of the records."""
        log_value = self.records.log_value[:, None]
        total = np.zeros(predicted.shape[1])
        for quantity, rows in (("alc", ~self.records.is_mdsc), ("mdsc", self.records.is_mdsc)):
            if rows.any():
                residual = self.source.model.table.residuals[quantity]
                sd = self.source.residual_sd[quantity][atom]
                own = log_density(residual, log_value[rows], predicted[rows], sd)
                total = total + own.sum(axis=0)
        return total

    def _noise_variance(self) -> np.ndarray:
        """[record] typical variance of measurement noise."""
        out = np.zeros(len(self.records.day))
        for quantity, rows in (("alc", ~self.records.is_mdsc), ("mdsc", self.records.is_mdsc)):
            if rows.any():
                sd = np.median(self.source.residual_sd[quantity], axis=0)
                residual = self.source.model.table.residuals[quantity]
                out[rows] = _variance(residual, self.records.log_value[rows], sd)
        return out

    def approximation(self, z: np.ndarray, w: np.ndarray, y: np.ndarray) -> Approximation:
        """Normal approximation of the patient's latents from draws and their predictions.

        Draws without a number tell nothing.
        """
        solved = np.isfinite(y).all(axis=0)
        if not solved.all():
            z, w, y = z[:, solved], w[:, solved], y[:, solved]
        x = np.vstack([np.ones(z.shape[1]), z, w[: self.active]])
        penalty = RIDGE * z.shape[1] * np.eye(len(x))
        penalty[0, 0] = 0.0
        slopes = np.linalg.solve(x @ x.T + penalty, x @ y.T).T
        misfit = (y - slopes @ x).var(axis=1)
        intercept, of_z, of_w = np.split(slopes, [1, 1 + len(z)], axis=1)
        noise = np.diag(self._noise_variance() + misfit)
        gain = np.linalg.solve(of_w @ of_w.T + noise, of_w).T
        covariance = np.eye(self.active) - gain @ of_w
        chol = np.linalg.cholesky(covariance + 1e-9 * np.eye(self.active)) * WIDER
        return Approximation(gain, intercept[:, 0], of_z, chol)

    def propose(
        self, near: Approximation, z: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Latents [latent, lane] and log of prior over proposal density [lane].

        The proposal is a Student t around the normal approximation mixed with the population.
        """
        count = z.shape[1]
        rng = np.random.default_rng(seed)
        w = normals(count, dimensions(self.source), seed)
        centre = near.centre(z, self.records.log_value)
        mix = rng.chisquare(PROPOSAL_DF, count) / PROPOSAL_DF
        close = centre + near.chol @ (w[: self.active] / np.sqrt(mix))
        wide = np.arange(count) % DEFENSIVE == DEFENSIVE - 1
        own = np.where(wide, w[: self.active], close)
        k = self.active
        t = np.linalg.solve(near.chol, own - centre)
        log_t = (
            gammaln((PROPOSAL_DF + k) / 2)
            - gammaln(PROPOSAL_DF / 2)
            - 0.5 * k * np.log(PROPOSAL_DF * np.pi)
            - np.log(np.diag(near.chol)).sum()
            - 0.5 * (PROPOSAL_DF + k) * np.log1p((t**2).sum(axis=0) / PROPOSAL_DF)
        )
        log_prior = -0.5 * (own**2).sum(axis=0) - 0.5 * k * np.log(2 * np.pi)
        share = 1 / DEFENSIVE
        log_proposal = np.logaddexp(np.log(1 - share) + log_t, np.log(share) + log_prior)
        return np.vstack([own, w[k:]]), log_prior - log_proposal

    def run(self, count: int, seed: int) -> Conditioned:
        """``count`` draws of the patient given the records.

        Raises:
            NoForecastError: when the model has no number for too many draws.
        """
        start = draw_patients(self.source, LANES, seed)
        z, w = start.lanes.z, stacked(start.lanes)
        near = self.approximation(z, w, self.predicted(z, w))
        w, _ = self.propose(near, z, seed + 1)
        near = self.approximation(z, w, self.predicted(z, w))
        populations = count // PER_POPULATION
        atom = np.repeat(chosen_atoms(self.source, populations, seed), PROPOSALS)
        z = self.source.z[atom].T
        w, log_weight = self.propose(near, z, seed + 2)
        log_weight = log_weight + self.log_likelihood(self.predicted(z, w), atom)
        log_weight = np.where(np.isfinite(log_weight), log_weight, -np.inf)
        if np.isneginf(log_weight).mean() > MOST_DRAWS_UNSOLVED:
            raise NoForecastError(NO_SOLUTION.format(self.source.model.name))
        smooth, k = array_stats.psislw(log_weight.max() - log_weight)
        weight = np.exp(np.asarray(smooth) - logsumexp(smooth))
        chosen = resampled(weight.reshape(populations, PROPOSALS), PER_POPULATION, seed + 3)
        lanes = Lanes(z[:, chosen], *split_normals(self.source, w[:, chosen]))
        noise = draw_patients(self.source, count, seed).noise
        draws = PatientDraws(lanes, atom[chosen], noise)
        own = w[:, chosen]
        own[: self.active] -= near.centre(z[:, chosen], self.records.log_value)
        self.near = near
        found = Conditioned(draws, own, "importance", float(k), float(1 / (weight**2).sum()))
        return found if k <= UNRELIABLE_PARETO_K else walk(self, found, seed + 4)

    def centre(self, z: np.ndarray) -> np.ndarray:
        """[latent, lane] the patient's latents as far as population and counts explain them."""
        return self.near.centre(z, self.records.log_value)


@dataclass(frozen=True, eq=False)
class Approximation:
    """Normal approximation of the patient's latents, given the population's."""

    gain: np.ndarray
    """[latent, record]"""
    intercept: np.ndarray
    """[record]"""
    of_z: np.ndarray
    """[record, quantity]"""
    chol: np.ndarray
    """[latent, latent] lower Cholesky factor of the proposal's covariance"""

    def centre(self, z: np.ndarray, log_value: np.ndarray) -> np.ndarray:
        """[latent, lane] centre of the proposal."""
        return self.gain @ (log_value[:, None] - self.intercept[:, None] - self.of_z @ z)


def stacked(lanes: Lanes) -> np.ndarray:
    """The patient's latents as one array [latent, lane]."""
    return np.vstack([lanes.subject, lanes.treated, *lanes.occasion])


def systematic(weight: np.ndarray, count: int, start: float) -> np.ndarray:
    """Indices of ``count`` draws in proportion to ``weight``, as evenly as can be."""
    cumulative = np.cumsum(weight / weight.sum())
    places = (start + np.arange(count)) / count
    return np.minimum(np.searchsorted(cumulative, places), len(weight) - 1)


def resampled(weight: np.ndarray, each: int, seed: int) -> np.ndarray:
    """Flat indices of equally likely draws: population draws first, then ``each`` patients in each.

    Args:
        weight: [population draw, patient draw].
    """
    rng = np.random.default_rng(seed)
    populations = systematic(weight.sum(axis=1), len(weight), rng.uniform())
    chosen: list[np.ndarray] = []
    values, times = np.unique(populations, return_counts=True)
    for population, repeats in zip(values, times, strict=True):
        own = systematic(weight[population], repeats * each, rng.uniform())
        chosen.append(population * weight.shape[1] + rng.permutation(own))
    return np.concatenate(chosen)


def reliable(found: Conditioned) -> bool:
    """Whether the draws can be trusted."""
    if found.method == "mcmc":
        return found.settled
    return found.pareto_k is None or found.pareto_k <= UNRELIABLE_PARETO_K
