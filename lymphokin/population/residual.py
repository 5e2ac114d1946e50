"""How a measured value scatters around the true one: densities, tails and random measurements.

Values go in and come out as natural logarithms, whatever scale the error lives on. Densities are
those of ln value, so that models with different errors can be compared on the same records. SDs
have the components of the error on their last axis (:attr:`Residual.sds`).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, ndtr
from scipy import special

from lymphokin.model import Residual
from lymphokin.population import t_distribution

LOWEST = 1e-9
"""Predictions are kept above this before their logarithm is taken, in the quantity's own unit; no
laboratory reports a value below it, though an error on the natural scale may reach there."""


def scale_at(residual: Residual, log_true: Any, sd: Any, xp: Any = jnp) -> Any:
    """Scale of the error at a true value: of ln value, or in the quantity's unit.

    Args:
        log_true: [...] ln of the true value.
        sd: [..., component].
        xp: jax.numpy or numpy, whichever the arrays are of.
    """
    match residual.error:
        case "proportional":
            return sd[..., 0] * xp.exp(log_true)
        case "combined":
            return xp.hypot(sd[..., 0], sd[..., 1] * xp.exp(log_true))
        case _:
            return sd[..., 0]


def sd_of(sd: Any, of_record: Any) -> Any:
    """SDs of records that may have their own: [..., component], or [..., record, component].

    Args:
        sd: [..., component] of the population.
        of_record: [record] each record's own SD, which ``sd`` multiplies; None where all share one.
    """
    return sd if of_record is None else sd[..., None, :] * of_record[:, None]


def standardised(residual: Residual, log_value: Any, log_true: Any, sd: Any, xp: Any = jnp) -> Any:
    """[...] distance of a value from the true one, in scales of the error; see :func:`scale_at`."""
    scale = scale_at(residual, log_true, sd, xp)
    if residual.error == "log_normal":
        return (log_value - log_true) / scale
    return (xp.exp(log_value) - xp.exp(log_true)) / scale


def log_density(residual: Residual, log_value: Any, log_true: Any, sd: Any) -> Any:
    """Log density of ln of a measured value."""
    z = standardised(residual, log_value, log_true, sd)
    scale = scale_at(residual, log_true, sd)
    # An error on the natural scale has its density there; the Jacobian makes it one of ln value.
    jacobian = 0.0 if residual.error == "log_normal" else log_value
    return _log_density(residual, z) - jnp.log(scale) + jacobian


def _log_density(residual: Residual, z: Any) -> Any:
    if residual.distribution == "student_t":
        return t_distribution.log_density(z, residual.degrees_of_freedom)
    return -0.5 * z**2 - 0.5 * jnp.log(2 * jnp.pi)


def log_probability_below(residual: Residual, log_limit: Any, log_true: Any, sd: Any) -> Any:
    """Log probability that a measurement lies below its limit."""
    return _log_cumulative(residual, standardised(residual, log_limit, log_true, sd))


def log_probability_between(
    residual: Residual, log_lower: Any, log_upper: Any, log_true: Any, sd: Any
) -> Any:
    """Log probability that a measurement lies between its limits.

    Args:
        log_lower: ln of the lower limit, minus infinity where there is none.
        log_upper: ln of the upper limit, infinity where there is none.
        log_true: ln of the true value.
        sd: as of :func:`scale_at`.
    """
    has_lower, has_upper = log_lower > -jnp.inf, log_upper < jnp.inf
    # Infinite limits are replaced before they enter a derivative.
    lower = jnp.where(has_lower, log_lower, jnp.where(has_upper, log_upper, 0.0) - 1.0)
    upper = jnp.where(has_upper, log_upper, lower + 1.0)
    below = log_probability_below(residual, upper, log_true, sd)
    # Errors are symmetric: the probability above a limit is that below its mirror image.
    z_lower = standardised(residual, lower, log_true, sd)
    z_upper = standardised(residual, upper, log_true, sd)
    above = _log_cumulative(residual, -z_lower)
    mirrored = z_lower > 0
    near = jnp.where(mirrored, -z_upper, z_lower)
    far = jnp.where(mirrored, -z_lower, z_upper)
    log_near, log_far = _log_cumulative(residual, near), _log_cumulative(residual, far)
    between = log_far + jnp.log(-jnp.expm1(jnp.minimum(log_near - log_far, -1e-30)))
    return jnp.where(has_lower & has_upper, between, jnp.where(has_lower, above, below))


def _log_cumulative(residual: Residual, z: Any) -> Any:
    if residual.distribution == "student_t":
        return jnp.log(t_distribution.probability_below(z, residual.degrees_of_freedom))
    return log_ndtr(z)


def probability_below(
    residual: Residual, log_threshold: Any, log_true: Any, sd: Any, xp: Any = jnp
) -> Any:
    """Probability that a measurement of a true value falls below a threshold.

    Args:
        log_true, sd, xp: as of :func:`scale_at`; with NumPy nothing is compiled.
    """
    z = standardised(residual, log_threshold, log_true, sd, xp)
    if residual.distribution == "student_t":
        df = residual.degrees_of_freedom
        return special.stdtr(df, z) if xp is np else t_distribution.probability_below(z, df)
    return special.ndtr(z) if xp is np else ndtr(z)


def log_measured(residual: Residual, log_true: Any, sd: Any, error: Any, xp: Any = jnp) -> Any:
    """ln of the value measured when the error is ``error`` times its scale."""
    deviation = scale_at(residual, log_true, sd, xp) * error
    if residual.error == "log_normal":
        return log_true + deviation
    return xp.log(xp.maximum(xp.exp(log_true) + deviation, LOWEST))


def draw_measured(
    residual: Residual, source: jax.Array | np.random.Generator, log_true: Any, sd: Any
) -> Any:
    """ln of random measurements of true values, [...] as ``log_true``.

    Args:
        source: of the random numbers: a key of JAX, or a generator of NumPy, which then computes
            everything.
    """
    shape, df = np.shape(log_true), residual.degrees_of_freedom
    heavy = residual.distribution == "student_t"
    if isinstance(source, np.random.Generator):
        error = source.standard_t(df, shape) if heavy else source.standard_normal(shape)
        return log_measured(residual, log_true, sd, error, np)
    error = jax.random.t(source, df, shape) if heavy else jax.random.normal(source, shape)
    return log_measured(residual, log_true, sd, error)
