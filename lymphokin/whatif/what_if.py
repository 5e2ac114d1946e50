"""The questions about one patient as functions: another schedule, and the risk under one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from os import PathLike

from threadpoolctl import threadpool_limits

from lymphokin.endpoints import DEFAULT, Endpoint, read_endpoint
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.provenance import Provenance
from lymphokin.whatif.answers import (
    ConditioningAnswer,
    Notice,
    ScheduleAnswer,
    WhatIfAnswer,
    WhatIfRequest,
)
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.events import ends_records
from lymphokin.whatif.files import checked
from lymphokin.whatif.in_words import (
    assumptions_in_words,
    difference_in_words,
    headline,
    html_table,
    notice_in_words,
    risk_rows,
)
from lymphokin.whatif.judging import JudgedBy, in_words, window_of
from lymphokin.whatif.limits import LATEST_DAY, SETTLED_DRAWS
from lymphokin.whatif.outside import refuse_too_far
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.population import (
    DEFAULT_MODEL,
    AnyPopulation,
    literature_populations,
    population_draws,
)
from lymphokin.whatif.questions.between_models import BetweenModelsAnswer, Panel
from lymphokin.whatif.questions.narrowing import Narrowing, NarrowingRequest, narrowing
from lymphokin.whatif.schedule import Schedule, schedule_of
from lymphokin.whatif.usable import require_usable

MOST_NEXT_COUNTS = 6


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The comparison of two schedules for one patient.

    Attributes:
        question: patient, schedules and number of draws.
        answer: risks, curves, what drives them, warnings and provenance.
        between_models: the same question to every calibrated model, if it was asked.
    """

    question: WhatIfRequest
    answer: WhatIfAnswer
    between_models: BetweenModelsAnswer | None = None

    @property
    def headline(self) -> str:
        """Under which schedule how many fewer of 100 patients have grade >= 2, or what else was
        judged.
        """
        return headline(self.answer.difference, self.answer.endpoint)

    def __str__(self) -> str:
        a, b = (risk_rows(s, self.answer.endpoint) for s in (self.answer.a, self.answer.b))
        rows = (f"{label}: A {a[label]}, B {b[label]}" for label in a)
        difference = difference_in_words(self.answer.difference, self.answer.endpoint)
        rests = assumptions_in_words({"A": self.answer.a, "B": self.answer.b})
        return "\n".join([self.headline, *rows, difference, *rests, *_foot(self.answer)])

    def _repr_html_(self) -> str:
        answer = self.answer
        table = html_table(("A", "B"), (answer.a, answer.b), answer.endpoint)
        difference = difference_in_words(answer.difference, answer.endpoint)
        rests = assumptions_in_words({"A": answer.a, "B": answer.b})
        return _html([self.headline, table, difference, *rests, *_foot(self.answer)], table)


@dataclass(frozen=True, eq=False)
class PatientRisk:
    """The risk of one patient under one schedule.

    Attributes:
        patient: the patient.
        schedule: the schedule.
        endpoint: what is judged.
        answer: risks, curves and what drives them.
        conditioning: how the counts so far were used.
        next_counts: what a further count would teach, by its day.
        warnings: what to know before the numbers are believed.
        provenance: where the numbers come from.
        between_models: the same question to every calibrated model, if it was asked.
    """

    patient: Patient
    schedule: Schedule
    endpoint: JudgedBy
    answer: ScheduleAnswer
    conditioning: ConditioningAnswer
    next_counts: tuple[Narrowing, ...]
    warnings: list[Notice]
    provenance: Provenance
    between_models: BetweenModelsAnswer | None = None

    def __str__(self) -> str:
        rows = (
            f"{label}: {value}" for label, value in risk_rows(self.answer, self.endpoint).items()
        )
        return "\n".join([*rows, *assumptions_in_words({"": self.answer}), *_foot(self)])

    def _repr_html_(self) -> str:
        table = html_table(("risk",), (self.answer,), self.endpoint)
        return _html([table, *assumptions_in_words({"": self.answer}), *_foot(self)], table)


def _foot(result: WhatIfAnswer | PatientRisk) -> list[str]:
    """The sentences below every result."""
    warnings = [notice_in_words(w, place=True) for w in result.warnings]
    used = result.conditioning
    return [
        f"{used.counts_used} count(s) used: {used.note}.",
        *warnings,
        result.provenance.research_use,
    ]


def _html(parts: Sequence[str], table: str) -> str:
    return "".join(part if part is table else f"<p>{escape(part)}</p>" for part in parts)


