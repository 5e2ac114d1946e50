"""Draws of one patient by Markov chains, for counts so unusual that importance weights fail.

Every lane is a chain of its own, started from the resampled draws. A step moves the patient's
latents along the spread of all chains, and every other step proposes another draw of the
population too; both are accepted by Metropolis' rule, so the target is the same as that of the
weights. A model is compiled once for all draws: this needs no gradient and no compilation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lymphokin.whatif.draws import PatientDraws, split_normals
from lymphokin.whatif.lanes import Lanes

if TYPE_CHECKING:
    from lymphokin.whatif.condition import Conditioned, Conditioning

STEPS = 60
WISHED_ACCEPTANCE = 0.25
FIRST_SCALE = 1.0
SETTLED_Z = 3.0
"""Standard errors by which the mean log density may still move in the last third."""


def walk(task: Conditioning, start: Conditioned, seed: int) -> Conditioned:
    """The draws after Markov chains that start at ``start``.

    ``settled`` tells whether the mean log density had stopped moving.
    """
    rng = np.random.default_rng(seed)
    active, source = task.active, task.source
    lanes, atom = start.draws.lanes, start.draws.atom.copy()
    w = np.vstack([lanes.subject, lanes.treated, lanes.occasion.reshape(-1, start.draws.count)])

    def log_target(atom: np.ndarray, w: np.ndarray) -> np.ndarray:
        likelihood = task.log_likelihood(task.predicted(source.z[atom].T, w), atom)
        return likelihood - 0.5 * (w[:active] ** 2).sum(axis=0)

    density = log_target(atom, w)
    scale, means = FIRST_SCALE, []
    for step in range(STEPS):
        spread = np.cov(w[:active]).reshape(active, active) + 0.05 * np.eye(active)
        move = np.linalg.cholesky(spread) @ rng.standard_normal((active, w.shape[1]))
        proposed = w.copy()
        # Some moves are long: chains must leave the few points where bad weights put them.
        length = scale * 2.38 / np.sqrt(active) * np.exp(0.5 * rng.standard_normal(w.shape[1]))
        proposed[:active] += length * move
        others = rng.integers(len(source.z), size=len(atom))
        other = others if step % 2 else atom
        there = log_target(other, proposed)
        taken = np.log(rng.uniform(size=len(atom))) < there - density
        w, atom = np.where(taken, proposed, w), np.where(taken, other, atom)
        density = np.where(taken, there, density)
        scale *= float(np.exp(0.5 * (taken.mean() - WISHED_ACCEPTANCE)))
        means.append(density.mean())
    error = density.std() / np.sqrt(len(density))
    third = STEPS // 3
    moved = abs(np.mean(means[-third // 2 :]) - np.mean(means[-third : -third // 2]))
    z = source.z[atom].T
    draws = PatientDraws(Lanes(z, *split_normals(source, w)), atom, start.draws.noise)
    own = w.copy()
    own[:active] -= task.centre(z)
    return replace(
        start, draws=draws, own=own, method="mcmc", settled=bool(moved < SETTLED_Z * error)
    )
