"""The shipped trial as every contender gets it: stops of each patient, records, posterior draws.

A stop is a day at which an integrator must halt: a record to read, a fraction, or a dose, which is
late by the patient's lag. Each course of doses (a drug window) has its own occasion, and its drug
starts from rest; the signal that it hands down goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer import CohortDensity, fit_gaussian
from lymphokin.infer.density import _own_log_prior
from lymphokin.infer.noncentred_density import gradients_of
from lymphokin.io import Cohort, read_events
from lymphokin.model import load_model
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.population.likelihood import LOWEST
from lymphokin.shipped import data_path

FAR = 1e6
"""Day of padding: beyond everything."""


@dataclass(frozen=True)
class Stops:
    """Stops of every patient, [patient, stop]; records come before events, both by day."""

    day: np.ndarray
    """day without the lag; ``FAR`` in padding"""
    is_dose: np.ndarray
    amount: np.ndarray
    """mg"""
    opens: np.ndarray
    """whether the dose is the first of its window"""
    lane: np.ndarray
    """window of the dose"""
    immune_dose: np.ndarray
    share: np.ndarray
    first_day: np.ndarray
    """[patient] day of the first event, at which integration starts"""
    first_lane: np.ndarray
    """[patient] the first window, 0 for patients without"""
    read_at: dict[str, tuple[np.ndarray, np.ndarray]]
    """per quantity, the stop of each quantified and each censored record (padding as packed)"""


@dataclass(frozen=True)
class Trial:
    """The shipped trial, its posterior with a step rule of choice, and where to evaluate it."""

    cohort: Cohort
    density: CohortDensity
    stops: Stops
    x: np.ndarray
    """[draw, latent] draws of a normal approximation of the posterior"""

    def with_rule(self, rule: Any) -> CohortDensity:
        """The posterior solved with other steps."""
        packed = pack(self.density.likelihood.model, self.cohort, rule=rule)
        return CohortDensity(self.density.likelihood, packed)

    def individuals(self, x: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Individual parameters in model units (days) by name: [patient], and [lane]."""
        density = self.density
        latents = density.unravel()(x)
        population = density.hierarchy.population(latents.population)
        p, lanes = density.hierarchy.individuals(population, latents, density.arrays)
        return p._asdict(), lanes._asdict()

    def read(self, shown: dict[str, Any], x: Any) -> dict[str, tuple[Any, Any]]:
        """Log predictions of quantified and censored records from outputs at stops.

        Args:
            shown: per quantity, [patient, stop].
        """
        density = self.density
        population = density.hierarchy.population(density.unravel()(x).population)
        predicted = {}
        for quantity, both in density.arrays.measured.items():
            effects = density.likelihood.model.table.residuals[quantity].effects
            parts = []
            for records, stop in zip(both, self.stops.read_at[quantity], strict=True):
                value = jnp.maximum(shown[quantity][records.patient, stop], LOWEST)
                ratios = (
                    population.log_ratio[quantity, e.category] * records.category[i]
                    for i, e in enumerate(effects)
                )
                parts.append(jnp.log(value) + sum(ratios))
            predicted[quantity] = (parts[0], parts[1])
        return predicted

    def log_density(self, x: Any, predicted: dict[str, tuple[Any, Any]]) -> Any:
        """Log posterior density from log predictions."""
        density = self.density
        arrays, latents = density.arrays, density.unravel()(x)
        population = density.hierarchy.population(latents.population)
        own = _own_log_prior(density.hierarchy, latents, arrays).sum()
        terms = density.likelihood._pointwise(population, predicted, arrays).values()
        likelihood = sum(a.sum() + b.sum() for a, b in terms)
        return own - 0.5 * jnp.sum(latents.population**2) + likelihood


def read_trial(draws: int) -> Trial:
    """The shipped synthetic trial of 58 patients with the default model."""
    cohort = read_events(data_path("synthetic_sbrt_atra_trial.csv"))
    model = load_model("myeloid_lymphoid")
    density = CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort))
    approximation = fit_gaussian(density, gradients_of(density.with_long_steps()))
    keys = jax.random.split(jax.random.key(1), draws)
    shape = approximation.whitening.centre.shape
    y = np.stack([jax.random.normal(key, shape) for key in keys])
    return Trial(cohort, density, find_stops(density), approximation.latents(density, y)[0])


def find_stops(density: CohortDensity) -> Stops:
    """Stops of a packed cohort."""
    arrays, layout = density.packed.arrays, density.packed.layout
    records: list[list[float]] = [[] for _ in layout.treatments]
    read_at = {}
    for quantity, (quantified, below) in arrays.measured.items():
        places = []
        for part in (quantified, below):
            own = []
            for i, day in zip(np.asarray(part.patient), np.asarray(part.day), strict=True):
                if day not in records[i]:
                    records[i].append(float(day))
                own.append(records[i].index(day))
            places.append(np.asarray(own, int))
        read_at[quantity] = (places[0], places[1])
    most = max(len(days) for days in records)
    rows = []
    for i, course in enumerate(layout.treatments):
        lanes = [(j, w) for j, w in enumerate(layout.lane_windows) if w[0] == i]
        own = [(day, 0, 0.0, 0, 0, 0.0, 0.0) for day in records[i]]
        own += [(FAR, 0, 0.0, 0, 0, 0.0, 0.0)] * (most - len(own))
        for day, gray, share in zip(
            course.fraction_days, course.immune_dose, course.share, strict=True
        ):
            own.append((day, 0, 0.0, 0, 0, gray, share))
        for day, mg in zip(course.dose_days, course.amount, strict=True):
            lane, window = next((j, w) for j, w in lanes if w[1] <= day < w[2])
            own.append((day, 1, mg, int(day == window[1]), lane, 0.0, 0.0))
        rows.append(own)
    length = max(len(row) for row in rows)
    filled = [row + [(FAR, 0, 0.0, 0, 0, 0.0, 0.0)] * (length - len(row)) for row in rows]
    table = np.asarray(filled)
    first_lane = np.zeros(len(rows), int)
    for lane, (patient, _, _) in reversed(list(enumerate(layout.lane_windows))):
        first_lane[patient] = lane
    first_day = [min([*c.fraction_days, *c.dose_days]) for c in layout.treatments]
    return Stops(
        day=table[..., 0],
        is_dose=table[..., 1],
        amount=table[..., 2],
        opens=table[..., 3],
        lane=table[..., 4].astype(int),
        immune_dose=table[..., 5],
        share=table[..., 6],
        first_day=np.asarray(first_day),
        first_lane=first_lane,
        read_at=read_at,
    )