def what_if(
    population: AnyPopulation,
    patient: Patient,
    a: Schedule | str,
    b: Schedule | str,
    *,
    endpoint: str | PathLike[str] | Endpoint = DEFAULT,
    draws: int = SETTLED_DRAWS,
    all_models: bool = False,
    model: str = DEFAULT_MODEL,
) -> WhatIf:
    """Compare two schedules for one patient, on the same draws of everything unknown.

    Args:
        population: a fit, draws of a population, or None for the published cohorts.
        patient: what is known of the patient; counts so far were measured under ``a``.
        a: the plan that the patient is on: a schedule, or words such as ``"5x10"`` (5 fractions of
            10 Gy on weekdays), ``"3x18/2"`` (every other day) or ``"5x10 + 4x3"`` (with 4 pulses
            of the drug of 3 days).
        b: what it is compared with.
        endpoint: what is judged, as of :func:`lymphokin.endpoints.read_endpoint`; the default is
            grade >= 2 six weeks after the last fraction.
        draws: 3600 as the page, or 400 as its preview.
        all_models: whether to ask every model that is calibrated to published cohorts, too.
        model: read where there is no population.

    Raises:
        BadInput: when ``draws`` is another number, words mean a schedule outside the limits, or
            there is no such endpoint.
        ValueError: when words mean nothing, or a schedule does not fit the patient or gives a drug
            that the model does not take.
        NoForecastError: when the model has no number for the patient.
        OutsideError: a ValueError, when the patient or a schedule lies too far outside what was
            seen, with every reason.

    Example:
        >>> import lymphokin as lk
        >>> patient = lk.Patient(site="lung_peripheral", counts=[(-7, 1.2)])
        >>> result = lk.what_if(None, patient, a="5x10", b="5x10 + 4x3")
        >>> result.headline
        'B instead of A: ... fewer of 100 patients with grade >= 2'
    """
    question = checked(
        WhatIfRequest,
        {
            "patient": patient,
            "a": schedule_of(a),
            "b": schedule_of(b),
            "endpoint": read_endpoint(endpoint),
            "draws": draws,
        },
        "the question",
    )
    with threadpool_limits(1, user_api="blas"):
        engine = engine_of(population, model)
        answer = engine.what_if(question)
        others = _ask_models(engine, question) if all_models else None
    return WhatIf(question, answer, others)


def predict_patient(
    population: AnyPopulation,
    patient: Patient,
    schedule: Schedule | str,
    *,
    next_counts: Sequence[int] | None = None,
    endpoint: str | PathLike[str] | Endpoint = DEFAULT,
    draws: int = SETTLED_DRAWS,
    all_models: bool = False,
    model: str = DEFAULT_MODEL,
) -> PatientRisk:
    """The risk of one patient under one schedule, and what further counts would teach.

    Args:
        population: as of :func:`what_if`.
        patient: what is known of the patient.
        schedule: the plan that the patient is on, as of :func:`what_if`.
        next_counts: days of further counts; None: weekly after the last one, none where the
            endpoint is an event after which nothing is measured.
        endpoint: what is judged, as of :func:`what_if`.
        draws: 3600 as the page, or 400 as its preview.
        all_models: whether to ask every model that is calibrated to published cohorts, too.
        model: read where there is no population.

    Raises:
        BadInput, ValueError, NoForecastError: as of :func:`what_if`.

    Example:
        >>> import lymphokin as lk
        >>> patient = lk.Patient(site="lung_peripheral", counts=[(-7, 1.2)])
        >>> risk = lk.predict_patient(None, patient, "5x10")
        >>> 0 <= risk.answer.fitted.planned.grade2.measured.p <= 1
        True
    """
    plan = schedule_of(schedule)
    asked = read_endpoint(endpoint)
    both = {"patient": patient, "a": plan, "b": plan, "endpoint": asked, "draws": draws}
    question = checked(WhatIfRequest, both, "the question")
    with threadpool_limits(1, user_api="blas"):  # small matrices: threads cost more than they gain
        engine = engine_of(population, model)
        require_usable(engine, patient, {"schedule": plan}, plan, asked)
        refuse_too_far(engine, patient, {"schedule": plan}, plan, asked)
        conditioned = engine.condition(patient, plan, question.draws)
        days = list(next_counts or ())
        if next_counts is None and not ends_records(asked, engine.population.model):
            days = _coming(patient, plan, asked)
        taught: tuple[Narrowing, ...] = ()
        if days:
            further = {"patient": patient, "schedule": plan, "days": days, "endpoint": asked}
            request = checked(NarrowingRequest, further, "the further counts")
            taught = tuple(narrowing(engine, request).rows)
        return PatientRisk(
            patient,
            plan,
            in_words(asked, engine.population.model),
            engine.answer(patient, plan, plan, question.draws, asked),
            conditioned.answer(patient, plan),
            taught,
            engine.warnings(patient, {"schedule": plan}, plan, question.draws, asked),
            engine.population.provenance,
            _ask_models(engine, question) if all_models else None,
        )


def engine_of(population: AnyPopulation, model: str = DEFAULT_MODEL) -> Engine:
    """The engine of a population; asked again for the same one, it has its programs already."""
    draws = _published(model) if population is None else population_draws(population)
    return _engine(draws)


@lru_cache(maxsize=8)
def _published(model: str) -> PopulationDraws:
    return population_draws(None, model)


@lru_cache(maxsize=4)
def _engine(draws: PopulationDraws) -> Engine:
    return Engine(draws)


def _ask_models(engine: Engine, question: WhatIfRequest) -> BetweenModelsAnswer:
    return Panel(engine, literature_populations).ask(question)


def _coming(patient: Patient, plan: Schedule, endpoint: Endpoint) -> list[int]:
    """Days of coming visits: weekly after the last count, before the last day that is judged."""
    last = max((c.day for c in patient.counts), default=0.0)
    end = min(math.ceil(window_of(endpoint, plan)[1]), LATEST_DAY)
    return [day for day in range(7, end, 7) if day > last][:MOST_NEXT_COUNTS]
