"""The endpoint of virtual patients, read as in the protocol.

A patient's endpoint is the reported count nearest to 42 days (or what the design says) after the
last fraction, within a window; grade >= 2 when it is reported below 0.80. Visits are early or
late, missed, or lost with the patient. Besides the endpoint visit, other scheduled counts may lie
in the window and then stand in for it. An endpoint of a window of days, or an event that happens
once, is read off its own visits (:mod:`lymphokin.trial.virtual.window`), a fold off a visit and
the time before treatment (:mod:`lymphokin.trial.virtual.fold`).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.endpoint import GRADE_BELOW, measured_threshold
from lymphokin.model import Residual
from lymphokin.population import draw_measured, probability_below
from lymphokin.trial.virtual.counts import Followed
from lymphokin.trial.virtual.events import probability_by
from lymphokin.trial.virtual.fold import read_fold
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.window import (
    event_seen,
    happens,
    leaving_day,
    log_reported,
    planned_measured,
    reaches,
    reference_day,
    shown,
    window_visits,
)

GRADE = 2
TIE = 1e-6
"""Of two counts equally near, the earlier is read."""


class Outcome(NamedTuple):
    """What one virtual trial found, per arm (control, treated)."""

    events: jax.Array | np.ndarray
    """[arm] patients with the event, as analysed"""
    analysed: jax.Array | np.ndarray
    """[arm] patients in the analysis"""
    missing: jax.Array | np.ndarray
    """[arm] patients without an endpoint"""
    p_measured: jax.Array | np.ndarray
    """[arm] mean probability that the count of the planned day is reported below 0.80; of an
    endpoint of a window, share whose planned visits, all of them on their day, show the event; of
    an event that happens once, mean probability that it has happened by the last of them"""
    p_true: jax.Array | np.ndarray
    """[arm] share of patients whose true count of that day is below 0.80; of an endpoint of a
    window, share to whom the event happens on the true curve over days; of a fold, share of those
    who have what it counts, not a number where nobody has, and so is ``p_measured``"""
    screened: jax.Array | np.ndarray
    """people screened per patient enrolled, and 1 if a place stayed empty"""
    ended: jax.Array | np.ndarray
    """[arm] patients whose records an event had ended before the planned (last) visit"""


class Reading(NamedTuple):
    """The endpoint of every virtual patient, [patient] each."""

    day: jax.Array
    """day of the count that is read"""
    true: jax.Array
    """true count of that day"""
    measured: jax.Array
    """that count as measured"""
    known: jax.Array
    """whether there is such a count"""
    leaves: jax.Array
    """day on which the patient drops out; infinite where the patient stays"""


def planned_day(followed: Followed, grid: Grid) -> jax.Array:
    """[patient] planned day of the endpoint visit; of a window, of the last one."""
    return reference_day(followed, grid) + grid.design.judged.last_visit


def risk_on(day: jax.Array, followed: Followed, residual: Residual, grid: Grid) -> jax.Array:
    """[patient] probability that the count of a whole day is reported below 0.80."""
    true = followed.alc[grid.node(day), jnp.arange(followed.alc.shape[1])]
    log_threshold = jnp.log(measured_threshold(GRADE))
    return probability_below(residual, log_threshold, jnp.log(true), followed.residual_sd)


def read_counts(key: jax.Array, followed: Followed, residual: Residual, grid: Grid) -> Reading:
    """Measure the counts around everybody's endpoint day and choose the one that is read."""
    design = grid.design
    plan = design.plan
    keys = jax.random.split(key, 5)
    n = followed.alc.shape[1]
    planned = planned_day(followed, grid)
    neighbours = jnp.asarray(design.neighbour_days, dtype=float)
    visits = jnp.concatenate(
        [planned[None], jnp.broadcast_to(neighbours[:, None], (len(neighbours), n))]
    )
    jitter = int(plan["visit_jitter_days"])
    day = visits + jax.random.randint(keys[0], visits.shape, -jitter, jitter + 1)
    seen = jax.random.uniform(keys[1], visits.shape) >= plan["missing_visit_probability"]
    leaves = leaving_day(keys[2], keys[3], followed, grid)
    distance = jnp.abs(day - planned)
    seen &= (distance <= design.judged.window) & (day < leaves)
    nearest = jnp.where(seen, distance + TIE * day, jnp.inf).argmin(axis=0)
    patients = jnp.arange(n)
    read = day[nearest, patients]
    true = followed.alc[grid.node(read), patients]
    measured = jnp.exp(draw_measured(residual, keys[4], jnp.log(true), followed.residual_sd))
    return Reading(read, true, measured, seen.any(axis=0), leaves)


