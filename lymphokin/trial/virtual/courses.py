"""Virtual patients of one trial, drawn at random: lesions, immune dose, fractions, drug pulses.

Everything has a fixed shape, so that many trials are one compiled program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.schedule import SATURDAY, PulseCalendar
from lymphokin.sites import shipped_sites
from lymphokin.trial.virtual.design import VirtualDesign

BSA_RANGE_M2 = (1.3, 2.6)
AGE_RANGE = (25.0, 90.0)


class Courses(NamedTuple):
    """What happens to each patient; control patients come first, then treated ones."""

    covariates: dict[str, jax.Array]
    """per column, [patient]"""
    fraction_day: jax.Array
    """[fraction, patient] days from the first fraction"""
    given: jax.Array
    """[fraction, patient] 1.0 where there is such a fraction"""
    immune_dose: jax.Array
    """[patient] reference immune dose of each fraction, Gy"""
    pulse_day: jax.Array
    """[pulse, treated patient] day of the first intake of each pulse"""
    taken: jax.Array
    """[pulse, treated patient] 1.0 where the pulse is taken"""
    dose_mg: jax.Array
    """[treated patient] amount per intake, in the drug's unit"""
    gy: jax.Array
    """[patient] Gy of each fraction to each lesion"""
    lesion_cm3: jax.Array
    """[lesion, patient] volume of each irradiated lesion, without the margin"""
    outside: jax.Array
    """[patient] number of lesions that are not irradiated; they come after those that are"""

    @property
    def last_fraction(self) -> jax.Array:
        """[patient]"""
        return (self.fraction_day * self.given).max(axis=0)

    def as_twins(self, calendar: PulseCalendar) -> Courses:
        """Treated patients who are like the control patients in everything but the drug.

        Args:
            calendar: of the drug.
        """
        n = self.dose_mg.shape[0]
        covariates = {name: twice(values) for name, values in self.covariates.items()}
        bsa = self.covariates["bsa"]
        scale = bsa[:n] / bsa[n:] if calendar.amount_per_day is None else 1.0
        return self._replace(
            covariates=covariates,
            fraction_day=twice(self.fraction_day),
            given=twice(self.given),
            immune_dose=twice(self.immune_dose),
            dose_mg=self.dose_mg * scale,
            gy=twice(self.gy),
            lesion_cm3=twice(self.lesion_cm3),
            outside=twice(self.outside),
        )


