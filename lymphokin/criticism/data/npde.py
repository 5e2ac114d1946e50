"""Normalised prediction distribution errors: where each record lies among its simulations.

Comets, Brendel and Mentré 2008 (doi:10.1016/j.cmpb.2007.12.002). Records of one patient go
together, so records and simulations are decorrelated by the simulations' covariance first. A
record below its limit of quantification, measured or simulated, becomes a random one of the
simulations below it (Nguyen, Comets and Mentré 2012, doi:10.1007/s10928-012-9264-2).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.uniformity import Uniformity
from lymphokin.pages.wording import fixed
from lymphokin.verdict import Verdict, in_words, level_of

FEWEST_SIMULATIONS_PER_RECORD = 3
"""A covariance from fewer simulations per record of a patient is not trusted: no decorrelation."""


def prediction_errors(replicates: Replicates, seed: int) -> np.ndarray:
    """[record] prediction distribution error between 0 and 1: uniform if the model is right."""
    rng = np.random.default_rng(seed)
    r = replicates
    observed, simulated = imputed(rng, r.log_value, r.censored, r.new, r.log_lloq)
    if r.residual.error != "log_normal":  # decorrelated where the error is symmetric
        observed, simulated = np.exp(observed), np.exp(simulated)
    errors = np.empty(len(observed))
    for places in r.records.groupby("id", sort=False).indices.values():
        errors[places] = _places_among(rng, observed[places], simulated[:, places])
    return errors


def imputed(
    rng: np.random.Generator,
    observed: np.ndarray,
    censored: np.ndarray,
    simulated: np.ndarray,
    log_lloq: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What was measured and simulated, with random simulations in place of what is below a limit.

    Args:
        observed: [record] ln of the measured values.
        censored: [record] whether the value lies below its limit.
        simulated: [draw, record] ln of simulated values.
        log_lloq: [record] ln of the limits of quantification.
    """
    observed, simulated = observed.copy(), simulated.copy()
    hidden = simulated < log_lloq
    for record in np.flatnonzero(hidden.any(axis=0)):
        below = simulated[hidden[:, record], record]
        if censored[record]:
            observed[record] = rng.choice(below)
        # In another order: what goes with a patient's other records is hidden in the data too.
        simulated[hidden[:, record], record] = rng.permutation(below)
    return observed, simulated


def _places_among(
    rng: np.random.Generator, observed: np.ndarray, simulated: np.ndarray
) -> np.ndarray:
    """[record] share of a patient's simulations [draw, record] below what was observed."""
    draws, records = simulated.shape
    if records > 1 and draws >= FEWEST_SIMULATIONS_PER_RECORD * records:
        centre = simulated.mean(axis=0)
        root = np.linalg.cholesky(np.cov(simulated, rowvar=False))
        observed = np.linalg.solve(root, observed - centre)
        simulated = np.linalg.solve(root, (simulated - centre).T).T
    rank = (simulated < observed).sum(axis=0)
    return (rank + rng.uniform(size=records)) / (draws + 1)


def normal_scores(errors: np.ndarray) -> np.ndarray:
    """Errors between 0 and 1 as standard normal numbers."""
    return stats.norm.ppf(errors)


def judge_prediction_errors(quantity: str, scores: np.ndarray, uniform: Uniformity) -> Verdict:
    """Are the prediction distribution errors uniform (their normal scores standard normal)?"""
    mean, sd = float(scores.mean()), float(scores.std())
    sentence = (
        f"The normal scores of {len(scores)} records have mean {fixed(mean)} and SD {sd:.2f} "
        f"(0 and 1 if the model is right); errors at least as far from uniform have probability "
        f"{in_words(uniform.p, 4000)}."
    )
    numbers = {"mean": mean, "sd": sd, "records": len(scores), "p": uniform.p}
    return Verdict(
        "prediction distribution errors", quantity, level_of(uniform.p), sentence, numbers
    )
