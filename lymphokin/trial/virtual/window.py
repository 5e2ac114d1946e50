"""An endpoint of a window of days, read off the counts of a virtual patient's visits.

Counts are joined by lines that are straight in logarithms, and held before the first visit and
after the last one. The endpoint is known where a visit that took place is as late as the last
planned one, but for the endpoint's tolerance.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.endpoint import REPORTED_DECIMALS
from lymphokin.endpoints import Endpoint
from lymphokin.model import Residual
from lymphokin.population import draw_measured
from lymphokin.trial.virtual.counts import Followed
from lymphokin.trial.virtual.grid import Grid

NOT_BELOW = 1e-6
"""Added to the logarithm of a reported count: one that equals a level is not below it, in single
precision either."""
LEAST_REPORTED = 0.1**REPORTED_DECIMALS
"""A count of 0 is taken as the smallest that is reported, 1e9/L."""


class Visits(NamedTuple):
    """Visits of virtual patients, in the order of their days, [visit, patient]."""

    day: jax.Array
    """days from the first fraction"""
    log_true: jax.Array
    """ln of the true count"""
    log_measured: jax.Array
    """ln of the count as measured"""
    taken: jax.Array
    """whether the visit takes place"""
    leaves: jax.Array
    """[patient] day on which the patient drops out; infinite where the patient stays"""


def reference_day(followed: Followed, grid: Grid) -> jax.Array:
    """[patient] the day that the endpoint's days are counted from."""
    last = followed.courses.last_fraction
    return last if grid.design.judged.reference == "last_fraction" else jnp.zeros_like(last)


def window_visits(key: jax.Array, followed: Followed, residual: Residual, grid: Grid) -> Visits:
    """Measure every patient on the visits of the endpoint, which are early, late or missed."""
    design, judged = grid.design, grid.design.judged
    assert judged.until is not None
    plan, (first, last) = design.plan, design.conduct.drop_out_days
    keys = jax.random.split(key, 5)
    n = followed.alc.shape[1]
    patients, start = jnp.arange(n), reference_day(followed, grid)
    planned = start + jnp.asarray(judged.visits)[:, None]
    jitter = int(plan["visit_jitter_days"])
    moved = planned + jax.random.randint(keys[0], planned.shape, -jitter, jitter + 1)
    day = jnp.clip(moved, start + judged.begin, start + judged.until)
    taken = jax.random.uniform(keys[1], planned.shape) >= plan["missing_visit_probability"]
    stays = jax.random.uniform(keys[2], (n,)) >= plan["drop_out_probability"]
    leaves = jax.random.uniform(keys[3], (n,), minval=first, maxval=last)
    taken &= stays | (day < leaves)
    log_true = jnp.log(followed.alc[grid.node(day), patients])
    measured = draw_measured(residual, keys[4], log_true, followed.residual_sd)
    order = jnp.argsort(day, axis=0)
    in_order = (
        jnp.take_along_axis(part, order, axis=0) for part in (day, log_true, measured, taken)
    )
    return Visits(*in_order, leaves=jnp.where(stays, jnp.inf, leaves))


def planned_measured(
    key: jax.Array, followed: Followed, residual: Residual, grid: Grid
) -> tuple[jax.Array, jax.Array]:
    """[visit, patient] planned days of the endpoint's visits, and ln of counts measured there."""
    n = followed.alc.shape[1]
    day = reference_day(followed, grid) + jnp.asarray(grid.design.judged.visits)[:, None]
    own = jax.random.fold_in(jax.random.split(key, 5)[4], 1)
    log_true = jnp.log(followed.alc[grid.node(day), jnp.arange(n)])
    return day, draw_measured(residual, own, log_true, followed.residual_sd)


def happens(followed: Followed, grid: Grid) -> jax.Array:
    """[patient] whether the endpoint happens on the true curve over days."""
    judged = grid.design.judged
    assert judged.until is not None
    whole = np.arange(judged.begin, judged.until + 0.5)
    days = reference_day(followed, grid) + whole[:, None]
    true = jnp.log(followed.alc[grid.node(days), jnp.arange(followed.alc.shape[1])])
    return judged.summarise(true.T, whole)[1]


def log_reported(log_measured: Any) -> Any:
    """ln of counts as they are reported; NumPy's or JAX's."""
    xp = log_measured.__array_namespace__()
    reported = xp.maximum(xp.round(xp.exp(log_measured), REPORTED_DECIMALS), LEAST_REPORTED)
    return xp.log(reported) + NOT_BELOW


def shown(judged: Endpoint, day: Any, log_value: Any, taken: Any) -> Any:
    """[...] whether the visits that took place show the event; at least one did.

    Args:
        judged: an endpoint of a window.
        day: [visit, ...] days from the endpoint's reference, in order.
        log_value: [visit, ...] ln of the counts as reported.
        taken: [visit, ...] whether the visit took place.
    """
    assert judged.until is not None
    xp = day.__array_namespace__()
    first = taken.argmax(axis=0)[None]
    last_day, last_value = (xp.take_along_axis(x, first, axis=0)[0] for x in (day, log_value))
    days, values = [xp.zeros_like(last_day) + judged.begin], [last_value]
    # A missed visit repeats the one before it, or the first: a piece without length.
    for visit in range(len(day)):
        last_day = xp.where(taken[visit], day[visit], last_day)
        last_value = xp.where(taken[visit], log_value[visit], last_value)
        days.append(last_day)
        values.append(last_value)
    days.append(xp.zeros_like(last_day) + judged.until)
    values.append(last_value)
    pieces = (xp.stack(parts, axis=-1).reshape(-1, len(parts)) for parts in (values, days))
    return judged.summarise(*pieces)[1].reshape(last_day.shape)


def reaches(judged: Endpoint, day: Any, taken: Any) -> Any:
    """[...] whether the visits that took place make the endpoint known; as :func:`shown`."""
    return (taken & (day >= judged.last_visit - judged.window)).any(axis=0)
