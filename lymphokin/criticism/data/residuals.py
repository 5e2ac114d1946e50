"""Residuals against time and prediction, each with a smooth trend and the band of no trend.

Individual residuals are taken under each posterior draw (realised residuals: Gelman, Meng and Stern
1996, Statistica Sinica 6:733), so that no shrinkage hides a misfit. Population residuals are the
normal scores of the prediction distribution errors. Both are standard normal under the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lymphokin.criticism.data.replicates import Replicates
from lymphokin.criticism.data.visual_check import groups_of
from lymphokin.pages.wording import fixed, number
from lymphokin.verdict import Verdict, in_words, level_of

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
    for all, or "A minus B". ``at``, ``residual`` [record]: what was smoothed (none shown for a
    difference). ``place``, ``trend``, ``low``,
    ``high`` [place]: the trend and the 90 % band of trends of standard normal residuals.
    ``score``: how many standard errors the trend lies from zero at its worst place, [1] or, where
    every draw has its own residuals, [draw]; ``null`` [draw]: the same of pure noise.
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
    score: np.ndarray
    null: np.ndarray


def individual_residuals(r: Replicates, seed: int) -> np.ndarray:
    """[draw, record] residuals around each draw's own predictions, as standard normal numbers.

    A censored record gets a random residual below that of its limit.
    """
    rng = np.random.default_rng(seed)
    error = r.standardised(r.fitted, r.sd)
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

    Each draw's residuals are compared with that draw's own replicated noise, which gives the
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
    mean = residuals.mean(axis=0)
    scores = _scores(weights, residuals), _scores(weights, noise)
    trend, half = weights @ mean, _half_band(weights)
    return Trend(
        r.quantity, "individual", against, "", at, mean, place, trend, -half, half, *scores
    )


def population_trends(r: Replicates, scores: np.ndarray, against: str, seed: int) -> list[Trend]:
    """Trend of the population residuals in each arm and, over time, of the arms' difference.

    Args:
        scores: [record] normal scores of the prediction distribution errors.
        against: time or prediction.
    """
    rng, at = np.random.default_rng(seed), _against(r, r.typical, against)
    noise = rng.standard_normal((NO_TREND_DRAWS, len(at)))
    trends, used = [], {}

    def add(group: str, place: np.ndarray, weights: np.ndarray, shown: np.ndarray) -> None:
        pair = _scores(weights, scores[None]), _scores(weights, noise)
        trend, half = weights @ scores, _half_band(weights)
        points = at[shown], scores[shown]
        trends.append(
            Trend(
                r.quantity, "population", against, group, *points, place, trend, -half, half, *pair
            )
        )

    for group, chosen in groups_of(r).items():
        place = _places(at[chosen])
        if len(chosen) >= FEWEST and len(place) >= 3:
            add(group, place, _spread(smoother(at[chosen], place), chosen, len(at)), chosen)
            used[group] = chosen
    if len(used) == 2 and against == "time":
        (one, first), (two, second) = used.items()
        place = _places(at)
        difference = _spread(smoother(at[second], place), second, len(at))
        difference -= _spread(smoother(at[first], place), first, len(at))
        add(f"{two} minus {one}", place, difference, np.zeros(0, int))
    return trends


def _spread(weights: np.ndarray, chosen: np.ndarray, records: int) -> np.ndarray:
    """[place, record] weights of some records as weights of all."""
    every = np.zeros((len(weights), records))
    every[:, chosen] = weights
    return every


def _half_band(weights: np.ndarray) -> np.ndarray:
    """[place] half the width of the 90 % band of trends of standard normal residuals."""
    return stats.norm.ppf(0.95) * np.sqrt((weights**2).sum(axis=1))


def _against(r: Replicates, log_prediction: np.ndarray, against: str) -> np.ndarray:
    if against == "time":
        return r.records["day"].to_numpy(float)
    return np.median(log_prediction, axis=0)


def judge_trends(trends: list[Trend]) -> Verdict:
    """Do the residuals of one kind drift with time or prediction, in any arm or between arms?

    The largest trend of all, in its standard errors, against the largest of pure noise.
    """
    worst = max(trends, key=lambda t: t.score.mean())
    score, null = (np.max([getattr(t, name) for t in trends], axis=0) for name in ("score", "null"))
    p = float((1 + (null >= score).sum()) / (1 + len(null)))
    place = int(np.abs(worst.trend / worst.high).argmax())
    where = worst.place[place]
    at = (
        f"day {where:.0f}"
        if worst.against == "time"
        else f"predictions of {number(float(np.exp(where)), 2)}"
    )
    arm = f" in {worst.group}" if worst.group else ""
    largest = float(worst.trend[place])
    sentence = (
        f"The largest trend of the {worst.kind} residuals is {fixed(largest)} SD, against "
        f"{worst.against} at {at}{arm}; one as large at some place has probability "
        f"{in_words(p, len(null))} if there is none."
    )
    numbers = {"largest_trend": largest, "place": float(where), "p": p}
    name = f"trend of {worst.kind} residuals"
    return Verdict(name, worst.quantity, level_of(p), sentence, numbers)
