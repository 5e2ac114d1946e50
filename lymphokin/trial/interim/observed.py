"""What is seen of virtual patients over time: counts before the endpoint, and the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import Residual
from lymphokin.population import Hierarchy, draw_measured
from lymphokin.trial.interim.rehearsed_events import EventLooks, event_looks
from lymphokin.trial.virtual.counts import Followed, follow, set_aside
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import planned_day, read_counts
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.population import VirtualPopulation
from lymphokin.trial.virtual.window import Visits, window_visits

TRIALS_AT_ONCE = 8
TRIALS_PER_CALL = 128
"""Always as many, so that one compiled program serves any number."""


class Observed(NamedTuple):
    """Patients of many trials; the last visit is the count that is read as the endpoint, or the
    last ones are those of an endpoint of a window, in the order of their days. Of an event in time
    all are other counts.

    Control patients come first. Numbers are single precision: they are many.
    """

    log_true: Any
    """[trial, visit, patient] ln of the true count"""
    log_measured: Any
    """[trial, visit, patient] ln of the count as measured"""
    seen: Any
    """[trial, visit, patient] whether the visit takes place"""
    day: Any
    """[trial, visit, patient] days from the first fraction"""
    planned_day: Any
    """[trial, patient] planned day of the (last) endpoint visit"""
    leaves: Any
    """[trial, patient] day on which the patient drops out; infinite where the patient stays"""
    residual_sd: Any
    """[trial, component]"""
    looks: EventLooks | None = None
    """of an event in time, [trial, look, patient]"""


def counts_before(design: VirtualDesign) -> tuple[float, ...]:
    """Scheduled counts that come before anybody's endpoint window, day 0 (baseline) first; of an
    event in time all of them.
    """
    plan = design.plan
    reach = design.judged.window + plan["visit_jitter_days"]
    first = design.endpoint_days[0][0] - reach
    if design.judged.of_event:
        first = design.last_day - plan["visit_jitter_days"] + 1
    return (0.0, *(float(day) for day in plan["alc_days"] if 0 < day < first))


def endpoint_visits(
    key: jax.Array, followed: Followed, residual: Residual, grid: Grid
) -> tuple[Visits, EventLooks | None]:
    """The visit that is read as the endpoint, or the visits of an endpoint of a window; of an event
    in time none, and the looks for it.
    """
    if grid.design.judged.of_event:
        looks, leaves = event_looks(key, followed, grid)
        none = jnp.zeros((0, leaves.shape[0]))
        return Visits(none, none, none, none.astype(bool), leaves), looks
    if not grid.design.judged.on_a_day:
        return window_visits(key, followed, residual, grid), None
    read = read_counts(key, followed, residual, grid)
    one = (read.day, jnp.log(read.true), jnp.log(read.measured), read.known)
    return Visits(*(part[None] for part in one), leaves=read.leaves), None


@dataclass(frozen=True)
class Observer:
    """Follows virtual patients of a design, one trial per population."""

    design: VirtualDesign
    population: VirtualPopulation

    @cached_property
    def _program(self):
        model = self.population.model
        hierarchy, grid = Hierarchy(model), Grid.of(self.design, model)
        residual = hierarchy.model.table.residuals["alc"]
        plan, before = self.design.plan, jnp.asarray(counts_before(self.design))
        jitter = int(plan["visit_jitter_days"])

        def trial(keys: tuple[jax.Array, jax.Array], typical: dict[str, jax.Array]) -> Observed:
            z = self.population.latents(keys[0])
            parts = jax.random.split(keys[1], 5)
            followed = follow(parts[0], z, hierarchy, grid, typical)
            visits, looks = endpoint_visits(parts[1], followed, residual, grid)
            n = visits.day.shape[1]
            shape = (len(before), n)
            moved = before[:, None] + jax.random.randint(parts[2], shape, -jitter, jitter + 1)
            day = jnp.where(before[:, None] > 0, moved, 0.0)
            there = jax.random.uniform(parts[3], shape) >= plan["missing_visit_probability"]
            seen = (there | (day == 0)) & (day < visits.leaves)
            true = followed.alc[grid.node(day), jnp.arange(n)]
            own = draw_measured(residual, parts[4], jnp.log(true), followed.residual_sd)
            return Observed(
                jnp.concatenate([jnp.log(true), visits.log_true]).astype(jnp.float32),
                jnp.concatenate([own, visits.log_measured]).astype(jnp.float32),
                jnp.concatenate([seen, visits.taken]),
                jnp.concatenate([day, visits.day]).astype(jnp.float32),
                planned_day(followed, grid).astype(jnp.float32),
                visits.leaves.astype(jnp.float32),
                jnp.asarray(followed.residual_sd, dtype=jnp.float32),
                looks,
            )

        def trials(keys: tuple[jax.Array, jax.Array], typical: dict[str, jax.Array]) -> Observed:
            return jax.lax.map(lambda k: trial(k, typical), keys, batch_size=TRIALS_AT_ONCE)

        return jax.jit(trials)

    def follow(
        self,
        seed: int,
        populations: int,
        repeats: int = 1,
        fixed: Mapping[str, float] | None = None,
    ) -> Observed:
        """Trials of ``populations`` populations, ``repeats`` trials of each side by side.

        ``fixed``: typical values in table units that replace the population's.

        Returns:
            [population x repeat, ...], the repeats of a population together.
        """
        model = self.population.model
        typical = set_aside(model, fixed or {})
        of_population, of_patients = jax.random.split(jax.random.key(seed))
        first = jnp.repeat(jax.random.split(of_population, populations), repeats)
        second = jax.random.split(of_patients, populations * repeats)
        parts = []
        for start in range(0, len(first), TRIALS_PER_CALL):
            rows = np.arange(start, start + TRIALS_PER_CALL).clip(max=len(first) - 1)
            found = self._program((first[rows], second[rows]), typical)
            parts.append(jax.tree.map(lambda x: np.asarray(x)[: len(first) - start], found))  # noqa: B023
        return jax.tree.map(lambda *x: np.concatenate(x), *parts)
