"""What a trial gives, holds and follows of what a model declares: a drug, covariates that change,
and events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lymphokin.endpoints import Endpoint
from lymphokin.model import Model


def planned_drug(model: Model, plan: Mapping[str, Any]) -> str:
    """The drug that a design names, or the only one of its model; empty where it takes none.

    Args:
        model: whose patients are treated.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the model does not take it, or takes several and none is named.
    """
    known, named = list(model.drugs), plan.get("drug")
    if named is None and len(known) < 2:
        return known[0] if known else ""
    if named not in known:
        takes = ", ".join(known) or "none"
        raise ValueError(
            f"design.drug: found {named or 'nothing'}, expected a drug of model {model.name}: "
            f"{takes}"
        )
    return str(named)


def held_covariates(model: Model, plan: Mapping[str, Any]) -> dict[str, float]:
    """Covariates that change within other patients: what the design holds them at, else what counts
    until a value is stated.

    Args:
        model: whose covariates they are.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the design names another one, or a value that cannot be.
    """
    known, stated = model.table.varying, plan.get("covariates") or {}
    for name, value in stated.items():
        c = known.get(name)
        if c is None or not c.lowest <= value <= c.highest:
            names = ", ".join(f"{c.name} ({c.lowest:g} to {c.highest:g})" for c in known.values())
            raise ValueError(
                f"design.covariates: found {name} = {value:g}, expected covariates of model "
                f"{model.name} that change within a patient: {names or 'it has none'}"
            )
    return {name: float(stated.get(name, c.missing)) for name, c in known.items()}


def followed_events(
    model: Model, plan: Mapping[str, Any], judged: Endpoint | None = None
) -> tuple[str, ...]:
    """Events that a trial follows: those that end the records of a patient, and the one judged.

    Args:
        model: whose hazards they have.
        plan: the ``[design]`` table.
        judged: the trial's endpoint.

    Raises:
        ValueError: when the model has no hazard of one.
    """
    known, ending = model.hazards, tuple(plan.get("events_that_end", ()))
    asked = (judged.quantity,) if judged is not None and judged.of_event else ()
    has = f"the hazards of model {model.name}: {', '.join(known) or 'it has none'}"
    for where, names in (("design.events_that_end", ending), ("endpoint", asked)):
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"{where}: found {', '.join(unknown)}, expected one of {has}")
    return tuple(dict.fromkeys((*ending, *asked)))
