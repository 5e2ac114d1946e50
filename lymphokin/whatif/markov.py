"""Draws of one patient by Markov chains, for counts so unusual that importance weights fail.

Every lane is a chain of its own, started from the resampled draws. A step moves the patient's
latents along the covariance of all chains, and every other step proposes another draw of the
population too; both are accepted by Metropolis' rule, so the target is the same as that of the
weights. A model is compiled once for all draws: this needs no gradient and no compilation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.draws import PatientDraws, split_normals, stacked
from lymphokin.whatif.lanes import Lanes
from lymphokin.whatif.likelihood import PatientLikelihood
from lymphokin.whatif.proposal import Proposal

STEPS = 60
WISHED_ACCEPTANCE = 0.25
FIRST_SCALE = 1.0
SETTLED_Z = 3.0
"""Standard errors by which the mean log density may still move in the last third."""


def walk(
    likelihood: PatientLikelihood, proposal: Proposal, start: Conditioned, seed: int
) -> Conditioned:
    """The draws after Markov chains that start at ``start``.

    ``settled`` says whether the mean log density had stopped moving.
    """
    rng = np.random.default_rng(seed)
    active, population = likelihood.active, likelihood.population
    atom, w = start.draws.atom.copy(), stacked(start.draws.lanes)

    def log_target(atom: np.ndarray, w: np.ndarray) -> np.ndarray:
        predicted = likelihood.predicted(population.z[atom].T, w)
        log_prior = -0.5 * (w[:active] ** 2).sum(axis=0)
        return likelihood.log_likelihood(predicted, atom) + log_prior

    density = log_target(atom, w)
    scale, means = FIRST_SCALE, []
    for step in range(STEPS):
        covariance = np.cov(w[:active]).reshape(active, active) + 0.05 * np.eye(active)
        move = np.linalg.cholesky(covariance) @ rng.standard_normal((active, w.shape[1]))
        proposed = w.copy()
        # Some moves are long: chains must leave the few points where bad weights put them.
        spread = np.exp(0.5 * rng.standard_normal(w.shape[1]))
        length = scale * 2.38 / np.sqrt(max(active, 1)) * spread
        proposed[:active] += length * move
        others = rng.integers(len(population.z), size=len(atom))
        other = others if step % 2 else atom
        there = log_target(other, proposed)
        accepted = np.log(rng.uniform(size=len(atom))) < there - density
        w, atom = np.where(accepted, proposed, w), np.where(accepted, other, atom)
        density = np.where(accepted, there, density)
        scale *= float(np.exp(0.5 * (accepted.mean() - WISHED_ACCEPTANCE)))
        means.append(density.mean())
    error = density.std() / np.sqrt(len(density))
    third = STEPS // 3
    moved = abs(np.mean(means[-third // 2 :]) - np.mean(means[-third : -third // 2]))
    z = population.z[atom].T
    draws = PatientDraws(Lanes(z, *split_normals(population, w)), atom, start.draws.noise)
    deviation = proposal.deviation(z, w)
    settled = bool(moved < SETTLED_Z * error)
    return replace(start, draws=draws, deviation=deviation, method="mcmc", settled=settled)
