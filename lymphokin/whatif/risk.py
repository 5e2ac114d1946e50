"""From counts of many draws to risks, intervals and curves. What is rounded is rounded here."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from lymphokin.endpoint import measured_threshold
from lymphokin.model import Residual
from lymphokin.population import standardised
from lymphokin.quantities import OBSERVABLES
from lymphokin.whatif.answers import Fan, Quantiles
from lymphokin.whatif.limits import COUNTED

LEVELS = (0.05, 0.25, 0.50, 0.75, 0.95)
COUNT_DECIMALS = OBSERVABLES[COUNTED].decimals
"""Of counts in 1e9/L, as laboratories report them."""


def below(
    residual: Residual, log_threshold: float, log_true: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """Probability that a measurement of each true count falls below a threshold.

    Student's t is read off a fine table, exact to 1e-7 and much faster than the function itself.
    """
    z = standardised(residual, log_threshold, log_true, sd, np)
    if residual.distribution == "student_t":
        return np.interp(z, *_t_table(residual.degrees_of_freedom))
    return ndtr(z)


@lru_cache(maxsize=8)
def _t_table(df: float) -> tuple[np.ndarray, np.ndarray]:
    """Student's t: places, close together where the curve bends, and probabilities below them."""
    z = np.sinh(np.linspace(-6.0, 6.0, 20_001))
    return z, stdtr(df, z)


def noise_of(residual: Residual, normal: np.ndarray) -> np.ndarray:
    """Measurement noise in scales of the error from standard normals, one for every schedule."""
    if residual.distribution == "student_t":
        return stdtrit(residual.degrees_of_freedom, ndtr(normal))
    return normal


def grade_draws(
    residual: Residual, log_count: np.ndarray, sd: np.ndarray, grade: int = 2
) -> np.ndarray:
    """[draw] probability that the count is reported as this grade or worse."""
    return below(residual, np.log(measured_threshold(grade)), log_count, sd)


def fan(log_value: np.ndarray, decimals: int) -> Fan:
    """Quantiles over draws of ln values [day, draw]."""
    ordered = np.sort(log_value, axis=-1)
    place = np.asarray(LEVELS) * (ordered.shape[-1] - 1)
    lower = np.floor(place).astype(int)
    share = place - lower
    upper = np.minimum(lower + 1, ordered.shape[-1] - 1)
    quantiles = np.exp(ordered[:, lower] * (1 - share) + ordered[:, upper] * share)
    rounded = np.round(quantiles, decimals).T
    return Fan(
        **{f"q{round(100 * k):02d}": v.tolist() for k, v in zip(LEVELS, rounded, strict=True)}
    )


def quantiles(values: np.ndarray, decimals: int) -> Quantiles:
    """Quantiles over draws of values [draw]."""
    names = [f"q{round(100 * level):02d}" for level in LEVELS]
    rounded = (round(float(v), decimals) for v in np.quantile(values, LEVELS))
    return Quantiles(**dict(zip(names, rounded, strict=True)))


def middle(log_value: np.ndarray, decimals: int = COUNT_DECIMALS) -> list[float]:
    """Median over draws of ln values [day, draw]."""
    return np.round(np.exp(np.median(log_value, axis=-1)), decimals).tolist()


def ranks(values: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks along the last axis."""
    order = values.argsort(axis=-1).argsort(axis=-1)
    return ndtri((order + 0.5) / values.shape[-1])