def twice(values: jax.Array) -> jax.Array:
    """The first half of the patients (last axis), two times."""
    half = values[..., : values.shape[-1] // 2]
    return jnp.concatenate([half, half], axis=-1)


def draw_courses(
    key: jax.Array, design: VirtualDesign, pulses: int, calendar: PulseCalendar | None = None
) -> Courses:
    """Courses of one trial.

    Args:
        key: of the random numbers.
        design: who is enrolled and how they are treated.
        pulses: number of pulses that matter.
    """
    keys = jax.random.split(key, 4)
    n = design.n_control + design.n_treated
    covariates, ratio, cm3 = _patients(keys[0], design, n)
    day, given, gray = _fractions(keys[1], design, n)
    pulse_day, taken = _pulses(keys[2], design, pulses)
    calendar = calendar or design.calendar
    amount = calendar.amount(covariates["bsa"][design.n_control :])
    outside = _outside(jax.random.fold_in(key, 4), design.plan.get("outside_lesions"), n)
    return Courses(
        covariates, day, given, ratio * gray, pulse_day, taken, amount, gray, cm3, outside
    )


def _outside(key: jax.Array, shares: Mapping[str, float] | None, n: int) -> jax.Array:
    """[patient] number of lesions that are not irradiated."""
    if not shares:
        return jnp.zeros(n, dtype=int)
    counts = jnp.asarray([int(count) for count in shares])
    return counts[_choice(key, list(shares.values()), (n,))]


def _choice(key: jax.Array, shares: list[float], shape: tuple[int, ...]) -> jax.Array:
    """Index drawn with the given probabilities."""
    edges = jnp.asarray(np.cumsum(shares)[:-1])
    return (jax.random.uniform(key, (*shape, 1)) > edges).sum(axis=-1)


def _patients(
    key: jax.Array, design: VirtualDesign, n: int
) -> tuple[dict[str, Any], jax.Array, jax.Array]:
    """Covariates, immune Gy per prescribed Gy to all lesions [patient], and volumes of lesions."""
    plan, keys = design.plan, jax.random.split(key, 5)
    counts = np.asarray([int(c) for c in plan["lesion_counts"]])
    lesions = jnp.asarray(counts)[_choice(keys[0], list(plan["lesion_counts"].values()), (n,))]
    there = jnp.arange(counts.max())[:, None] < lesions
    known = shipped_sites().by_name
    per_gy = jnp.asarray([known[site].immune_dose_per_gy for site in plan["sites"]])
    shape = (int(counts.max()), n)
    site = per_gy[_choice(keys[1], list(plan["sites"].values()), shape)]
    low, high = np.log(plan["lesion_diameter_cm"])
    diameter = jnp.exp(jax.random.uniform(keys[2], shape, minval=low, maxval=high + 1e-12))
    volume = (jnp.pi / 6 * (diameter + 2 * plan["margin_cm"]) ** 3 * there).sum(axis=0)
    bsa = plan["bsa_mean"] + plan["bsa_sd"] * jax.random.normal(keys[3], (n,))
    age = plan["age_mean"] + plan["age_sd"] * jax.random.normal(keys[4], (n,))
    covariates = {
        "n_lesions": lesions.astype(float),
        "ptv_cm3": volume,
        "ptv_per_lesion_cm3": volume / lesions,
        "bsa": jnp.clip(bsa, *BSA_RANGE_M2),
        "age": jnp.clip(age, *AGE_RANGE),
    }
    return covariates, (site * there).sum(axis=0), jnp.pi / 6 * diameter**3


def _next_weekday(day: jax.Array, first_weekday: jax.Array) -> jax.Array:
    past_friday = (first_weekday + day) % 7 - SATURDAY
    return jnp.where(past_friday < 0, day, day + 2 - past_friday)


def _fractions(
    key: jax.Array, design: VirtualDesign, n: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Days and presence of each fraction, [fraction, patient], and Gy per fraction [patient]."""
    keys = jax.random.split(key, 3)
    schedules = np.asarray(design.plan["schedules"], dtype=float)
    which = jax.random.randint(keys[0], (n,), 0, len(schedules))
    first_weekday = jax.random.randint(keys[1], (n,), 0, SATURDAY)
    most = int(schedules[:, 0].max())
    probability = design.conduct.fraction_delay_probability
    late = jax.random.uniform(keys[2], (most, n)) < probability
    days = [jnp.zeros(n, dtype=int)]
    for i in range(1, most):
        day = _next_weekday(days[-1] + 1, first_weekday)
        days.append(jnp.where(late[i], _next_weekday(day + 1, first_weekday), day))
    given = jnp.arange(most)[:, None] < jnp.asarray(schedules[:, 0])[which]
    return (
        jnp.stack(days).astype(float),
        given.astype(float),
        jnp.asarray(schedules[:, 1])[which],
    )


def _pulses(key: jax.Array, design: VirtualDesign, pulses: int) -> tuple[jax.Array, jax.Array]:
    """First day and presence of each pulse, [pulse, treated patient]."""
    conduct, n, keys = design.conduct, design.n_treated, jax.random.split(key, 3)
    shape = (pulses, n)
    later = jnp.arange(pulses)[:, None] > 0
    late = later & (jax.random.uniform(keys[0], shape) < conduct.atra_delay_probability)
    wait = late * jax.random.randint(keys[1], shape, 1, conduct.atra_delay_days + 1)
    planned = conduct.first_atra_day + design.plan["interval_days"] * jnp.arange(pulses)[:, None]
    stops = later & (jax.random.uniform(keys[2], shape) < conduct.atra_stop_probability)
    return planned + jnp.cumsum(wait, axis=0), 1.0 - (jnp.cumsum(stops, axis=0) > 0)
