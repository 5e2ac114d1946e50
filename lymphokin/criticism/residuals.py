"""Residuals against time and prediction, each with a smooth trend and the band of no trend.

Individual residuals are taken under each posterior draw (realised residuals: Gelman, Meng and Stern
1996, Statistica Sinica 6:733), so that no shrinkage hides a misfit. Population residuals are the
normal scores of the prediction distribution errors. Both are standard normal under the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lymphokin.criticism.replicates import Replicates
from lymphokin.criticism.verdict import Verdict, in_words, level_of
from lymphokin.criticism.visual_check import groups_of
from lymphokin.report.wording import fixed, number

SPAN = 0.5
"""Share of the records that a point of the trend looks at (loess; Cleveland 1979,
doi:10.1080/01621459.1979.10481038)."""
PLACES = 25
"""Points of a trend."""
NO_TREND_DRAWS = 2000
FEWEST = 20
"""Records that a trend needs."""


@dataclass(frozen=True)
class Trend:
    """A smooth trend of residuals and where it lies when there is none.

    ``kind``: individual or population; ``against``: time or prediction; ``group``: the arm, empty
    for all. ``at``, ``residual`` [record]: what was smoothed. ``place``, ``trend``, ``low``,
    ``high`` [place]: the trend and the 90 % band of trends of standard normal residuals.
    ``p``: probability of a trend at least as far from zero at its worst place.
    """

    quantity: str
    kind: str
    against: str
    group: str
    at: np.ndarray
    residual: np.ndarray
    place: np.ndarray
    trend: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: float


def individual_residuals(r: Replicates, seed: int) -> np.ndarray:
    """[draw, record] residuals around each draw's own predictions, as standard normal numbers.

    A censored record gets a random residual below that of its limit.
    """
    rng = np.random.default_rng(seed)
    error = (r.log_value - r.fitted) / r.sd[:, None]
    distribution = r.error_distribution()
    probability = distribution.cdf(error)
    shrunk = rng.uniform(size=probability.shape) * probability
    probability = np.where(r.censored, shrunk, probability)
    return stats.norm.ppf(np.clip(probability, 1e-15, 1 - 1e-15))


def smoother(at: np.ndarray, places: np.ndarray) -> np.ndarray:
    """[place, record] weights of a local linear fit (tricube, nearest share ``SPAN`` of records).

    Args:
        at: [record] where the residuals are.
        places: [place] where the trend is wanted.
    """
    distance = np.abs(places[:, None] - at)
    reach = np.quantile(distance, SPAN, axis=1, keepdims=True)
    # Records at one visit share a place: a window without a second visit would be empty.
    reach = np.maximum(1.001 * reach, 0.15 * np.ptp(at))
    weight = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    weight /= weight.sum(axis=1, keepdims=True)
    offset = at - (weight @ at)[:, None]
    spread = (weight * offset**2).sum(axis=1)
    here = places - weight @ at
    slope = np.divide(here, spread, out=np.zeros_like(here), where=spread > 1e-12 * np.ptp(at) ** 2)
    return weight * (1 + slope[:, None] * offset)


def _places(at: np.ndarray) -> np.ndarray:
    """[place] where a trend is drawn: as dense as the records."""
    return np.unique(np.quantile(at, np.linspace(0.02, 0.98, PLACES), method="nearest"))


def _scores(weights: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """[draw] largest trend in its standard errors, of residuals [draw, record]."""
    error = np.sqrt((weights**2).sum(axis=1))
    return np.abs(residuals @ weights.T / error).max(axis=1)


def individual_trend(r: Replicates, residuals: np.ndarray, against: str, seed: int) -> Trend | None:
    """Trend of the individual residuals; None where there are too few records or places.

    Each draw's residuals are compared with that draw's own replicated noise, so ``p`` is a
    posterior predictive probability of a realised discrepancy.

    Args:
        residuals: [draw, record] from :func:`individual_residuals`.
        against: time or prediction.
    """
    at = _against(r, r.fitted, against)
    place = _places(at)
    if len(at) < FEWEST or len(place) < 3:
        return None
    weights = smoother(at, place)
    noise = np.random.default_rng(seed).standard_normal(residuals.shape)
    p = (1 + (_scores(weights, noise) >= _scores(weights, residuals)).sum()) / (1 + len(noise))
    return _trend(r, "individual", against, "", at, residuals.mean(axis=0), weights, place, p)


def population_trends(r: Replicates, scores: np.ndarray, against: str, seed: int) -> list[Trend]:
    """Trend of the population residuals in each arm.

    Args:
        scores: [record] normal scores of the prediction distribution errors.
        against: time or prediction.
    """
    found = []
    for group, chosen in groups_of(r).items():
        at = _against(r, r.typical, against)[chosen]
        place = _places(at)
        if len(at) < FEWEST or len(place) < 3:
            continue
        weights = smoother(at, place)
        noise = np.random.default_rng(seed).standard_normal((NO_TREND_DRAWS, len(at)))
        worst = _scores(weights, scores[chosen][None])[0]
        p = (1 + (_scores(weights, noise) >= worst).sum()) / (1 + len(noise))
        found.append(_trend(r, "population", against, group, at, scores[chosen], weights, place, p))
    return found


def _against(r: Replicates, log_prediction: np.ndarray, against: str) -> np.ndarray:
    if against == "time":
        return r.records["day"].to_numpy(float)
    return np.median(log_prediction, axis=0)


def _trend(
    r: Replicates,
    kind: str,
    against: str,
    group: str,
    at: np.ndarray,
    residual: np.ndarray,
    weights: np.ndarray,
    place: np.ndarray,
    p: float,
) -> Trend:
    half = stats.norm.ppf(0.95) * np.sqrt((weights**2).sum(axis=1))
    trend = weights @ residual
    return Trend(
        r.quantity, kind, against, group, at, residual, place, trend, -half, half, float(p)
    )


def judge_trends(trends: list[Trend]) -> Verdict:
    """Do the residuals of one kind drift with time or prediction, in any arm?

    The smallest of the probabilities counts, times their number (Bonferroni).
    """
    worst = min(trends, key=lambda t: t.p)
    p = min(1.0, worst.p * len(trends))
    place = int(np.abs(worst.trend / worst.high).argmax())
    where = worst.place[place]
    at = (
        f"day {where:.0f}"
        if worst.against == "time"
        else f"predictions of {number(float(np.exp(where)), 2)}"
    )
    arm = f" in arm {worst.group}" if worst.group else ""
    largest = float(worst.trend[place])
    sentence = (
        f"The largest trend of the {worst.kind} residuals is {fixed(largest)} SD, against "
        f"{worst.against} at {at}{arm}; one as large at some place has probability "
        f"{in_words(p, NO_TREND_DRAWS)} if there is none."
    )
    numbers = {"largest_trend": largest, "place": float(where), "p": p}
    name = f"trend of {worst.kind} residuals"
    return Verdict(name, worst.quantity, level_of(p), sentence, numbers)
