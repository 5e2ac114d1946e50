"""What a trial gives, holds and follows of what a model declares: a drug, covariates that change,
lesions outside the field, events, and what an endpoint compares with the time before treatment.
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


def lesions_outside(model: Model, plan: Mapping[str, Any]) -> dict[int, float]:
    """Shares of patients by the number of their lesions that are not irradiated; empty where the
    design names none.

    Args:
        model: whose lesions they are.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the model follows no lesions.
    """
    shares = plan.get("outside_lesions") or {}
    if shares and not model.has_lesions:
        raise ValueError(f"design.outside_lesions: model {model.name} follows no lesions")
    return {int(n): float(share) for n, share in shares.items() if share > 0}


def compared(model: Model) -> list[str]:
    """Quantities that a virtual trial can compare with the time before treatment: those of the days
    clock that the model has a residual of.
    """
    outputs = {name for block in model.on_clock("days") for name in block.shows}
    return [quantity for quantity in model.table.residuals if quantity in outputs]


def check_fold(model: Model, plan: Mapping[str, Any], judged: Endpoint) -> None:
    """Refuse an endpoint, a fold, that a model or a design does not have.

    Args:
        model: which has the quantity.
        plan: the ``[design]`` table.
        judged: the endpoint.

    Raises:
        ValueError: saying what is missing.
    """
    if not judged.of_fold:
        return
    where, name = f"endpoint {judged.name}", judged.quantity
    known = compared(model)
    if name not in known:
        has = f"what model {model.name} shows and has a residual of: {', '.join(known)}"
        raise ValueError(f"{where}: found quantity {name}, expected {has}")
    if (name in model.lesion_outputs) != (judged.lesions is not None):
        lesions = "irradiated or outside" if judged.lesions is None else "left out"
        whose = "every lesion" if judged.lesions is None else "the patient"
        raise ValueError(f"{where}: expected lesions {lesions}, as {name} is of {whose}")
    if judged.lesions == "outside" and not any(lesions_outside(model, plan)):
        raise ValueError(
            f"{where} is of lesions outside the field: expected a number of them in "
            "design.outside_lesions"
        )


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
