"""Treatments that share their nodes: arithmetic on arrays, without a loop over patients.

All patients have one grid of days and one grid of hours after the first intake of a drug pulse;
fractions fall on whole days. So the timeline becomes part of a compiled program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from lymphokin.solve.steps import StepRule
from lymphokin.solve.timeline import SAME_DAY, DaysArrays, HandDownArrays, HoursArrays, Timeline


@dataclass(frozen=True, eq=False)
class Pulses:
    """Pulses of a drug to the last patients; the first ones get none."""

    day: Any
    """[pulse, treated patient] day of the first intake"""
    mg: Any
    """[pulse, treated patient] per intake; 0 where the pulse is not taken"""


@dataclass(frozen=True, eq=False)
class Lesions:
    """Lesions of a model that follows each."""

    present: Any
    """[lesion, patient] 1.0 where the patient has such a lesion, else 0.0"""
    gy: Any
    """[lesion, patient] of each fraction"""
    cm3: Any
    """[lesion, patient] volume of each"""


@dataclass(frozen=True, eq=False)
class SharedGrid:
    """The shared nodes."""

    days: np.ndarray
    """[node] whole days, one after the other, and the same times in each"""
    per_day: int
    """nodes of a day"""
    hours: np.ndarray
    """[node] days since the first intake of a pulse"""
    intakes: np.ndarray
    """[intake] days since the first intake of a pulse"""
    infusion: float
    """days that each intake lasts; 0 where it is given at once"""
    window: float
    """days from the first intake of a pulse until its drug is gone"""
    drug: str
    """the drug of the pulses"""
    rule: StepRule
    """that of the model, with all its drugs: of :func:`lymphokin.solve.following`"""

    def timeline(
        self,
        fraction_day: Any,
        given: Any,
        immune_dose: Any,
        pulses: Pulses | None,
        lesions: Lesions | None = None,
        varying: Mapping[str, float] | None = None,
    ) -> Timeline:
        """The timeline of some patients.

        Args:
            fraction_day: [fraction, patient] whole days.
            given: [fraction, patient] 1.0 where there is such a fraction.
            immune_dose: [patient] of each fraction, Gy.
            pulses: None where nobody gets the drug.
            lesions: None of a model that does not distinguish them.
            varying: values of covariates that change in others, the same all the time.
        """
        n = fraction_day.shape[1]
        node_day = jnp.broadcast_to(jnp.asarray(self.days)[:, None], (len(self.days), n))
        on = (node_day[:, None, :] == fraction_day) * given
        count = on.sum(axis=1)
        days = DaysArrays(
            step=jnp.diff(node_day, axis=0),
            node_day=node_day,
            immune_dose=count * immune_dose,
            share=count / given.sum(axis=0),
            amount=dict.fromkeys(self.rule.on_days, jnp.zeros_like(node_day)),
            rate=dict.fromkeys(
                set(self.rule.on_days) & set(self.rule.infused), jnp.zeros_like(node_day[1:])
            ),
        )
        days = days._replace(
            varying={n: jnp.full_like(days.step, v) for n, v in (varying or {}).items()}
        )
        if lesions is not None:
            gy = count[:, None, :] * lesions.gy * lesions.present
            days = days._replace(lesion_gy=gy, present=lesions.present, lesion_cm3=lesions.cm3)
        if pulses is None:
            return Timeline(days, None, ())
        untreated = n - pulses.day.shape[1]
        down = self._hand_down(pulses, untreated)
        never = down._replace(
            inside=jnp.zeros_like(down.inside), has_ended=jnp.zeros_like(down.has_ended)
        )
        each = tuple(down if self.drug in w.drugs else never for w in self.rule.windows)
        return Timeline(days, self._hours(pulses, untreated), each)

    def _hours(self, pulses: Pulses, untreated: int) -> HoursArrays:
        p, n = pulses.day.shape
        lanes = n * p
        offset = jnp.broadcast_to(jnp.asarray(self.hours)[:, None], (len(self.hours), lanes))
        intake = np.abs(self.hours[:, None] - self.intakes).min(axis=1) < SAME_DAY
        at_once = self.infusion <= SAME_DAY
        begun = self.hours[:-1, None] >= self.intakes - SAME_DAY
        running = begun & (self.hours[1:, None] <= self.intakes + self.infusion + SAME_DAY)
        mg = pulses.mg.T.reshape(lanes)
        ordinal = np.tile(np.arange(p), n)
        rank = np.arange(1, p)[:, None]
        has_earlier = rank <= ordinal
        treated = np.repeat(np.arange(n), p)
        own = jnp.asarray((intake & at_once).astype(float))[:, None] * mg
        per_day = 0.0 if at_once else running.sum(axis=1) / self.infusion
        rate = jnp.broadcast_to(jnp.asarray(per_day)[..., None] * mg, own[1:].shape)
        drugs = [drug for window in self.rule.windows for drug in window.drugs]
        place = next(i for i, w in enumerate(self.rule.windows) if self.drug in w.drugs)
        infused = set(drugs) & set(self.rule.infused)
        return HoursArrays(
            step=jnp.diff(offset, axis=0),
            offset=offset,
            amount={d: own if d == self.drug else jnp.zeros_like(own) for d in drugs},
            rate={d: rate if d == self.drug else jnp.zeros_like(rate) for d in infused},
            patient=jnp.asarray(untreated + treated),
            treated=jnp.asarray(treated),
            start=pulses.day.T.reshape(lanes),
            earlier=jnp.asarray(np.where(has_earlier, np.arange(lanes) - rank, 0)),
            has_earlier=jnp.asarray(has_earlier.astype(float)),
            exposure=jnp.full(lanes, place),
        )

    def _hand_down(self, pulses: Pulses, untreated: int) -> HandDownArrays:
        start = pulses.day  # [pulse, treated]
        p, n = start.shape
        lanes = n * p
        day, nodes = jnp.asarray(self.days), len(self.days)
        first = jnp.searchsorted(day, start - SAME_DAY)
        most = self.per_day * (int(np.floor(self.window)) + 1)
        query = first + jnp.arange(most)[:, None, None]  # [query, pulse, treated]
        queried = day[jnp.minimum(query, nodes - 1)]
        valid = (queried < start + self.window) & (query < nodes)
        by_lane = jnp.where(valid, queried, start).transpose(0, 2, 1).reshape(-1, lanes)
        since = day[:, None, None] - start  # [node, pulse, treated]
        inside = (since > -SAME_DAY) & (since < self.window)
        lane = jnp.arange(n)[None, :] * p + jnp.arange(p)[:, None]
        index = (jnp.arange(nodes)[:, None, None] - first) * lanes + lane
        ended = (since >= self.window).sum(axis=1)  # [node, treated]
        last_ended = jnp.arange(n) * p + jnp.maximum(ended - 1, 0)

        def of_all(treated: Any) -> Any:
            return jnp.pad(jnp.asarray(treated), ((0, 0), (untreated, 0)))

        return HandDownArrays(
            query_day=by_lane,
            source=of_all((index * inside).sum(axis=1)),
            inside=of_all(inside.sum(axis=1).astype(float)),
            ended=of_all(last_ended),
            has_ended=of_all((ended > 0).astype(float)),
        )
