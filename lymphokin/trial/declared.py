"""What a trial gives, holds and follows of what a model declares: a drug, covariates that change,
lesions outside the field, events, and what an endpoint compares with the time before treatment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from lymphokin.endpoints import Endpoint, require_quantity
from lymphokin.model import Model
from lymphokin.model.units import mg_in
from lymphokin.schedule import LONGEST_INFUSION_HOURS, PulseCalendar

type Problem = tuple[str, str | None, str]
"""Key of a design, what was found there, and what was expected."""


def _refuse(problems: Iterator[Problem]) -> None:
    said = [f"{key}: found {found or 'nothing'}, expected {expected}"
            for key, found, expected in problems]  # fmt: skip
    if said:
        raise ValueError("; ".join(said))


def drug_problems(model: Model, plan: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the drug that a design names."""
    known, named = list(model.drugs), plan.get("drug")
    if named not in known if named is not None else len(known) > 1:
        takes = ", ".join(known) or "none"
        yield "design.drug", named, f"a drug of model {model.name}: {takes}"


def planned_drug(model: Model, plan: Mapping[str, Any]) -> str:
    """The drug that a design names, or the only one of its model; empty where it takes none.

    Args:
        model: whose patients are treated.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the model does not take it, or takes several and none is named.
    """
    _refuse(drug_problems(model, plan))
    return str(plan.get("drug") or next(iter(model.drugs), ""))


def dose_problems(model: Model, plan: Mapping[str, Any], drug: str) -> Iterator[Problem]:
    """What is wrong with the dose that a design states of a drug."""
    per_m2, flat = plan.get("mg_per_m2_per_day"), plan.get("amount_per_day")
    unit = _unit(model, drug)
    if per_m2 is None and flat is None:
        yield "design.mg_per_m2_per_day", None, f"a dose, or design.amount_per_day in {unit}"
    elif per_m2 is not None and flat is not None:
        yield "design.amount_per_day", f"{flat:g}", "left out beside design.mg_per_m2_per_day"
    elif flat is None and mg_in(unit) is None:
        expected = f"design.amount_per_day instead: the unit of {drug} is {unit}, which is no mass"
        yield "design.mg_per_m2_per_day", f"{per_m2:g}", expected


def planned_pulses(
    model: Model, plan: Mapping[str, Any], drug: str, first_day: float
) -> PulseCalendar:
    """The planned drug of a treated patient, in the drug's unit.

    Args:
        model: whose patients are treated.
        plan: the ``[design]`` table.
        drug: that is given; empty where the model takes none.
        first_day: of the first intake.

    Raises:
        ValueError: when the dose cannot be given in the drug's unit, pulses overlap, or the design
            does not say how long an infusion lasts, or says it of a drug that is given at once.
    """
    _refuse(chain(dose_problems(model, plan, drug), infusion_problems(model, plan, drug)))
    return PulseCalendar(
        drug,
        plan.get("mg_per_m2_per_day"),
        plan["days_per_pulse"],
        plan["interval_days"],
        plan["cycles"],
        plan["doses_per_day"],
        first_day,
        plan.get("amount_per_day"),
        mg_in(_unit(model, drug)) or 1.0,
        float(plan.get("infusion_hours") or 0.0),
    )


def _unit(model: Model, drug: str) -> str:
    return model.drugs[drug].unit if drug in model.drugs else "mg"


def infusion_problems(model: Model, plan: Mapping[str, Any], drug: str) -> Iterator[Problem]:
    """What is wrong with how long each dose of a design's drug lasts."""
    hours, infused = plan.get("infusion_hours"), drug in model.infused
    found = None if hours is None else f"{hours:g}"
    if infused and (hours is None or not 0 <= hours <= LONGEST_INFUSION_HOURS):
        expected = f"the hours of an infusion of {drug}, 0 (at once) to {LONGEST_INFUSION_HOURS:g}"
        yield "design.infusion_hours", found, expected
    elif hours and not infused:
        expected = f"left out: model {model.name} knows no infusion of {drug}"
        yield "design.infusion_hours", found, expected


def covariate_problems(model: Model, plan: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the covariates that a design holds."""
    known = model.table.varying
    names = ", ".join(f"{c.name} ({c.lowest:g} to {c.highest:g})" for c in known.values())
    for name, value in (plan.get("covariates") or {}).items():
        c = known.get(name)
        if c is None or not c.lowest <= value <= c.highest:
            expected = f"covariates of model {model.name} that change within a patient: "
            yield "design.covariates", f"{name} = {value:g}", expected + (names or "it has none")


def held_covariates(model: Model, plan: Mapping[str, Any]) -> dict[str, float]:
    """Covariates that change within other patients: what the design holds them at, else what counts
    until a value is stated.

    Args:
        model: whose covariates they are.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the design names another one, or a value that cannot be.
    """
    _refuse(covariate_problems(model, plan))
    stated = plan.get("covariates") or {}
    return {name: float(stated.get(name, c.missing)) for name, c in model.table.varying.items()}


def lesion_problems(model: Model, plan: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the lesions outside the field of a design."""
    if (shares := plan.get("outside_lesions")) and not model.has_lesions:
        numbers = ", ".join(map(str, shares))
        yield "design.outside_lesions", numbers, f"none: model {model.name} follows no lesions"


def lesions_outside(model: Model, plan: Mapping[str, Any]) -> dict[int, float]:
    """Shares of patients by the number of their lesions that are not irradiated; empty where the
    design names none.

    Args:
        model: whose lesions they are.
        plan: the ``[design]`` table.

    Raises:
        ValueError: when the model follows no lesions.
    """
    _refuse(lesion_problems(model, plan))
    shares = plan.get("outside_lesions") or {}
    return {int(n): float(share) for n, share in shares.items() if share > 0}


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
    require_quantity(model, judged)
    if judged.lesions == "outside" and not any(lesions_outside(model, plan)):
        raise ValueError(
            f"endpoint {judged.name} is of lesions outside the field: expected a number of them in "
            "design.outside_lesions"
        )


def event_problems(
    model: Model, plan: Mapping[str, Any], judged: Endpoint | None = None
) -> Iterator[Problem]:
    """What is wrong with the events that a trial follows."""
    asked = (judged.quantity,) if judged is not None and judged.of_event else ()
    has = f"the hazards of model {model.name}: {', '.join(model.hazards) or 'it has none'}"
    ending = plan.get("events_that_end", ())
    for where, names in (("design.events_that_end", ending), ("endpoint", asked)):
        if unknown := sorted(set(names) - set(model.hazards)):
            yield where, ", ".join(unknown), f"one of {has}"


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
    _refuse(event_problems(model, plan, judged))
    asked = (judged.quantity,) if judged is not None and judged.of_event else ()
    return tuple(dict.fromkeys((*plan.get("events_that_end", ()), *asked)))
