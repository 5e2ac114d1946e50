"""How many patients of a cohort an event spares over time, as the population has it and as seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.infer.density import CohortDensity, density_of
from lymphokin.infer.predictive import new_patients
from lymphokin.model import ModelError
from lymphokin.predict.event_forecast import known_of
from lymphokin.predict.turnbull import Steps, turnbull
from lymphokin.solve import StepRule

POINTS = 101
"""Days on which a curve is given."""


@dataclass(frozen=True)
class Survival:
    """Share of patients in whom an event has not happened yet, by arm.

    Attributes:
        event: its word in the event table.
        label: what an axis calls it.
        curves: arm, day, q05, q50, q95: what the population makes of new patients with the same
            treatment and covariates, median and 90 % equal-tailed interval.
        observed: by arm, the estimate of Turnbull (of Kaplan and Meier, where times are exact) from
            the records alone.
        synthetic: whether the patients are made up.
    """

    event: str
    label: str
    curves: pd.DataFrame
    observed: Mapping[str, Steps]
    synthetic: bool


def fitted_survival(
    density: CohortDensity,
    steps: StepRule,
    z: np.ndarray,
    event: str,
    until: float | None,
    seed: int,
) -> Survival:
    """Survival curves of a fitted cohort; see :meth:`lymphokin.run.Fit.survival`.

    Args:
        density: the cohort.
        steps: of the fit's solver.
        z: [draw, quantity] draws of the population.
        event: one of the model's; empty where there is only one.
        until: last day of the curves; None: the last record of the event.
        seed: of the random numbers.

    Raises:
        ModelError: when the model has no hazard of that event.
        ValueError: when nobody has a record of it and ``until`` is not given.
    """
    model, cohort = density.likelihood.model, density.packed.cohort
    known = model.hazards
    name = event or next(iter(known), "")
    if name not in known or (not event and len(known) > 1):
        raise ModelError(
            f"model {model.name} has no hazard of {event!r}: expected one of "
            f"{', '.join(known) or 'none'}"
        )
    rows = density.packed.events[name]
    if until is None and rows.empty:
        raise ValueError(f"no patient has a record of {name}: say until which day")
    last = float(rows["day"].max()) if until is None else until
    days = {str(patient): [last] for patient in cohort.patients.index}
    return survival(density_of(model, cohort, steps, days), z, name, last, seed)


def survival(
    density: CohortDensity, z: np.ndarray, event: str, until: float, seed: int
) -> Survival:
    """Compute the survival curves of a cohort.

    Args:
        density: the cohort; its nodes hold ``until`` of every patient.
        z: [draw, quantity] draws of the population.
        event: one of the model's.
        until: last day of the curves.
        seed: of the random numbers.
    """
    cohort = density.packed.cohort
    arms = cohort.patients["arm"].fillna("").astype(str)
    start = float(np.asarray(density.arrays.timeline.days.node_day)[0].min())
    days = np.linspace(min(start, until), until, POINTS)
    kept = survival_on(density, new_patients(density, z, seed), event, days)
    curves, observed = [], {}
    for arm in dict.fromkeys(arms):
        own = (arms == arm).to_numpy()
        quantiles = np.quantile(kept[:, own].mean(axis=1), (0.05, 0.5, 0.95), axis=0)
        columns = dict(zip(("q05", "q50", "q95"), quantiles, strict=True))
        curves.append(pd.DataFrame({"arm": arm, "day": days, **columns}))
        looked, seen = intervals_of(density, event, arms.index[own])
        if len(looked):
            observed[arm] = turnbull(looked, seen)
    label = density.likelihood.model.events[event].label
    return Survival(event, label, pd.concat(curves, ignore_index=True), observed, cohort.synthetic)


def survival_on(density: CohortDensity, x: np.ndarray, event: str, days: np.ndarray) -> np.ndarray:
    """[draw, patient, day] probability that an event has not happened, given draws of the latents.

    Hazards are interpolated between the nodes, every event of the treatment being one.

    Args:
        density: the cohort.
        x: [draw, latent].
        event: one of the model's.
        days: [day] on which it is asked for; before a patient is at risk it is 1.
    """
    node_day = np.asarray(density.arrays.timeline.days.node_day)
    parts = []
    for part in density.evaluate(x, density.arrays):
        hazard = part.hazards[event]
        kept = np.empty((len(hazard), node_day.shape[1], len(days)))
        for patient in range(node_day.shape[1]):
            nodes, first = np.unique(node_day[:, patient], return_index=True)
            own = hazard[:, first, patient]
            kept[:, patient] = [np.exp(-np.interp(days, nodes, h)) for h in own]
        parts.append(kept)
    return np.concatenate(parts)


def intervals_of(
    density: CohortDensity, event: str, patients: pd.Index
) -> tuple[np.ndarray, np.ndarray]:
    """Days between which an event happened, for :func:`lymphokin.predict.turnbull.turnbull`.

    Args:
        density: the cohort.
        event: one of the model's.
        patients: whose; those without a record of the event are left out.
    """
    rows = density.packed.events[event]
    exact = density.likelihood.model.hazards[event].exact
    start = dict(
        zip(
            density.packed.cohort.patients.index,
            density.arrays.timeline.days.at_risk_day,
            strict=True,
        )
    )
    pairs = []
    for patient, own in rows[rows["id"].isin(patients)].groupby("id", sort=False):
        known = known_of(own)
        last = known.seen if exact and np.isfinite(known.seen) else known.last
        pairs.append((max(last, start[patient]), known.seen))
    after, until = np.array(pairs).reshape(-1, 2).T
    return after, until
