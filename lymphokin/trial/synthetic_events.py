"""Events in time in a synthetic trial: when they happen, and what visits then record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.model import Model
from lymphokin.model.block import cumulative
from lymphokin.population import PackedCohort
from lymphokin.solve import Solution


def event_visits(model: Model, design: Mapping[str, Any], patient: str) -> list[dict[str, Any]]:
    """Visits of one patient at which an event is looked for, none of which has seen it yet.

    Args:
        model: the model.
        design: whose ``event_days`` has the days of each event, by name.
        patient: the patient.

    Raises:
        ValueError: when the design names an event that the model has no hazard of.
    """
    days: Mapping[str, Sequence[float]] = design.get("event_days", {})
    named = {*days, *design.get("events_that_end", ())}
    if unknown := sorted(named - set(model.hazards)):
        raise ValueError(
            f"[design] names the event(s) {', '.join(unknown)}, of which model {model.name} has no "
            f"hazard: expected {', '.join(model.hazards) or 'none'}"
        )
    return [
        {
            "id": patient,
            "day": float(day),
            "quantity": event,
            "tube": None,
            "lesion": 0,
            "value": 0.0,
        }
        for event, own in days.items()
        for day in own
    ]


def with_events(
    observations: pd.DataFrame,
    model: Model,
    packed: PackedCohort,
    solution: Solution,
    design: Mapping[str, Any],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let events happen to the patients of a trial.

    The first visit after an event has seen it; of an event whose time is known the record lies at
    that time. An event of the design's ``events_that_end`` ends all other records.

    Args:
        observations: what is recorded without events; a record of an event says 0, or is blank.
        model: the model.
        packed: the patients; every record's day is a node.
        solution: of their true parameters.
        design: of the trial.
        rng: of the random numbers.

    Returns:
        the records, and per patient (index id) the true day of each event, infinite where it is
        after the last day that was solved.
    """
    patients, node_day = packed.cohort.patients.index, packed.arrays.timeline.days.node_day
    node_day = np.asarray(node_day)
    true = pd.DataFrame(index=patients)
    for event in model.hazards:
        hazard = np.asarray(solution.states[cumulative(event)])
        passed = rng.exponential(size=len(patients))
        true[event] = [
            np.interp(passed[i], hazard[:, i], node_day[:, i], right=np.inf)
            for i in range(len(patients))
        ]
    day = observations["day"].to_numpy(float)
    owner, kept = observations["id"], np.full(len(observations), True)
    value = observations["value"].to_numpy(float, copy=True)
    moved = day.copy()
    for event, hazard in model.hazards.items():
        when = owner.map(true[event]).to_numpy(float)
        own = (observations["quantity"] == event).to_numpy() & ~np.isnan(value)
        after = own & (day >= when)
        first = after & ~observations["id"].where(after).duplicated().to_numpy()
        value[first] = 1.0
        if hazard.exact:
            moved[first] = when[first]
        kept &= ~after | first
        if event in design.get("events_that_end", ()):
            kept &= (day < when) | first
    table = observations.assign(value=value, day=moved)[kept]
    return table.reset_index(drop=True), true.rename(columns="{}_day".format)
