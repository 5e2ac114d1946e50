"""Do sites agree? Each is forecast from the others; copies and sites that stand apart are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2

from lymphokin.pooling.hierarchy import Factors, Normal, Pooled, Prior, pooled
from lymphokin.population.draws import BASELINE_OFFSET, DOSE_OFFSET, RESIDUAL_OFFSET

FALSE_ALARM = 0.01
"""Chance that any of sites that agree is said to disagree."""
UNUSUAL_SDS = 2.0
"""Standard deviations from the forecast beyond which an offset asks for a look."""
FALSE_COPY = 1e-3
"""Chance that any two sites of other patients are taken for the same."""
TELLING = 0.1
"""Information of a site along a direction, over that of its forecast, from which it is compared."""
POINTS = 1024
"""Of the spreads' prior, for a forecast: its mean and SD are then known to a few hundredths."""
FEWEST_TOGETHER = 2
"""Sites below which nobody can say which one is wrong."""
MISTAKES: dict[str, dict[float, str]] = {
    BASELINE_OFFSET: {
        1000.0: "counts per µl in place of 10⁹/l",
        0.001: "counts divided by 1,000 twice",
        10.0: "a decimal point, or white cells in place of lymphocytes",
        0.1: "a decimal point",
    },
    DOSE_OFFSET: {
        0.5: "doses that are twice what was given",
        2.0: "doses that are half of what was given",
        0.1: "doses in another unit",
        10.0: "doses in another unit",
    },
    RESIDUAL_OFFSET: {},
}
"""By offset, what a factor of it may come from."""
WORDS = {
    BASELINE_OFFSET: "baseline counts",
    DOSE_OFFSET: "the effect of a dose",
    RESIDUAL_OFFSET: "the scatter of counts",
}


@dataclass(frozen=True)
class SiteAgreement:
    """One site beside its forecast from the others.

    Attributes:
        p: chance that a site which agrees lies as far from its forecast.
        gain: nats by which its data are likelier given the other sites than without them.
        offsets: per offset, ln of the factor by which it differs from its forecast, and that in
            SDs.
        pull: quantity that moves most when the site is left out, and by how many SDs.
        level: fine, look or wrong.
        sentence: the verdict in words.
    """

    p: float
    gain: float
    offsets: dict[str, tuple[float, float]]
    pull: tuple[str, float]
    level: str
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "p": self.p,
            "gain_nats": self.gain,
            "from_forecast": {
                name: {"factor": float(np.exp(log)), "sds": sds}
                for name, (log, sds) in self.offsets.items()
            },
            "pull": {"quantity": self.pull[0], "sds": self.pull[1]},
            "level": self.level,
            "sentence": self.sentence,
        }


def agreement(
    factors: Factors,
    prior: Prior,
    everything: Pooled,
    offsets: Sequence[str],
    quantities: Sequence[str],
    seed: int,
) -> list[SiteAgreement]:
    """Every site beside its forecast from the others.

    A site that disagrees would make the others look odd: the one that disagrees most is named
    first, and the rest are forecast without it, until those that are left agree.

    Args:
        factors: of all sites.
        prior: of the population and the spreads.
        everything: the posterior given all sites.
        offsets: names of those of a site.
        quantities: names of the population's.
        seed: of the random numbers.
    """
    nothing = Normal.of(pooled(factors.of_nobody(), prior, seed, points=POINTS).new_site)
    mean, sd = everything.z.mean(axis=0), everything.z.std(axis=0)
    sites = len(factors.score)
    apart: list[int] = []
    while True:
        judged = [_judged(factors, prior, site, apart, nothing, seed) for site in range(sites)]
        together = [site for site in range(sites) if site not in apart]
        worst = max(together, key=lambda site: judged[site].distance)
        if judged[worst].p >= FALSE_ALARM / sites or len(together) <= FEWEST_TOGETHER:
            break
        apart.append(worst)
    found = []
    for site, own in enumerate(judged):
        rest = pooled(factors.without([site]), prior, seed, points=POINTS)
        moved = (mean - rest.z.mean(axis=0)) / sd
        most = int(np.abs(moved).argmax())
        named = dict(zip(offsets, own.offsets, strict=True))
        level, sentence = _in_words(own.p, named, sites)
        pull = (quantities[most], float(moved[most]))
        found.append(SiteAgreement(own.p, own.gain, named, pull, level, sentence))
    return found


class _Judged(NamedTuple):
    """A site against its forecast; see :class:`SiteAgreement`."""

    distance: float
    """mean square along the directions of which it tells, 1 is expected"""
    p: float
    gain: float
    offsets: list[tuple[float, float]]


