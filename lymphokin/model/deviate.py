"""Standard normal latents as deviates of other distributions, smooth and monotone.

Every latent stays standard normal, which is what the sampler's map and the information of the
prior rest on; what it means is bent instead, by a table of quantiles that is read by cubic pieces.
With T_df the distribution function of Student's t and Phi that of the normal,

    u(z) = asinh(T_df^-1(Phi(z)) / sqrt(df)),

sqrt(df) sinh(u) has Student's t distribution, and tanh(u) lies in (-1, 1) with density proportional
to (1 - r^2)^(df/2 - 1): t / sqrt(df + t^2) is a correlation's (Johnson, Kotz and Balakrishnan 1995,
continuous univariate distributions 2, chapter 28). A normal cut from below is bent by the logarithm
of its distance from the cut. A half-Cauchy deviate has a closed form.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np
from scipy import special

REACH = 12.0
"""Beyond this many SDs a bent latent goes on straight: that has a probability of 4e-33."""
STEP = 1 / 64
"""Of the tables; cubic interpolation between their places has an error below 1e-9 (1e-7 in the last
1e-20 of the probability of a normal that is cut 10 SDs below its mean)."""
NEAR = 1e-5
"""Distance (SDs) from a cut below which it is a series: as a difference it would be rounded."""


class _Table(NamedTuple):
    """A function of z at places ``STEP`` apart, from -``REACH`` to ``REACH``."""

    value: np.ndarray
    slope: np.ndarray
    """per ``STEP``"""


def _log_normal_density(x: Any) -> Any:
    return -0.5 * np.square(x) - 0.5 * np.log(2 * np.pi)


@lru_cache(maxsize=64)
def _students_t(df: float) -> _Table:
    """u."""
    z = np.arange(0.0, REACH + STEP / 2, STEP)
    # Upper tails by their own function, so that none is lost to rounding.
    t = -special.stdtrit(df, special.ndtr(-z))
    u = np.arcsinh(t / np.sqrt(df))
    log_density = -special.betaln(0.5, df / 2) - 0.5 * np.log(df) - (df + 1) * np.log(np.cosh(u))
    log_slope = _log_normal_density(z) - log_density - 0.5 * np.log(df) - np.log(np.cosh(u))
    slope = STEP * np.exp(log_slope)
    return _Table(np.concatenate([-u[:0:-1], u]), np.concatenate([slope[:0:-1], slope]))


@lru_cache(maxsize=64)
def _log_above(cut: float) -> _Table:
    """ln of the distance from the cut of a standard normal that is above ``cut``."""
    z = np.arange(-REACH, REACH + STEP / 2, STEP)
    log_left = special.log_ndtr(-cut)
    x = -special.ndtri_exp(log_left + special.log_ndtr(-z))
    # First term of the series, and the factor of the next two.
    log_near = log_left + special.log_ndtr(z) - _log_normal_density(cut)
    near = np.exp(np.minimum(log_near, 0.0))
    factor = 1 + cut * near / 2 + (2 * cut**2 + 1) * near**2 / 6
    distance = np.where(near < NEAR, near * factor, x - cut)
    slope = np.exp(_log_normal_density(z) + log_left - _log_normal_density(cut + distance))
    return _Table(np.log(distance), STEP * slope / distance)


def _read(z: Any, table: _Table) -> Any:
    """A table at ``z``."""
    value, slope = (jnp.asarray(v) for v in table)
    inside = jnp.clip(z, -REACH, REACH)
    place = (inside + REACH) / STEP
    left = jnp.clip(jnp.floor(place).astype(int), 0, len(value) - 2)
    t = place - left
    found = (
        (1 + 2 * t) * (1 - t) ** 2 * value[left]
        + t * (1 - t) ** 2 * slope[left]
        + t**2 * (3 - 2 * t) * value[left + 1]
        + t**2 * (t - 1) * slope[left + 1]
    )
    return found + jnp.where(z < 0, slope[0], slope[-1]) / STEP * (z - inside)


def student_t(z: Any, df: float) -> Any:
    """Deviate of Student's t, scaled to an SD of 1 (``df`` above 2), of a standard normal one."""
    return np.sqrt(df - 2) * jnp.sinh(_read(z, _students_t(df)))


def correlation(z: Any, shape: float) -> tuple[Any, Any]:
    """Deviate r in (-1, 1), of which (1 + r) / 2 is Beta(shape, shape), and sqrt(1 - r^2)."""
    u = _read(z, _students_t(2 * shape))
    return jnp.tanh(u), 1 / jnp.cosh(u)


def log_half_cauchy(z: Any) -> Any:
    """ln of a half-Cauchy deviate of scale 1, of a standard normal one: tan(pi/2 Phi(z))."""
    # By its lower half, mirrored: the upper tail would be lost to rounding.
    lower = jnp.where(z < 0, z, -z)
    angle = 0.5 * jnp.pi * jax.scipy.special.ndtr(lower)
    log_angle = jnp.log(0.5 * jnp.pi) + jax.scipy.special.log_ndtr(lower)
    log_tangent = log_angle + jnp.log(jnp.tan(angle) / angle)
    return jnp.where(z < 0, log_tangent, -log_tangent)


def log_above(z: Any, cut: float) -> Any:
    """ln of how far above ``cut`` a standard normal deviate is that cannot be below, of one that
    can.
    """
    return _read(z, _log_above(cut))
