"""A patient's counts so far, and how likely they are under true counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from lymphokin.model import Residual
from lymphokin.population import scale_at, standardised
from lymphokin.whatif.limits import COUNTED, MOST_COUNTS
from lymphokin.whatif.patient import Count


@dataclass(frozen=True, eq=False)
class Records:
    """Counts so far, on the log scale, by day.

    Attributes:
        day: [record].
        log_value: [record] natural logarithm of the measurement, or of what it is below.
        quantity: [record] what was counted.
        below: [record] whether it is only known to be below.
    """

    day: np.ndarray
    log_value: np.ndarray
    quantity: np.ndarray
    below: np.ndarray

    @classmethod
    def of(cls, counts: Sequence[Count]) -> Records:
        """Records of some counts."""
        ordered = sorted(counts, key=lambda c: (c.day, c.quantity))
        return cls(
            np.array([c.day for c in ordered], float),
            np.log([c.value for c in ordered]),
            np.array([c.quantity for c in ordered], object),
            np.array([c.below for c in ordered], bool),
        )

    @property
    def padded_days(self) -> np.ndarray:
        """Days filled up to one length, so that one compiled shape serves all."""
        return np.pad(self.day, (0, MOST_COUNTS - len(self.day)), mode="edge")

    def by_quantity(self) -> list[tuple[str, np.ndarray]]:
        """The quantities that were measured, each with its records, [record] true or false."""
        names = sorted(set(self.quantity), key=lambda name: (name != COUNTED, name))
        return [(name, self.quantity == name) for name in names]


def log_density(
    residual: Residual, log_value: np.ndarray, log_true: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """As :func:`lymphokin.population.log_density`, without compiling for every shape."""
    z = standardised(residual, log_value, log_true, sd, np)
    log_scale = np.log(scale_at(residual, log_true, sd, np))
    if residual.error != "log_normal":
        log_scale = log_scale - log_value
    if residual.distribution == "student_t":
        df = residual.degrees_of_freedom
        constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
        return constant - 0.5 * (df + 1) * np.log1p(z**2 / df) - log_scale
    return -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_scale


def log_variance(residual: Residual, log_value: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """[record] variance of ln of a measurement, near the values that were measured."""
    scale = scale_at(residual, log_value, sd, np)
    if residual.error != "log_normal":
        scale = scale / np.exp(log_value)
    df = residual.degrees_of_freedom
    return scale**2 * (df / (df - 2) if residual.distribution == "student_t" and df > 2 else 1.0)
