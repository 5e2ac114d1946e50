"""How likely it is that an event has happened, or not, at each visit at which that was recorded.

A record speaks of the time since the patient's record before: 0 says that the event has not
happened in it, 1 that it has, at a moment that is known only where the event is exact. The terms of
a patient add up to the likelihood of all records: S(last) without an event, S(a) - S(b) with one
between the visits a and b, h(t) S(t) with one at t.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.model.block import cumulative
from lymphokin.population.arrays import RECORDS_UNIT, CohortArrays, EventRecords
from lymphokin.population.residual import LOWEST
from lymphokin.solve import Layout, Solution, Timeline

ROUNDING = 1e-9
"""Hazard passed that is nothing but rounding."""
LEAST_HAZARD = 1e-30
"""Hazard passed is kept above this before a logarithm is taken."""


class EventTerms(NamedTuple):
    """What a model says of the records of one event."""

    log_passed: Any
    """[record] ln of the cumulative hazard that has passed since the record before"""
    log_likelihood: Any
    """[record] 0 of padding"""


def event_rows(model: Model, cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Per event of the model, the rows of a cohort's observations that say whether it happened."""
    seen = cohort.observations[cohort.observations["value"].notna()]
    return {name: seen[seen["quantity"] == name] for name in model.hazards}


def at_risk_days(model: Model, cohort: Cohort) -> dict[str, float]:
    """Per patient, the day from which the events of a model can happen: that of the first fraction
    or dose, or of the first record where there is none.

    Empty where that is the day on which a solution begins: of a model without events, or that
    begins with the first record.
    """
    if not model.hazards or model.begins:
        return {}
    known = pd.concat([cohort.observations[["id", "day"]], cohort.varying[["id", "day"]]])
    given = pd.concat([cohort.fractions[["id", "day"]], cohort.doses[["id", "day"]]])
    first = (rows.groupby("id")["day"].min() for rows in (known, given))
    return {str(patient): float(day) for days in first for patient, day in days.items()}


def event_records(
    rows: Mapping[str, pd.DataFrame], cohort: Cohort, timeline: Timeline, layout: Layout
) -> dict[str, EventRecords]:
    """The same as arrays.

    Args:
        rows: from :func:`event_rows`; those of a patient are in the order of their days.
        cohort: whose they are.
        timeline: whose nodes hold their days.
        layout: where those are.
    """
    found = {}
    for name, own in rows.items():
        patient = cohort.patients.index.get_indexer(own["id"].to_numpy())
        place = np.zeros(len(own), int)
        for each in np.unique(patient):
            days = own["day"].to_numpy(float)[patient == each]
            place[patient == each] = layout.nodes(timeline, int(each), days)
        follows = np.concatenate([[False], patient[1:] == patient[:-1]])[: len(own)]
        before = np.where(follows, np.concatenate([[0], place[:-1]])[: len(own)], 0)
        happened = own["value"].to_numpy(float)
        padding = (0, -len(own) % RECORDS_UNIT)
        known = (np.pad(v, padding, mode="edge") for v in (patient, place, before, happened))
        found[name] = EventRecords(*known, weight=np.pad(np.ones(len(own)), padding))
    return found


def event_terms(model: Model, solution: Solution, arrays: CohortArrays) -> dict[str, EventTerms]:
    """Per event, what a solution of the model says of its records."""
    return {
        name: _terms(
            records,
            solution.states[cumulative(name)],
            solution.hazard_rates[name] if model.hazards[name].exact else None,
        )
        for name, records in arrays.events.items()
    }


def _terms(records: EventRecords, hazard: jax.Array, rate: jax.Array | None) -> EventTerms:
    passed = hazard[records.place, records.patient] - hazard[records.before, records.patient]
    kept = jnp.maximum(passed, LEAST_HAZARD)
    if rate is None:
        happened = log_happened(kept)
    else:
        own = jnp.broadcast_to(rate, hazard.shape)[records.place, records.patient]
        happened = jnp.log(jnp.maximum(own, LEAST_HAZARD)) - kept
    log_likelihood = jnp.where(records.happened > 0, happened, -kept)
    # A negative hazard makes no probability.
    log_likelihood = jnp.where(passed < -ROUNDING, -jnp.inf, log_likelihood)
    log_passed = jnp.log(jnp.maximum(passed, LOWEST))
    return EventTerms(log_passed, jnp.where(records.weight > 0, log_likelihood, 0.0))


def log_happened(passed: Any) -> Any:
    """ln of the probability that an event happens while a cumulative hazard passes.

    ln(1 - exp(-x)) loses no digits for a small or a large x (Maechler 2012, Accurately computing
    log(1 - exp(-|a|)), vignette of the R package Rmpfr).
    """
    small = passed < jnp.log(2.0)
    below, above = jnp.where(small, passed, 0.5), jnp.where(small, 1.0, passed)
    return jnp.where(small, jnp.log(-jnp.expm1(-below)), jnp.log1p(-jnp.exp(-above)))


def simulate_events(
    model: Model, solution: Solution, arrays: CohortArrays, key: jax.Array
) -> dict[str, EventRecords]:
    """Records of events that happen at random, at the visits of a cohort.

    The first visit after an event has seen it; later ones weigh nothing. Where the moment is known
    the record is moved to the node that is nearest to it; patients are followed as long as the
    cohort's records of the event have it.
    """
    found = {}
    for i, (name, records) in enumerate(arrays.events.items()):
        hazard = solution.states[cumulative(name)]
        passed = jax.random.exponential(jax.random.fold_in(key, i), hazard.shape[-1:])
        own = passed[records.patient]
        spared = hazard[records.before, records.patient] < own
        happened = spared & (hazard[records.place, records.patient] >= own)
        # The start is a visit that all came to.
        weight = jnp.asarray(records.weight) * spared
        seen = records._replace(happened=happened.astype(weight.dtype), weight=weight)
        if model.hazards[name].exact:
            nearest = _nearest_node(hazard[:, records.patient], own)
            seen = seen._replace(place=jnp.where(happened, nearest, records.place))
        found[name] = seen
    return found


def _nearest_node(hazard: jax.Array, reached: jax.Array) -> jax.Array:
    """[record] the node whose cumulative hazard [node, record] is nearest to a value [record]."""
    return jnp.abs(hazard - reached).argmin(axis=0)
