"""What sampling days teach: expected information of the model by schedule of samples.

The Fisher information of a planned trial at the prior's centre, with the prior, gives the standard
deviation that each population quantity would keep: 1 is the prior, 0 is known. It is local (at
typical values) and asymptotic, so that it ranks schedules; it does not replace a fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.infer import CohortDensity
from lymphokin.infer.information import ArrowMatrix
from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.model.acting import unmeasured_parameters
from lymphokin.population import CohortArrays, CohortLikelihood, Hierarchy, pack
from lymphokin.schedule import SATURDAY, treatment_days
from lymphokin.trial.inputs import Demands
from lymphokin.trial.virtual.design import VirtualDesign

SCHEDULES: Mapping[str, tuple[float, ...]] = {
    "none": (),
    "baseline, day 21": (0.0, 21.0),
    "baseline, day 42": (0.0, 42.0),
    "baseline, day 3": (0.0, 3.0),
    "baseline, day 7": (0.0, 7.0),
    "baseline, days 3, 21": (0.0, 3.0, 21.0),
    "baseline, days 3, 7": (0.0, 3.0, 7.0),
    "baseline, days 3, 7, 14": (0.0, 3.0, 7.0, 14.0),
    "baseline, days 3, 7, 24, 28": (0.0, 3.0, 7.0, 24.0, 28.0),
}
"""Days of samples, from the first fraction. A pre-dose sample on day 21 comes when the
effect of the first pulse has gone; days 3 and 24 follow the last intake of a pulse."""
CALENDAR_START = date(2025, 1, 6)
"""A Monday; the year does not matter."""
LEVEL_SAMPLE_HOURS = 3.0
"""The trial's one sample of the drug's level: 3 h after the first intake (NCT06439888)."""


def sampled_quantity(model: Model) -> str:
    """What is sampled beside lymphocytes: the first such quantity that the model follows by days.

    Raises:
        ValueError: when there is none.
    """
    shown = {name for block in model.on_clock("days") for name in block.shows}
    shown -= model.lesion_outputs
    found = next((name for name in model.observed if name in shown and name != "alc"), None)
    if found is None:
        raise ValueError(f"model {model.name} measures nothing beside lymphocytes by days")
    return found


def planned_cohort(
    design: VirtualDesign, model: Model, quantity: str, sample_days: Sequence[float]
) -> Cohort:
    """A planned trial without chance: schedules, sites and weekdays in turn, everybody seen.

    Measurements are placeholders of 1.
    """
    plan, patients, fractions, doses, seen = design.plan, [], [], [], []
    sites, schedules = list(plan["sites"]), plan["schedules"]
    arms = ["control"] * design.n_control + ["treated"] * design.n_treated
    for number, arm in enumerate(arms):
        patient, place = f"{arm}{number:03d}", number % design.n_control
        count, gray = schedules[place % len(schedules)]
        weekday = place % SATURDAY
        start = (CALENDAR_START + timedelta(days=weekday)).isoformat()
        days = treatment_days(int(count), weekday)
        last = float(days[-1])
        lesion = float(np.mean(plan["lesion_diameter_cm"])) + 2 * plan["margin_cm"]
        patients.append(
            {
                "id": patient,
                "arm": arm,
                "site": "+".join([sites[place % len(sites)]] * 2),
                "bsa": plan["bsa_mean"],
                "age": plan["age_mean"],
                "n_lesions": 2.0,
                "ptv_cm3": 2 * np.pi / 6 * lesion**3,
                "start_date": start,
            }
        )
        fractions += [
            {"id": patient, "day": float(d), "prescribed_gy": float(gray), "lesion": 0}
            for d in days
        ]
        counts = {0.0, *map(float, plan["alc_days"])}
        counts.add(last + plan["endpoint_days_after_last_fraction"])
        seen += [(patient, day, "alc") for day in sorted(counts)]
        seen += [(patient, float(day), quantity) for day in sample_days]
        if arm == "treated" and design.drug:
            own = design.calendar.doses(plan["bsa_mean"])
            doses.append(own.assign(id=patient))
            sample = design.conduct.first_atra_day + LEVEL_SAMPLE_HOURS / 24
            seen += [(patient, sample, level) for level in model.levels_of(design.drug)]
    return Cohort(
        patients=pd.DataFrame(patients).set_index("id"),
        fractions=pd.DataFrame(fractions),
        doses=pd.concat(doses, ignore_index=True)
        if doses
        else pd.DataFrame(columns=["id", "day", "drug", "amount_mg"]),
        observations=pd.DataFrame(seen, columns=["id", "day", "quantity"]).assign(value=1.0),
        synthetic=True,
    )


def sampling_information(
    design: VirtualDesign,
    model: Model,
    schedules: Mapping[str, Sequence[float]] = SCHEDULES,
    learnt: Sequence[str] = (),
) -> pd.DataFrame:
    """Expected contraction of population quantities by schedule of samples.

    What is sampled is :func:`sampled_quantity`. All else is as planned: lymphocyte counts of the
    design, one sample of the drug's level.

    Args:
        design: the design.
        model: the model.
        schedules: days of the samples, by name.
        learnt: parameters to show; if empty those of which nothing but the samples speaks.

    Returns:
        index schedule; one column per quantity of ``learnt`` that the model has: 1 - SD expected
        after the trial over SD of the prior; then ``samples`` (per patient) and ``nats``, the
        expected information about all population quantities.
    """
    every = sorted({float(day) for days in schedules.values() for day in days})
    Demands("sampling").that(bool(every), "schedules", dict(schedules), "some days").enforce()
    hierarchy, quantity = Hierarchy(model), sampled_quantity(model)
    planned = planned_cohort(design, model, quantity, every)
    density = CohortDensity(CohortLikelihood(hierarchy), pack(model, planned))
    named = learnt or _seen_through(model, quantity)
    x = density.centre
    names = list(hierarchy.population_names)
    rows = {}
    for label, days in schedules.items():
        found = density.information(x, _only(density.arrays, quantity, days))
        covariance = population_covariance(found)
        sd = np.sqrt(np.diag(covariance))
        row = {name: 1 - sd[names.index(name)] for name in named if name in names}
        nats = -0.5 * np.linalg.slogdet(covariance)[1]
        rows[label] = row | {"samples": len(days), "nats": float(nats)}
    return pd.DataFrame.from_dict(rows, orient="index")


def population_covariance(matrix: ArrowMatrix) -> NDArray[np.float64]:
    """[quantity, quantity] covariance of the population when patients are integrated out."""
    own, coupling = np.asarray(matrix.own), np.asarray(matrix.coupling)
    explained = np.einsum("psq,psr->qr", coupling, np.linalg.solve(own, coupling))
    return np.linalg.inv(np.asarray(matrix.population) - explained)


def _seen_through(model: Model, quantity: str) -> list[str]:
    """Parameters of which nothing speaks but records of a quantity, in the order of the table."""
    without = unmeasured_parameters(model, set(model.observed) - {quantity})
    found = without - unmeasured_parameters(model, set(model.observed))
    return [p.name for p in model.table if p.name in found]


def _only(arrays: CohortArrays, quantity: str, days: Sequence[float]) -> CohortArrays:
    """The cohort's arrays in which samples of a quantity on other days weigh nothing."""
    sampled = arrays.measured[quantity]
    day = np.asarray(sampled.quantified.day)[:, None]
    there = (np.abs(day - np.asarray(days, dtype=float)[None]) < 1e-6).any(axis=1)
    weight = jnp.asarray(sampled.quantified.weight) * there
    kept = sampled._replace(quantified=sampled.quantified._replace(weight=weight))
    return arrays._replace(measured={**arrays.measured, quantity: kept})