def _judged(
    factors: Factors, prior: Prior, site: int, apart: Sequence[int], nothing: Normal, seed: int
) -> _Judged:
    """A site against its forecast from the others but those that stand ``apart``."""
    rest = factors.without([site, *apart])
    forecast = Normal.of(pooled(rest, prior, seed, points=POINTS).new_site)
    score, precision = factors.score[site], factors.precision[site]
    distance, p, offsets = _against(score, precision, forecast, prior.directions)
    gain = _log_evidence(score, precision, forecast) - _log_evidence(score, precision, nothing)
    return _Judged(distance, p, gain, offsets)


def _directions_of(
    precision: np.ndarray, forecast: Normal
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along independent directions of a forecast: information [direction], the directions
    [quantity, direction] and what undoes them.
    """
    root = np.linalg.cholesky(forecast.covariance)
    values, vectors = np.linalg.eigh(root.T @ precision @ root)
    return np.maximum(values, 0), root @ vectors, vectors.T @ np.linalg.inv(root)


def _against(
    score: np.ndarray, precision: np.ndarray, forecast: Normal, directions: np.ndarray
) -> tuple[float, float, list[tuple[float, float]]]:
    """How far a site lies from its forecast, the chance of that, and each offset with its SDs."""
    values, along, back = _directions_of(precision, forecast)
    distance = along.T @ (score - precision @ forecast.mean)
    telling = values > TELLING
    count = max(int(telling.sum()), 1)
    square = float((distance[telling] ** 2 / (values * (1 + values))[telling]).sum())
    offsets = []
    for direction in directions:
        turned = back @ direction
        information = float((turned**2 * values / (1 + values)).sum())
        shift = float((turned * distance / (1 + values)).sum())
        if information <= 0:
            offsets.append((0.0, 0.0))
            continue
        offsets.append((shift / information, shift / information**0.5))
    return square / count, float(chi2.sf(square, count)), offsets


def _log_evidence(score: np.ndarray, precision: np.ndarray, forecast: Normal) -> float:
    """ln of the mean likelihood of a site under a forecast, up to a constant of the site."""
    values, along, _ = _directions_of(precision, forecast)
    of_mean = float(forecast.mean @ (score - 0.5 * precision @ forecast.mean))
    distance = along.T @ (score - precision @ forecast.mean)
    return of_mean + 0.5 * float((distance**2 / (1 + values) - np.log1p(values)).sum())


def _in_words(p: float, offsets: dict[str, tuple[float, float]], sites: int) -> tuple[str, str]:
    """Verdict on a site."""
    apart = p < FALSE_ALARM / sites
    ranked = sorted(offsets, key=lambda name: -abs(offsets[name][1]))
    odd = [name for name in ranked if abs(offsets[name][1]) > UNUSUAL_SDS]
    if not apart and not odd:
        return "fine", "as the other sites predict"
    details = [_offset_in_words(name, *offsets[name]) for name in odd]
    if not details:
        details = ["no single one of baselines, effect of a dose and scatter explains it"]
    level = "wrong" if apart else "look"
    word = "disagrees with the other sites" if apart else "unusual beside the other sites"
    return level, f"{word}: {'; '.join(details)}"


def _offset_in_words(name: str, log_factor: float, sds: float) -> str:
    factor = np.exp(np.clip(log_factor, -20, 20))
    text = f"{WORDS[name]} {factor:.3g} times what they predict ({abs(sds):.1f} SDs)"
    if not MISTAKES[name]:
        return text
    nearest = min(MISTAKES[name], key=lambda f: abs(np.log(f) - log_factor))
    apart = abs(np.log(nearest) - log_factor)
    if apart <= UNUSUAL_SDS * abs(log_factor / sds) and apart < abs(log_factor):
        return f"{text}; look for {MISTAKES[name][nearest]}"
    return text


def copies(factors: Factors, population: Normal) -> list[tuple[int, int]]:
    """Pairs of sites whose factors are more alike than those of different patients can be.

    Two sites of the same population scatter around it each with its own patients; the same
    patients, fitted again, differ by the noise of the draws alone.

    Args:
        factors: of all sites.
        population: of them all.
    """
    sites = len(factors.score)
    pairs = list(combinations(range(sites), 2))
    found = []
    for one, other in pairs:
        both = factors.precision[one] + factors.precision[other]
        at = population.mean
        apart = factors.score[one] - factors.score[other]
        apart = apart - (factors.precision[one] - factors.precision[other]) @ at
        values, along, _ = _directions_of(both, population)
        telling = values > TELLING
        square = float(((along.T @ apart)[telling] ** 2 / values[telling]).sum())
        if telling.any() and chi2.cdf(square, int(telling.sum())) < FALSE_COPY / len(pairs):
            found.append((one, other))
    return found
