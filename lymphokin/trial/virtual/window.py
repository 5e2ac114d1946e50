"""An endpoint of a window of days, read off the visits of a virtual patient.

Counts are joined by lines that are straight in logarithms, and held before the first visit and
after the last one. The endpoint is known where a visit that took place is as late as the last
planned one, but for the endpoint's tolerance. Of an event that happens once, it is also known where
the event was seen.
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


class Times(NamedTuple):
    """When virtual patients are seen, [visit, patient]."""

    day: jax.Array
    """days from the first fraction"""
    taken: jax.Array
    """whether the visit takes place"""
    leaves: jax.Array
    """[patient] day on which the patient drops out; infinite where the patient stays"""


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


def leaving_day(
    of_staying: jax.Array, of_leaving: jax.Array, followed: Followed, grid: Grid
) -> jax.Array:
    """[patient] day on which a patient drops out, by the design's own rate or by an event that
    ends the records; infinite where the patient stays.

    Args:
        of_staying: key of who leaves.
        of_leaving: key of when.
        followed: the patients.
        grid: of the design.
    """
    design, n = grid.design, followed.courses.fraction_day.shape[1]
    first, last = design.conduct.drop_out_days
    stays = jax.random.uniform(of_staying, (n,)) >= design.plan["drop_out_probability"]
    leaves = jax.random.uniform(of_leaving, (n,), minval=first, maxval=last)
    leaving = jnp.where(stays, jnp.inf, leaves)
    return leaving if followed.ends is None else jnp.minimum(leaving, followed.ends)


def window_times(keys: jax.Array, followed: Followed, grid: Grid) -> Times:
    """When every patient is seen for the endpoint: visits are early, late or missed.

    Args:
        keys: four, of random numbers.
        followed: the patients.
        grid: of the design.
    """
    design, judged = grid.design, grid.design.judged
    assert judged.until is not None
    plan, start = design.plan, reference_day(followed, grid)
    planned = start + jnp.asarray(judged.planned_visits)[:, None]
    jitter = int(plan["visit_jitter_days"])
    moved = planned + jax.random.randint(keys[0], planned.shape, -jitter, jitter + 1)
    day = jnp.clip(moved, start + judged.begin, start + judged.until)
    taken = jax.random.uniform(keys[1], planned.shape) >= plan["missing_visit_probability"]
    leaves = leaving_day(keys[2], keys[3], followed, grid)
    return Times(day, taken & (day < leaves), leaves)


def window_visits(key: jax.Array, followed: Followed, residual: Residual, grid: Grid) -> Visits:
    """Measure every patient on the visits of the endpoint, which are early, late or missed."""
    keys = jax.random.split(key, 5)
    patients = jnp.arange(followed.alc.shape[1])
    day, taken, leaves = window_times(keys[:4], followed, grid)
    log_true = jnp.log(followed.alc[grid.node(day), patients])
    measured = draw_measured(residual, keys[4], log_true, followed.residual_sd)
    order = jnp.argsort(day, axis=0)
    in_order = (
        jnp.take_along_axis(part, order, axis=0) for part in (day, log_true, measured, taken)
    )
    return Visits(*in_order, leaves=leaves)


def event_seen(key: jax.Array, followed: Followed, grid: Grid) -> tuple[jax.Array, jax.Array]:
    """[patient] whether an event that happens once was seen by the end of the endpoint's window,
    and whether that is known.
    """
    judged, start = grid.design.judged, reference_day(followed, grid)
    assert judged.until is not None
    keys, when = jax.random.split(key, 5), followed.events[judged.quantity].day
    if judged.quantity in grid.exact:
        end, leaves = start + judged.until, leaving_day(keys[2], keys[3], followed, grid)
        event = (when <= end) & (when < leaves)
        return event, event | (leaves > end)
    times = window_times(keys[:4], followed, grid)
    event = (times.taken & (times.day >= when)).any(axis=0)
    return event, event | reaches(judged, times.day - start, times.taken)


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
