"""How far a trial lies from what each posterior draw expects of it: a distance that can be large.

Bands over all draws are wide where the population is not known well, and the measured trial has
shaped the draws, so that it seldom leaves them. The distance from what one draw expects knows only
the chance of one trial (realised discrepancies: Gelman, Meng and Stern 1996, Statistica Sinica
6:733). Under a right model it has, for a single draw, just the distribution of trials simulated
from that draw (Johnson 2004, doi:10.1214/009053604000000616). The probabilities of all draws are
merged as Cauchy variables, which keeps small ones right however the draws go together (Liu and Xie
2020, doi:10.1080/01621459.2018.1554485); their mean would ask for a look far too seldom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

FOLDS = 5
"""Parts of the draws; what a draw of one part expects is learnt from the others (judgement)."""
INDEPENDENT = 0.1
"""Weight of no correlation in that of cells, since few draws say little of it (judgement)."""
RIDGE = 1.0
"""Draws that the slopes on the population are shrunk by (judgement): no matter among 500."""


@dataclass(frozen=True)
class Realised:
    """Distance of a trial from what each draw of the population expects.

    ``away``: [cell] how many SDs of one trial the measured cell lies above what is expected, mean
    over draws. ``ratio``: distance of all cells, as a multiple of the distance of trials simulated
    from the draws, both the median over draws. ``p``: probability of at least that distance if the
    model is right.
    """

    away: np.ndarray
    ratio: float
    p: float


@threadpool_limits.wrap(1, user_api="blas")  # small matrices: threads cost more than they gain
def realised_distance(
    seen: np.ndarray, simulated: np.ndarray, population: np.ndarray, least: np.ndarray
) -> Realised:
    """Compare a trial with what each posterior draw expects of it, by trials simulated from them.

    What a draw expects of a cell (a percentile, say) is a regression of the simulated cells on the
    draws' populations, and the distance is Mahalanobis' over the residuals' covariance. How far
    trials of the draw lie is a second regression, of the logarithm of that distance.

    Args:
        seen: [cell] of the measured trial.
        simulated: [draw, cell] of one trial simulated from each draw.
        population: [draw, quantity] latents of the draws.
        least: [cell] SD below which no cell's is taken to be.
    """
    draws = len(simulated)
    spread = population.std(axis=0)
    moving = spread > 0
    standard = (population[:, moving] - population[:, moving].mean(axis=0)) / spread[moving]
    terms = np.column_stack([np.ones(draws), standard])
    away = np.empty_like(simulated)
    measured, expected = np.empty(draws), np.empty(draws)
    for fold in range(FOLDS):
        judged = np.arange(draws) % FOLDS == fold
        known = terms[~judged]
        slopes = _regressed(known, simulated[~judged])
        error = simulated[~judged] - known @ slopes
        sd = np.maximum(error.std(axis=0), least)
        together = (1 - INDEPENDENT) * error.T @ error / len(error) / np.outer(sd, sd)
        np.fill_diagonal(together, 1.0)
        root = np.linalg.cholesky(together)

        def log_distance(error: np.ndarray, sd: np.ndarray = sd, root: np.ndarray = root):
            return np.log(np.linalg.norm(np.linalg.solve(root, (error / sd).T), axis=0))

        usual = terms[judged] @ _regressed(known, log_distance(error))
        expects = terms[judged] @ slopes
        away[judged] = (seen - expects) / sd
        measured[judged] = log_distance(seen - expects) - usual
        expected[judged] = log_distance(simulated[judged] - expects) - usual
    at_least = draws - np.searchsorted(np.sort(expected), measured, side="left")
    of_draws = (0.5 + at_least) / (1 + draws)
    merged = 0.5 - np.arctan(np.tan((0.5 - of_draws) * np.pi).mean()) / np.pi
    ratio = float(np.exp(np.median(measured) - np.median(expected)))
    return Realised(away.mean(axis=0), ratio, float(merged))


def _regressed(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[term, ...] slopes of values [draw, ...] on terms [draw, term], of which the first is 1."""
    penalty = RIDGE * np.eye(terms.shape[1])
    penalty[0, 0] = 0.0
    return np.linalg.solve(terms.T @ terms + penalty, terms.T @ values)
