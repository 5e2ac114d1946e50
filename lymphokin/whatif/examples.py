"""Questions that between them need every compiled shape, for warming up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lymphokin.quantities import DRUG
from lymphokin.whatif.answers import WhatIfRequest
from lymphokin.whatif.covariates import known_to
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.limits import LATEST_FRACTION_DAY
from lymphokin.whatif.patient import Count, Patient
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule

BASELINE = Count(day=0.0, value=1.2)


def warm_up(engine: Engine) -> None:
    """Compile what the first question needs."""
    engine.answered(_stated(engine, first_question(engine.population.model.drugs)))


def warm_up_rest(engine: Engine) -> Iterator[None]:
    """Compile the other shapes, in steps of a second or two."""
    for question in later_questions(engine.population.model.drugs):
        request = _stated(engine, question)
        try:
            for schedule in (request.a, request.b):
                engine.arrays(request.patient, schedule, request.a)
        except ValueError:
            continue  # too long for a drug that stays, which nobody can ask either
        engine.condition(request.patient, request.a, request.draws)
        yield
        for schedule in (request.a, request.b):
            engine.solve(request.patient, schedule, request.a, request.draws)
            yield
        engine.answered(request)


def _stated(engine: Engine, question: WhatIfRequest) -> WhatIfRequest:
    """The question with the covariates that the model reads."""
    patient = known_to(engine.population.model, question.patient)
    return question.model_copy(update={"patient": patient})


def first_question(drugs: Iterable[str]) -> WhatIfRequest:
    """Fractions and pulses as in the trial, with a count before they begin.

    Args:
        drugs: those of the model; the first one is given.
    """
    usual, bare = _usual_schedules(next(iter(drugs), DRUG))
    return WhatIfRequest(patient=Patient(counts=(BASELINE,)), a=usual, b=bare)


def later_questions(drugs: Iterable[str]) -> list[WhatIfRequest]:
    """With a count after they have begun, then all that is seldom asked."""
    drug = next(iter(drugs), DRUG)
    usual, bare = _usual_schedules(drug)
    later = Patient(counts=(BASELINE, Count(day=14.0, value=0.8)))
    pairs = ((usual, bare), (bare, usual))
    return [*(WhatIfRequest(patient=later, a=a, b=b) for a, b in pairs), *_seldom_questions(drug)]


def _pulse(drug: str, day: float, **more: Any) -> Pulse:
    """A pulse; of one unit a day, as the shape alone counts."""
    return Pulse(drug=drug, day=day, amount_per_day=1.0, **more)


def _usual_schedules(drug: str) -> tuple[Schedule, Schedule]:
    fractions = tuple(PlannedFraction(day=d, gy=10.0) for d in range(5))
    pulses = tuple(_pulse(drug, 21.0 * k) for k in range(4))
    return Schedule(fractions=fractions, pulses=pulses), Schedule(fractions=fractions)


def _seldom_questions(drug: str) -> list[WhatIfRequest]:
    """Many fractions, many pulses, and drug courses of two weeks."""
    many = tuple(PlannedFraction(day=2 * d, gy=2.0) for d in range(38))
    often = tuple(_pulse(drug, 12.0 * k, days=1, doses_per_day=3) for k in range(8))
    bare = Schedule(fractions=many)
    late = Patient(
        counts=(BASELINE, *(Count(day=float(d), value=0.8) for d in (7, 21, LATEST_FRACTION_DAY)))
    )
    return [
        WhatIfRequest(patient=late, a=plan, b=bare)
        for plan in (
            bare,
            Schedule(fractions=many[:20], pulses=often),
            Schedule(fractions=many, pulses=(_pulse(drug, 0.0, days=14),)),
        )
    ]
