"""An event in time at a rehearsed look: what looks at virtual patients found, and will find.

A patient is known by how many looks did not find the event and by the one that did. Under a
virtual patient of the bank the probability of just that follows from the hazard passed by each of
the bank's own looks; so does what looks to come will find. An event whose time is known is taken
between the weeks that it fell in, and its absence as known to the day.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.interim.events import last_look, looks_of
from lymphokin.trial.virtual.counts import Followed
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.window import leaving_day, reaches, reference_day, window_times

LEAST = 1e-30
"""Instead of a probability of 0: a virtual patient without any hazard between two looks."""


class EventLooks(NamedTuple):
    """When one looks for an event in virtual patients, [look, patient] each, in order."""

    day: Any
    """days from the endpoint's reference"""
    taken: Any
    """whether the look takes place"""
    passed: Any
    """cumulative hazard by then"""
    happens: Any
    """[patient] day on which the event happens; infinite where that is later than anybody looks"""


class EventSoFar(NamedTuple):
    """What is known of patients at a look, and which looks are to come; of looks, 0 is none."""

    last: Any
    """[patient] the last look that did not find the event; a fraction lies between two looks"""
    found: Any
    """[patient] the look that found it; infinite where none has"""
    chance: Any
    """[look + 1, patient] probability that there is no further look, or that each is the last"""
    tells: Any
    """[look + 1, patient] probability that it is then known that there was no event"""


def days_looked(design: VirtualDesign) -> NDArray[np.float64]:
    """[look] planned days from the endpoint's reference; of a known time from the first day on."""
    looks = looks_of(design)
    return np.append(0.0, looks) if design.judged_exactly else looks


def event_looks(key: jax.Array, followed: Followed, grid: Grid) -> tuple[EventLooks, jax.Array]:
    """Look for the event in every patient, and the day on which each leaves.

    Args:
        key: of the random numbers; by the same a virtual trial reads its endpoint.
        followed: the patients.
        grid: of the design.
    """
    design, start = grid.design, reference_day(followed, grid)
    happening, keys = followed.events[design.judged.quantity], jax.random.split(key, 5)
    if design.judged_exactly:
        day = jnp.asarray(days_looked(design))[:, None] + 0 * start
        leaves = leaving_day(keys[2], keys[3], followed, grid)
        taken = start + day < leaves
    else:
        times = window_times(keys[:4], followed, grid)
        order = jnp.argsort(times.day, axis=0)
        day, taken = (jnp.take_along_axis(x, order, axis=0) for x in (times.day, times.taken))
        day, leaves = day - start, times.leaves
    passed = happening.passed[grid.node(start + day), jnp.arange(start.shape[0])]
    looks = EventLooks(day, taken, passed, happening.day - start)
    single = {
        name: getattr(looks, name).astype(jnp.float32) for name in ("day", "passed", "happens")
    }
    return looks._replace(**single), leaves


def found_at_end(
    design: VirtualDesign, looks: EventLooks, start: NDArray[Any], leaves: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[trial, patient] whether the event was found in time, and whether the endpoint is known.

    Args:
        design: the design.
        looks: of many trials, [trial, look, patient].
        start: [trial, patient] the endpoint's reference.
        leaves: [trial, patient] day on which the patient leaves.
    """
    if design.judged_exactly:
        end = design.judged.until or 0.0
        event = (looks.happens <= end) & (start + looks.happens < leaves)
        return event, event | (leaves > start + end)
    event = (looks.taken & (looks.day >= looks.happens[..., None, :])).any(axis=-2)
    day, taken = (np.moveaxis(x, -2, 0) for x in (looks.day, looks.taken))
    return event, event | reaches(design.judged, day, taken)


def found_so_far(
    design: VirtualDesign,
    looks: EventLooks,
    start: NDArray[Any],
    leaves: NDArray[Any],
    followed: NDArray[Any],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], EventSoFar]:
    """[patient] whether the event has been found, whether its absence is known if nothing is found
    any more, and what is known of each.

    Args:
        design: the design.
        looks: of one trial.
        start: [patient] the endpoint's reference.
        leaves: [patient] day on which the patient leaves.
        followed: [patient] days from the first fraction to the look; negative before it.
    """
    number, planned = np.arange(1.0, len(looks.day) + 1)[:, None], days_looked(design)
    past = start + looks.day <= followed
    if design.judged_exactly:
        watched = np.minimum(followed, leaves) - start
        event = (looks.happens <= planned[-1]) & (looks.happens <= watched)
        watched = np.where(event, looks.happens, watched)
        place = np.interp(watched, planned, number[:, 0], left=0.0)
        last = np.where(event, np.floor(place), place)
        found = np.where(event, last + 1, np.inf)
        reached = watched >= planned[-1]
        tells = np.broadcast_to(planned == planned[-1], past.T.shape).T
    else:
        here = looks.taken & past
        found = np.where(here & (looks.day >= looks.happens), number, np.inf).min(axis=0)
        last = np.where(here & (looks.day < looks.happens), number, 0.0).max(axis=0)
        event = np.isfinite(found)
        reached = reaches(design.judged, looks.day, here)
        tells = np.broadcast_to(_reaching_share(design), past.T.shape).T
    tells = np.concatenate([reached[None], np.maximum(tells, reached)])
    day = np.where(past, np.minimum(start + planned[:, None], followed), start + planned[:, None])
    chance = last_look(design, day.T, np.maximum(followed, 0.0)).T[1:] * ~past
    chance = np.concatenate([1 - chance.sum(axis=0, keepdims=True), chance])
    return event, reached, EventSoFar(last, found, chance, tells.astype(float))


def _reaching_share(design: VirtualDesign) -> NDArray[np.float64]:
    """[look] probability that a look, early or late, tells that there was no event."""
    judged, jitter = design.judged, int(design.plan["visit_jitter_days"])
    moved = days_looked(design)[:, None] + np.arange(-jitter, jitter + 1)
    day = np.clip(moved, judged.begin, judged.until)
    return (day >= judged.last_visit - judged.window).mean(axis=1)


def under_bank(passed: jax.Array, own: EventSoFar) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of one patient under each virtual patient of a bank: log likelihood of what is known of the
    event, probability that it will be found, and that the endpoint will be known.

    Args:
        passed: [look, ...] cumulative hazard of the virtual patients.
        own: of the patient.
    """
    by_look = jnp.concatenate([jnp.zeros_like(passed[:1]), passed])
    last, most = _between(by_look, own.last), len(passed)
    there = jnp.isfinite(own.found)
    within = _between(by_look, jnp.where(there, own.found, most)) - last
    likelihood = jnp.log(jnp.maximum(-jnp.expm1(-within), LEAST))
    likelihood = jnp.where(there, likelihood, 0.0) - last
    found, known = jnp.zeros_like(last), own.chance[0] * own.tells[0] + jnp.zeros_like(last)
    for look in range(1, most + 1):
        happened = -jnp.expm1(-jnp.maximum(by_look[look] - last, 0.0))
        found += own.chance[look] * happened
        known += own.chance[look] * own.tells[look] * (1 - happened)
    return likelihood, found, known + found


def _between(by_look: jax.Array, place: jax.Array) -> jax.Array:
    """[...] a hazard on a look, or straight between two."""
    before = jnp.minimum(jnp.floor(place).astype(int), len(by_look) - 2)
    return by_look[before] + (place - before) * (by_look[before + 1] - by_look[before])
