"""The cumulative distribution of Student's t by two series of fixed length.

The continued fraction of ``jax.scipy.special.betainc`` runs until the slowest element of an array
has converged, up to 600 rounds; one outlier among many chains then holds up a GPU, which has to ask
after every round whether to go on.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import beta


@lru_cache
def _coefficients(first: float, second: float, largest: float) -> np.ndarray:
    """Of powers of u / largest in 2F1(first + second, 1; first + 1; u), as many as it needs.

    All are positive, so that the sum cancels nothing.
    """
    terms = [1.0]
    while terms[-1] > 1e-17 * sum(terms):
        n = len(terms) - 1
        terms.append(terms[-1] * largest * (first + second + n) / (first + 1 + n))
    return np.asarray(terms)


def _series(first: float, second: float, u: Any, largest: float) -> Any:
    """2F1(first + second, 1; first + 1; u) for u up to ``largest``."""
    coefficients = _coefficients(first, second, largest)[::-1]
    return jnp.polyval(jnp.asarray(coefficients, jnp.result_type(u)), u / largest)


def log_density(z: Any, df: float) -> Any:
    """Log density of the t distribution with scale 1."""
    constant = -np.log(beta(0.5 * df, 0.5)) - 0.5 * np.log(df)
    return constant - 0.5 * (df + 1) * jnp.log1p(z**2 / df)


def probability_below(z: Any, df: float) -> Any:
    """Cumulative distribution of Student's t, precise in the lower tail.

    Half a regularised incomplete beta function, as one of its two hypergeometric series
    (Abramowitz & Stegun 1964, 26.5.23 and 26.7.1): one for the tail, one for the centre. Some 60
    terms at 5 degrees of freedom, more in proportion to ``df`` beyond 9.
    """
    return _probability_below(z, df)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _probability_below(z: Any, df: float) -> Any:
    a, b, scale = 0.5 * df, 0.5, 0.5 / float(beta(0.5 * df, 0.5))
    edge = df / (df + min(df, 9.0))  # further out the centre would be a difference of near equals
    x = df / (df + z**2)
    far = x < edge
    series = _series(a, b, jnp.where(far, x, edge), edge)
    tail = scale / a * x**a * jnp.abs(z) / jnp.sqrt(df + z**2) * series
    series = _series(b, a, jnp.where(far, 1 - edge, z**2 / (df + z**2)), 1 - edge)
    centre = 0.5 + scale / b * x**a * z / jnp.sqrt(df + z**2) * series
    return jnp.where(far, jnp.where(z < 0, tail, 1 - tail), centre)


@_probability_below.defjvp
def _probability_below_slope(df: float, at: tuple[Any], change: tuple[Any]) -> tuple[Any, Any]:
    (z,), (dz,) = at, change
    return probability_below(z, df), jnp.exp(log_density(z, df)) * dz
