"""The nodes that all virtual patients of a design share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import jax.numpy as jnp
import numpy as np

from lymphokin.endpoint import REPORTED_DECIMALS
from lymphokin.model import Model
from lymphokin.schedule import PulseCalendar
from lymphokin.solve import COARSE_STEPS, Solution, StepRule, Timeline, following
from lymphokin.solve.shared_grid import Lesions, Pulses, SharedGrid
from lymphokin.solve.steps import hours_nodes
from lymphokin.solve.timeline import SAME_DAY, unique_days
from lymphokin.trial.declared import (
    check_fold,
    followed_events,
    held_covariates,
    lesions_outside,
    planned_drug,
    planned_pulses,
)
from lymphokin.trial.virtual.courses import Courses
from lymphokin.trial.virtual.design import VirtualDesign


@dataclass(frozen=True)
class Grid:
    """The shared nodes of a design."""

    design: VirtualDesign
    rule: StepRule = COARSE_STEPS
    drug: str = ""
    """what the treated arm gets; empty where the model takes nothing"""
    every_drug: StepRule = COARSE_STEPS
    """the rule of the model, with all its drugs"""
    lesions: int = 0
    """the most that a patient has, where the model follows each, else 0: those that are irradiated
    and then those that are not"""
    varying: Mapping[str, float] = field(default_factory=dict)
    """covariates of the model that change within a patient, and what holds in the trial"""
    events: tuple[str, ...] = ()
    """events of the model that the trial follows"""
    ending: tuple[str, ...] = ()
    """those after which nothing is recorded any more"""
    exact: tuple[str, ...] = ()
    """those whose time a table states"""
    decimals: int = REPORTED_DECIMALS
    """to which the quantity that is judged is reported"""
    planned: PulseCalendar | None = None
    """the drug of a treated patient; None: as the design's own model takes it"""

    @classmethod
    def of(cls, design: VirtualDesign, model: Model) -> Grid:
        """The nodes for a model, whose drug is followed for as long as it lasts.

        Raises:
            ValueError: when the model does not take the design's drug on the hours clock, the drug
                of one pulse is still there at the next, or the model has no hazard of an event, or
                no quantity or lesions, that the design or its endpoint names.
        """
        drug = planned_drug(model, design.plan)
        rule = following(COARSE_STEPS, model)
        window = next((w for w in rule.windows if drug in w.drugs), None)
        if drug and window is None:
            raise ValueError(
                f"virtual trials give pulses of a drug of the hours clock, and model {model.name} "
                f"takes {drug} on the days clock"
            )
        most = max(int(n) for n, share in design.plan["lesion_counts"].items() if share > 0)
        most += max(lesions_outside(model, design.plan), default=0)
        judged = design.judged
        check_fold(model, design.plan, judged)
        grid = cls(
            design,
            rule.within(window or rule.windows[0]),
            drug,
            rule,
            most if model.has_lesions else 0,
            held_covariates(model, design.plan),
            followed_events(model, design.plan, judged),
            tuple(design.plan.get("events_that_end", ())),
            tuple(name for name, hazard in model.hazards.items() if hazard.exact),
            model.vocabulary.observable(judged.quantity).decimals,
            planned_pulses(model, design.plan, drug, design.conduct.first_atra_day),
        )
        gap = design.plan["interval_days"] - float(grid.intakes[-1]) - grid.calendar.infusion_days
        if drug and grid.pulses > 1 and gap <= grid.rule.separate_days:
            raise ValueError(
                f"the drug of model {model.name} lasts {grid.rule.tail_days:.0f} days after its "
                f"last dose; virtual trials need it gone before the next pulse, {gap:g} days later"
            )
        return grid

    @property
    def calendar(self) -> PulseCalendar:
        """The planned drug of a treated patient, in its unit."""
        return self.planned or self.design.calendar

    @cached_property
    def first_day(self) -> int:
        return int(np.floor(min(0.0, self.design.conduct.first_atra_day)))

    @cached_property
    def days(self) -> np.ndarray:
        """[node] whole days, from the first event to the last wanted count."""
        return np.arange(self.first_day, np.ceil(self.design.last_day) + 1.0)

    @cached_property
    def times(self) -> np.ndarray:
        """Times of each day on which there are nodes, in days: its beginning and, where a drug is
        infused, its quarters and when infusions begin and end. With whole days alone counts would
        err by 2 % after an infusion of an hour of a drug that saturates, as if it came evenly.
        """
        lasts = self.calendar.infusion_days
        if not lasts:
            return np.zeros(1)
        starts = self.calendar.doses(1.0)["day"].to_numpy()
        times = np.concatenate([np.arange(4) / 4, starts % 1.0, (starts + lasts) % 1.0])
        return unique_days(np.where(times > 1 - SAME_DAY, 0.0, times))

    @cached_property
    def _nodes(self) -> np.ndarray:
        """[node] days of the days clock."""
        nodes = (self.days[:, None] + self.times).ravel()
        return nodes[: (len(self.days) - 1) * len(self.times) + 1]

    def daily(self, solution: Solution) -> Solution:
        """A solution on whole days."""
        parts = {"outputs": solution.outputs, "states": solution.states,
                 "hazard_rates": solution.hazard_rates}  # fmt: skip
        every = len(self.times)
        return solution._replace(
            **{part: {n: v[::every] for n, v in own.items()} for part, own in parts.items()}
        )

    @cached_property
    def pulses(self) -> int:
        """Pulses that begin before the last wanted count."""
        plan, conduct = self.design.plan, self.design.conduct
        starts = conduct.first_atra_day + plan["interval_days"] * np.arange(plan["cycles"])
        return int((starts < self.days[-1]).sum())

    @cached_property
    def intakes(self) -> np.ndarray:
        """[intake] days since the first intake of a pulse."""
        planned = self.calendar.doses(1.0)["day"].to_numpy()
        per_pulse = self.design.plan["days_per_pulse"] * self.design.plan["doses_per_day"]
        return planned[:per_pulse] - planned[0]

    @cached_property
    def window(self) -> float:
        """Days from the first intake of a pulse until its drug is gone."""
        return float(self.intakes[-1] + self.calendar.infusion_days + self.rule.tail_days)

    @cached_property
    def hours(self) -> np.ndarray:
        """[node] days since the first intake of a pulse."""
        events = np.concatenate([self.intakes, self.intakes + self.calendar.infusion_days])
        return hours_nodes(unique_days(events).tolist(), self.window, self.rule)

    def node(self, day: object) -> object:
        """Index of the node of a whole day."""
        return jnp.asarray(day - self.first_day).astype(int)  # type: ignore[operator]

    @cached_property
    def shared(self) -> SharedGrid:
        """The nodes as the solver takes them."""
        return SharedGrid(
            self._nodes,
            len(self.times),
            self.hours,
            self.intakes,
            self.calendar.infusion_days,
            self.window,
            self.drug,
            self.every_drug,
        )

    def timeline(self, courses: Courses) -> Timeline:
        """The timeline of one trial."""
        pulses = None
        if self.drug and self.pulses and self.design.n_treated:
            pulses = Pulses(courses.pulse_day, courses.taken * courses.dose_mg)
        lesions = None
        if self.lesions:
            number = jnp.arange(self.lesions)[:, None]
            in_field = number < courses.covariates["n_lesions"]
            there = number < courses.covariates["n_lesions"] + courses.outside
            # A volume is read at a fraction to the lesion alone.
            extra = max(self.lesions - len(courses.lesion_cm3), 0)
            volume = jnp.pad(
                courses.lesion_cm3[: self.lesions], ((0, extra), (0, 0)), constant_values=1.0
            )
            lesions = Lesions(there.astype(float), courses.gy * in_field, volume)
        return self.shared.timeline(
            courses.fraction_day,
            courses.given,
            courses.immune_dose,
            pulses,
            lesions,
            self.varying,
        )
