"""Standard normal latents as deviates of other distributions, smooth and monotone.

Every latent stays standard normal, which is what the sampler's map and the information of the
prior rest on; what it means is bent instead. One function does two things. With T_df the
distribution function of Student's t and Phi that of the normal,

    u(z) = asinh(T_df^-1(Phi(z)) / sqrt(df)),

sqrt(df) sinh(u) has Student's t distribution, and tanh(u) lies in (-1, 1) with density proportional
to (1 - r^2)^(df/2 - 1): t / sqrt(df + t^2) is a correlation's (Johnson, Kotz and Balakrishnan 1995,
continuous univariate distributions 2, chapter 28).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats

REACH = 12.0
"""Beyond this many SDs u goes on straight: that has a probability of 4e-33."""
STEP = 1 / 64
"""Of the table; cubic interpolation between its places has an error below 1e-9."""


@lru_cache(maxsize=64)
def _table(df: float) -> tuple[np.ndarray, np.ndarray]:
    """u and its slope times ``STEP`` at places ``STEP`` apart."""
    z = np.arange(0.0, REACH + STEP / 2, STEP)
    # Upper tails by their logarithm's own function, so that none is lost to rounding.
    t = stats.t.isf(stats.norm.sf(z), df)
    u = np.arcsinh(t / np.sqrt(df))
    log_slope = stats.norm.logpdf(z) - stats.t.logpdf(t, df) - 0.5 * np.log(df) - np.log(np.cosh(u))
    slope = STEP * np.exp(log_slope)
    return np.concatenate([-u[:0:-1], u]), np.concatenate([slope[:0:-1], slope])


def _bent(z: Any, df: float) -> Any:
    """u at ``z``."""
    u, slope = (jnp.asarray(v) for v in _table(df))
    inside = jnp.clip(z, -REACH, REACH)
    place = (inside + REACH) / STEP
    left = jnp.clip(jnp.floor(place).astype(int), 0, len(u) - 2)
    t = place - left
    value = (
        (1 + 2 * t) * (1 - t) ** 2 * u[left]
        + t * (1 - t) ** 2 * slope[left]
        + t**2 * (3 - 2 * t) * u[left + 1]
        + t**2 * (t - 1) * slope[left + 1]
    )
    return value + slope[-1] / STEP * (z - inside)


def student_t(z: Any, df: float) -> Any:
    """Deviate of Student's t, scaled to an SD of 1 (``df`` above 2), of a standard normal one."""
    return np.sqrt(df - 2) * jnp.sinh(_bent(z, df))


def correlation(z: Any, shape: float) -> tuple[Any, Any]:
    """Deviate r in (-1, 1), of which (1 + r) / 2 is Beta(shape, shape), and sqrt(1 - r^2)."""
    u = _bent(z, 2 * shape)
    return jnp.tanh(u), 1 / jnp.cosh(u)
