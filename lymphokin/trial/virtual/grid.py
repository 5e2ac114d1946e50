"""Courses of virtual patients as a timeline of the solver, without a loop over patients.

All patients share one grid of whole days and one grid of hours after the first intake of a pulse;
fractions fall on whole days. So the timeline is arithmetic and becomes part of the compiled
program.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np

from lymphokin.solve import COARSE_STEPS, Timeline
from lymphokin.solve.steps import hours_nodes
from lymphokin.solve.timeline import SAME_DAY, DaysArrays, HandDownArrays, HoursArrays
from lymphokin.trial.virtual.courses import Courses
from lymphokin.trial.virtual.design import VirtualDesign, pulses


@dataclass(frozen=True)
class Grid:
    """The shared nodes of a design."""

    design: VirtualDesign

    @cached_property
    def first_day(self) -> int:
        return int(np.floor(min(0.0, self.design.conduct.first_atra_day)))

    @cached_property
    def days(self) -> np.ndarray:
        """[node] whole days, from the first event to the last wanted count."""
        return np.arange(self.first_day, np.ceil(self.design.last_day) + 1.0)

    @cached_property
    def pulses(self) -> int:
        """Pulses that begin before the last wanted count."""
        plan, conduct = self.design.plan, self.design.conduct
        starts = conduct.first_atra_day + plan["interval_days"] * np.arange(plan["cycles"])
        return int((starts < self.days[-1]).sum())

    @cached_property
    def intakes(self) -> np.ndarray:
        """[intake] days since the first intake of a pulse."""
        planned = pulses(self.design.plan, self.design.conduct).doses(1.0)["day"].to_numpy()
        per_pulse = self.design.plan["days_per_pulse"] * self.design.plan["doses_per_day"]
        return planned[:per_pulse] - planned[0]

    @cached_property
    def window(self) -> float:
        """Days from the first intake of a pulse until its drug is gone."""
        return float(self.intakes[-1] + COARSE_STEPS.tail_days)

    @cached_property
    def hours(self) -> np.ndarray:
        """[node] days since the first intake of a pulse."""
        return hours_nodes(self.intakes.tolist(), self.window, COARSE_STEPS)

    def node(self, day: object) -> object:
        """Index of the node of a whole day."""
        return jnp.asarray(day - self.first_day).astype(int)  # type: ignore[operator]

    def timeline(self, courses: Courses) -> Timeline:
        """The timeline of one trial."""
        n = courses.fraction_day.shape[1]
        node_day = jnp.broadcast_to(jnp.asarray(self.days)[:, None], (len(self.days), n))
        on = (node_day[:, None, :] == courses.fraction_day) * courses.given
        count = on.sum(axis=1)
        days = DaysArrays(
            step=jnp.diff(node_day, axis=0),
            node_day=node_day,
            immune_dose=count * courses.immune_dose,
            share=count / courses.given.sum(axis=0),
        )
        if self.pulses == 0 or self.design.n_treated == 0:
            return Timeline(days, None, None)
        return Timeline(days, self._hours(courses), self._hand_down(courses))

    def _hours(self, courses: Courses) -> HoursArrays:
        n, p = self.design.n_treated, self.pulses
        lanes = n * p
        offset = jnp.broadcast_to(jnp.asarray(self.hours)[:, None], (len(self.hours), lanes))
        intake = np.abs(self.hours[:, None] - self.intakes).min(axis=1) < SAME_DAY
        mg = (courses.taken * courses.dose_mg).T.reshape(lanes)
        ordinal = np.tile(np.arange(p), n)
        rank = np.arange(1, p)[:, None]
        has_earlier = rank <= ordinal
        treated = np.repeat(np.arange(n), p)
        return HoursArrays(
            step=jnp.diff(offset, axis=0),
            offset=offset,
            amount=jnp.asarray(intake.astype(float))[:, None] * mg,
            patient=jnp.asarray(self.design.n_control + treated),
            treated=jnp.asarray(treated),
            start=courses.pulse_day.T.reshape(lanes),
            earlier=jnp.asarray(np.where(has_earlier, np.arange(lanes) - rank, 0)),
            has_earlier=jnp.asarray(has_earlier.astype(float)),
        )

    def _hand_down(self, courses: Courses) -> HandDownArrays:
        n, p, controls = self.design.n_treated, self.pulses, self.design.n_control
        lanes = n * p
        day, last = jnp.asarray(self.days), float(self.days[-1])
        start = courses.pulse_day  # [pulse, treated]
        first = jnp.ceil(start - SAME_DAY)
        query = jnp.arange(int(np.floor(self.window)) + 1.0)[:, None, None]
        queried = first + query  # [query, pulse, treated]
        valid = (queried < start + self.window) & (queried <= last) & (queried >= self.first_day)
        by_lane = jnp.where(valid, queried, start).transpose(0, 2, 1).reshape(-1, lanes)
        since = day[:, None, None] - start  # [node, pulse, treated]
        inside = (since > -SAME_DAY) & (since < self.window)
        lane = jnp.arange(n)[None, :] * p + jnp.arange(p)[:, None]
        index = (day[:, None, None] - first).astype(int) * lanes + lane
        ended = (since >= self.window).sum(axis=1)  # [node, treated]
        last_ended = jnp.arange(n) * p + jnp.maximum(ended - 1, 0)

        def of_all(treated: object) -> object:
            return jnp.pad(jnp.asarray(treated), ((0, 0), (controls, 0)))

        return HandDownArrays(
            query_day=by_lane,
            source=of_all((index * inside).sum(axis=1)),  # type: ignore[arg-type]
            inside=of_all(inside.sum(axis=1).astype(float)),  # type: ignore[arg-type]
            ended=of_all(last_ended),  # type: ignore[arg-type]
            has_ended=of_all((ended > 0).astype(float)),  # type: ignore[arg-type]
        )