def shown_and_known(
    key: jax.Array, followed: Followed, residual: Residual, grid: Grid
) -> tuple[jax.Array, jax.Array]:
    """[patient] whether the visits that took place show the event of a window, and whether they
    make it known.
    """
    judged, visits = grid.design.judged, window_visits(key, followed, residual, grid)
    day = visits.day - reference_day(followed, grid)
    event = shown(judged, day, log_reported(visits.log_measured), visits.taken)
    return event, reaches(judged, day, visits.taken)


def _read_window(
    key: jax.Array, followed: Followed, residual: Residual, grid: Grid
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """An endpoint of a window, [patient]: whether the visits that took place show the event,
    whether they reach its end, whether all planned visits would show it, and whether it happens.
    """
    judged, start = grid.design.judged, reference_day(followed, grid)
    event, reached = shown_and_known(key, followed, residual, grid)
    day, measured = planned_measured(key, followed, residual, grid)
    complete = shown(judged, day - start, log_reported(measured), jnp.ones(day.shape, bool))
    return event, reached, complete.astype(float), happens(followed, grid)


def _read_event(
    key: jax.Array, followed: Followed, grid: Grid
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """An event that happens once, as :func:`_read_window` has it; of all planned visits the
    probability that they would show it.
    """
    judged, start = grid.design.judged, reference_day(followed, grid)
    assert judged.until is not None
    happening, end = followed.events[judged.quantity], start + judged.until
    event, known = event_seen(key, followed, grid)
    last = end if judged.quantity in grid.exact else start + judged.last_visit
    return event, known, probability_by(happening, last, grid), happening.day <= end


def read_endpoint(key: jax.Array, followed: Followed, residual: Residual, grid: Grid) -> Outcome:
    """Read the endpoint of a trial as the protocol does.

    Args:
        key: of the random numbers.
        followed: the patients.
        residual: of the quantity that is judged.
        grid: of the design.
    """
    design, analysis = grid.design, grid.design.analysis
    n = followed.alc.shape[1]
    planned, has = planned_day(followed, grid), jnp.ones(n, bool)
    if design.judged.of_fold:
        event, known, below, true, has = read_fold(key, followed, residual, grid)
    elif design.judged.of_event:
        event, known, below, true = _read_event(key, followed, grid)
    elif design.judged.on_a_day:
        reading = read_counts(key, followed, residual, grid)
        event, known = reading.measured < measured_threshold(GRADE), reading.known
        true = followed.alc[grid.node(planned), jnp.arange(n)] < GRADE_BELOW[GRADE]
        below = risk_on(planned, followed, residual, grid)
    else:
        event, known, below, true = _read_window(key, followed, residual, grid)
    counted = known if analysis.missing_endpoint == "excluded" else has
    event = jnp.where(known, event, analysis.missing_endpoint == "event") & counted

    def by_arm(values: jax.Array) -> jax.Array:
        parts = values[: design.n_control], values[design.n_control :]
        return jnp.stack([part.sum() for part in parts])

    size = by_arm(has.astype(float))
    ended = jnp.zeros(n, int) if followed.ends is None else followed.ends < planned
    return Outcome(
        by_arm(event.astype(int)),
        by_arm(counted.astype(int)),
        by_arm(1 - known.astype(int)),
        by_arm(below * has) / size,
        by_arm((true & has).astype(float)) / size,
        followed.screened,
        by_arm(ended.astype(int)),
    )
