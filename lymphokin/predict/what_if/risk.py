"""From counts of many draws to risks, intervals and curves. What is rounded is rounded here."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import norm
from scipy.stats import t as student_t

from lymphokin.model import Residual
from lymphokin.predict.endpoint import GRADE_BELOW, measured_threshold
from lymphokin.predict.what_if.contract import (
    Difference,
    Estimate,
    Fan,
    GradeRisk,
    Quantiles,
    Risk,
)
from lymphokin.predict.what_if.draws import PER_POPULATION

LEVELS = (0.05, 0.25, 0.50, 0.75, 0.95)
COUNT_DECIMALS = 2
"""Of counts in 1e9/L, as laboratories report them."""
MDSC_DECIMALS = 1


def below(residual: Residual, log_threshold: float, log_true: np.ndarray, sd: np.ndarray):
    """Probability that a measurement of each true count falls below a threshold."""
    z = (log_threshold - log_true) / sd
    if residual.distribution == "student_t":
        return student_t.cdf(z, residual.degrees_of_freedom)
    return norm.cdf(z)


def noise_of(residual: Residual, normal: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Measurement noise on the log scale from standard normals, the same for every schedule."""
    if residual.distribution == "student_t":
        return sd * student_t.ppf(ndtr(normal), residual.degrees_of_freedom)
    return sd * normal


def population_spread(values: np.ndarray) -> tuple[float, float]:
    """90 % equal-tailed interval of the mean of ``values`` [draw] over the population's draws.

    The mean over the few patients drawn from one population is noisy; that noise would make the
    interval too wide, so the means are shrunk towards their centre by its share of their variance.
    """
    groups = values.reshape(-1, PER_POPULATION)
    means = groups.mean(axis=1)
    between = means.var(ddof=1)
    noise = groups.var(axis=1, ddof=1).mean() / PER_POPULATION
    kept = np.sqrt(max(0.0, 1.0 - noise / between)) if between > 0 else 0.0
    low, high = np.quantile(means.mean() + kept * (means - means.mean()), (0.05, 0.95))
    return float(low), float(high)


def percent(p: float) -> int:
    """Probability as a number of 100, halves up."""
    return int(np.floor(100 * p + 0.5))


def estimate(values: np.ndarray) -> Estimate:
    """A probability from its value in each draw."""
    low, high = population_spread(values)
    of_100 = percent(float(values.mean()))
    low, high = (float(np.clip(v, 0.0, 1.0)) for v in (low, high))
    return Estimate(p=of_100 / 100, low=percent(low) / 100, high=percent(high) / 100, of_100=of_100)


def difference(a: np.ndarray, b: np.ndarray) -> Difference:
    """A minus B from paired draws of the risk."""
    low, high = population_spread(a - b)
    of_100 = percent(float(a.mean())) - percent(float(b.mean()))
    margin = 1e-9
    return Difference(
        p=of_100 / 100,
        low=round(low, 2),
        high=round(high, 2),
        of_100=of_100,
        probability_a_lower=round(float((a < b - margin).mean()), 2),
        probability_b_lower=round(float((b < a - margin).mean()), 2),
    )


def grade_draws(
    residual: Residual, log_count: np.ndarray, sd: np.ndarray, grade: int = 2
) -> np.ndarray:
    """[draw] probability that the count is reported as this grade or worse."""
    return below(residual, np.log(measured_threshold(grade)), log_count, sd)


def risk(residual: Residual, log_count: np.ndarray, sd: np.ndarray, noise: np.ndarray) -> Risk:
    """Risks of one version of a schedule from ln true counts at the endpoint, [draw]."""
    grades = {
        f"grade{grade}": GradeRisk(
            measured=estimate(grade_draws(residual, log_count, sd, grade)),
            true=estimate((log_count < np.log(limit)).astype(float)),
        )
        for grade, limit in GRADE_BELOW.items()
    }
    measured = np.quantile(np.exp(log_count + noise), LEVELS)
    q = {
        f"q{round(100 * k):02d}": round(float(v), 2) for k, v in zip(LEVELS, measured, strict=True)
    }
    return Risk(alc=Quantiles(**q), **grades)


def fan(log_value: np.ndarray, decimals: int) -> Fan:
    """Quantiles over draws of ln values [day, draw]."""
    ordered = np.sort(log_value, axis=-1)
    place = np.asarray(LEVELS) * (ordered.shape[-1] - 1)
    lower = np.floor(place).astype(int)
    share = place - lower
    upper = np.minimum(lower + 1, ordered.shape[-1] - 1)
    found = np.exp(ordered[:, lower] * (1 - share) + ordered[:, upper] * share)
    rounded = np.round(found, decimals).T
    return Fan(
        **{f"q{round(100 * k):02d}": v.tolist() for k, v in zip(LEVELS, rounded, strict=True)}
    )


def middle(log_value: np.ndarray, decimals: int = COUNT_DECIMALS) -> list[float]:
    """Median over draws of ln values [day, draw]."""
    return np.round(np.exp(np.median(log_value, axis=-1)), decimals).tolist()


def ranks(values: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks along the last axis."""
    order = values.argsort(axis=-1).argsort(axis=-1)
    return ndtri((order + 0.5) / values.shape[-1])
