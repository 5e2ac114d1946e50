"""Events in time of virtual patients: when they happen, who is lost by them, what visits show.

An event happens at the rate of the model's hazard, from the patient's first fraction or dose on.
One whose time a table states is known until the patient leaves; any other is seen by the first
visit after it, and that it has not happened by a visit that is as late as the last planned one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lymphokin.model import Model
from lymphokin.model.block import cumulative
from lymphokin.solve import Solution
from lymphokin.trial.virtual.courses import Courses, twice
from lymphokin.trial.virtual.grid import Grid


class Happening(NamedTuple):
    """One event in the virtual patients of a trial."""

    passed: jax.Array
    """[node, patient] its cumulative hazard since the patient has been at risk"""
    day: jax.Array
    """[patient] day on which it happens; infinite where that is after the last node"""


def happenings(
    key: jax.Array,
    model: Model,
    solution: Solution,
    courses: Courses,
    grid: Grid,
    twins: bool = False,
) -> dict[str, Happening]:
    """Let the events that a trial follows happen at random.

    Args:
        key: of the random numbers.
        model: whose hazards they have.
        solution: of the patients.
        courses: theirs.
        grid: whose nodes the solution has, and that names the events.
        twins: whether each treated patient has the luck of a control patient.
    """
    found, since = {}, _at_risk_from(model, courses, grid)
    for i, name in enumerate(model.hazards):
        if name not in grid.events:
            continue
        hazard = solution.states[cumulative(name)]
        luck = jax.random.exponential(jax.random.fold_in(key, i), since.shape)
        passed = jnp.maximum(hazard - _between_nodes(hazard, since, grid), 0.0)
        found[name] = Happening(passed, _day_of(passed, twice(luck) if twins else luck, grid))
    return found


def _at_risk_from(model: Model, courses: Courses, grid: Grid) -> jax.Array:
    """[patient] day from which a patient is at risk: that of the first fraction or dose."""
    start = jnp.zeros(courses.fraction_day.shape[1])
    if model.begins:
        return start + grid.first_day
    if grid.drug and grid.pulses and grid.design.n_treated:
        first = jnp.minimum(courses.pulse_day[0], 0.0)
        return start.at[grid.design.n_control :].set(first)
    return start


def _between_nodes(hazard: jax.Array, day: jax.Array, grid: Grid) -> jax.Array:
    """[patient] a cumulative hazard on any day, straight between two nodes."""
    place = jnp.clip(day - grid.first_day, 0.0, len(grid.days) - 1.0)
    node = jnp.minimum(jnp.floor(place).astype(int), len(grid.days) - 2)
    patients = jnp.arange(day.shape[0])
    before, after = hazard[node, patients], hazard[node + 1, patients]
    return before + (place - node) * (after - before)


def _day_of(passed: jax.Array, luck: jax.Array, grid: Grid) -> jax.Array:
    """[patient] day on which a cumulative hazard reaches what a patient survives."""
    reached = passed >= luck
    node = jnp.clip(reached.argmax(axis=0), 1, None)
    patients = jnp.arange(luck.shape[0])
    before, after = passed[node - 1, patients], passed[node, patients]
    share = (luck - before) / jnp.where(after > before, after - before, 1.0)
    day = jnp.asarray(grid.days)[node - 1] + jnp.clip(share, 0.0, 1.0)
    return jnp.where(reached.any(axis=0), day, jnp.inf)


def ended_by(events: Mapping[str, Happening], grid: Grid) -> jax.Array | None:
    """[patient] day after which an event lets nothing be recorded any more, infinite where none
    does; None where the design names no such event.

    The event that is judged is recorded, even where it ends all other records.
    """
    ending = [events[name].day for name in grid.ending if name != grid.design.judged.quantity]
    return jnp.stack(ending).min(axis=0) if ending else None


def probability_by(happening: Happening, day: Any, grid: Grid) -> jax.Array:
    """[patient] probability that the event has happened by a whole day."""
    patients = jnp.arange(happening.day.shape[0])
    return -jnp.expm1(-happening.passed[grid.node(day), patients])
