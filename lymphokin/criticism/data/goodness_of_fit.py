"""Observed against predicted: how far the data lie from the population's and each patient's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.verdict import Verdict, in_words, level_of

INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class GoodnessOfFit:
    """Records of one quantity against what the fit says of them, all [record].

    ``observed`` (the limit where ``censored``), ``population`` (median prediction for a typical
    patient with the same course and covariates) and ``individual`` (median prediction for the
    patient) in the quantity's unit. ``covered``: share of records inside the 90 % interval for a
    new patient; ``simulated`` [draw]: the same for records that the model simulated.
    """

    quantity: str
    observed: np.ndarray
    censored: np.ndarray
    population: np.ndarray
    individual: np.ndarray
    covered: float
    simulated: np.ndarray


def goodness_of_fit(r: Replicates) -> GoodnessOfFit:
    """Observed and predicted values of one quantity, and the coverage of new patients' intervals.

    A censored record is covered where its interval reaches below the limit of quantification.
    """
    low, high = np.quantile(r.new, INTERVAL, axis=0)

    def share(log_value: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        inside = np.where(hidden, low < r.log_lloq, (log_value >= low) & (log_value <= high))
        return inside.mean(axis=-1)

    return GoodnessOfFit(
        r.quantity,
        np.exp(r.log_value),
        r.censored,
        np.exp(np.median(r.typical, axis=0)),
        np.exp(np.median(r.fitted, axis=0)),
        float(share(r.log_value, r.censored)),
        share(r.new, r.new < r.log_lloq),
    )


def judge_goodness_of_fit(goodness: GoodnessOfFit) -> Verdict:
    """Do the 90 % intervals for a new patient hold as many records as they should?"""
    draws = len(goodness.simulated)
    low = (1 + int((goodness.simulated <= goodness.covered).sum())) / (1 + draws)
    high = (1 + int((goodness.simulated >= goodness.covered).sum())) / (1 + draws)
    p = min(1.0, 2 * min(low, high))
    seen = ~goodness.censored

    def spread(predicted: np.ndarray) -> float:
        return float(np.std(np.log(goodness.observed[seen]) - np.log(predicted[seen])))

    population, individual = spread(goodness.population), spread(goodness.individual)
    sentence = (
        f"The 90 % interval for a new patient holds {100 * goodness.covered:.0f} % of the records; "
        f"a share as far from the simulated {100 * np.median(goodness.simulated):.0f} % has "
        f"probability {in_words(p, draws)}. Records scatter around the population prediction with "
        f"SD(ln) {population:.2f}, around the individual one with {individual:.2f}."
    )
    numbers = {
        "covered": goodness.covered,
        "p": p,
        "sd_ln_population": population,
        "sd_ln_individual": individual,
    }
    name = "observed against predicted"
    return Verdict(name, goodness.quantity, level_of(p), sentence, numbers)
