"""The what-if engine: one patient, any schedules, the same draws of everything unknown for all."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np

from lymphokin.population import pack
from lymphokin.predict.individual import NO_SOLUTION, NoForecastError
from lymphokin.whatif.answer import schedule_answer
from lymphokin.whatif.caution import warnings_of
from lymphokin.whatif.condition import (
    Conditioned,
    Conditioning,
    Records,
    reliable,
    stacked,
)
from lymphokin.whatif.contract import (
    LATEST_DAY,
    MOST_COUNTS,
    Estimate,
    Patient,
    Schedule,
    ScheduleAnswer,
    WhatIfAnswer,
    WhatIfRequest,
)
from lymphokin.whatif.contract import Conditioning as ConditioningAnswer
from lymphokin.whatif.courses import (
    CourseArrays,
    Irradiation,
    course_arrays,
    doses_of,
    endpoint_day,
    irradiation,
    patient_cohort,
    until,
)
from lymphokin.whatif.draws import draw_patients
from lymphokin.whatif.examples import first_question, later_questions
from lymphokin.whatif.lanes import Fixed, LaneSolver, Solved
from lymphokin.whatif.source import PopulationDraws
from lymphokin.whatif.spread import Spread

CURVE_DAYS = np.arange(-14, LATEST_DAY + 1)
KEPT = 16
"""Results of each kind that are kept for the next question; a solved schedule takes 2 MB."""
RISKS_KEPT = 1024
SEED = 0


class Recent:
    """The latest results by key; bounded, so that a long session does not grow."""

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._found: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get[T](self, key: Any, make: Callable[[], T]) -> T:
        """The result for a key, made if it is not there."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            self._found[key] = made
            while len(self._found) > self._size:
                self._found.popitem(last=False)
        return made


class Engine:
    """Answers questions about patients; the same question always gets the same numbers."""

    def __init__(self, source: PopulationDraws, seed: int = SEED) -> None:
        self.source = source
        self.seed = seed
        self.solver = LaneSolver(source.hierarchy)
        self._fixed, self._conditioned, self._solved = Recent(), Recent(), Recent()
        self._answered, self._spread, self._risk = Recent(), Recent(), Recent(RISKS_KEPT)

    def what_if(self, request: WhatIfRequest) -> WhatIfAnswer:
        """Compare two schedules of a patient.

        Raises:
            ValueError: when a schedule does not fit the patient, or is too long.
        """
        began = time.perf_counter()
        patient, plan, draws = request.patient, request.a, request.draws
        known = self.condition(patient, plan, draws)
        spread = self.spread(known)
        a, b = (self.solve(patient, s, plan, draws).at for s in (request.a, request.b))
        zero = self.solver.has_suppression
        return WhatIfAnswer(
            days=CURVE_DAYS.tolist(),
            a=self.answer(patient, request.a, plan, draws),
            b=self.answer(patient, request.b, plan, draws),
            difference=spread.difference(a[0, -1], b[0, -1]),  # type: ignore[arg-type]
            difference_gamma_zero=spread.difference(a[2, -1], b[2, -1]) if zero else None,  # type: ignore[arg-type]
            conditioning=told(patient, plan, known),
            warnings=warnings_of(
                self.source, patient, known, {"a": request.a, "b": request.b}, plan
            ),
            provenance=self.source.provenance,
            draws=draws,
            seconds=round(time.perf_counter() - began, 3),
        )

    def answer(
        self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int
    ) -> ScheduleAnswer:
        """Everything about one schedule of a patient who is on ``plan``."""

        def make() -> ScheduleAnswer:
            spread = self.spread(self.condition(patient, plan, draws))
            solved = self.solve(patient, schedule, plan, draws)
            untreated = spread.risk(np.asarray(solved.rest))
            return schedule_answer(self.solver, patient, schedule, plan, solved, spread, untreated)

        return self._answered.get(self._key(patient, schedule, plan, draws), make)

    def fixed(self, patient: Patient) -> Fixed:
        """The patient's covariates as the model reads them."""
        bare = patient.model_copy(update={"counts": ()})

        def make() -> Fixed:
            arrays = pack(self.source.model, patient_cohort(bare)).arrays
            parts = (arrays.regressors, arrays.without, arrays.spread)
            return Fixed(*({k: float(v[0]) for k, v in part.items()} for part in parts))  # type: ignore[arg-type]

        return self._fixed.get(bare, make)

    def spread(self, known: Conditioned) -> Spread:
        """What turns counts of these draws into risks."""
        return self._spread.get(known, lambda: Spread(self.source, known))

    def course(self, patient: Patient, schedule: Schedule, plan: Schedule) -> CourseArrays:
        """Arrays of a schedule, with its endpoint visit and the end of the curves."""
        given = irradiation(patient, schedule, plan)
        days = [float(endpoint_day(schedule)), float(LATEST_DAY)]
        return course_arrays(given, self._doses(schedule, patient), days)

    def _doses(self, schedule: Schedule, patient: Patient) -> tuple[np.ndarray, np.ndarray]:
        """Doses of the drug, days and mg; none in a model that knows no drug."""
        known = schedule if self.solver.knows_drug else schedule.model_copy(update={"atra": ()})
        return doses_of(known, patient.bsa)

    def condition(self, patient: Patient, plan: Schedule, draws: int) -> Conditioned:
        """Draws of the patient given the counts so far, measured under the plan."""
        if not patient.counts:
            return self._conditioned.get(draws, lambda: self._unconditioned(draws))

        def run() -> Conditioned:
            records = Records.of(patient.counts)
            given, doses = self._so_far(patient, plan)
            begun = min([*given.day, *doses[0], records.day.max()])
            # Before anything is given the patient is at rest: one node serves all those counts.
            days = [begun, *records.day[records.day > begun]]
            course = course_arrays(given, doses, days)
            task = Conditioning(self.source, self.solver, self.fixed(patient), records, course)
            return task.run(draws, self.seed)

        return self._conditioned.get(self._known_by(patient, plan, draws), run)

    def _so_far(
        self, patient: Patient, plan: Schedule
    ) -> tuple[Irradiation, tuple[np.ndarray, np.ndarray]]:
        """What had been given before the last count."""
        last = max(c.day for c in patient.counts)
        return until(irradiation(patient, plan, plan), self._doses(plan, patient), last)

    def _known_by(self, patient: Patient, plan: Schedule, draws: int) -> Hashable:
        """What the patient's draws depend on; not on what is planned after the last count."""
        if not patient.counts:
            return (patient, draws)
        given, doses = self._so_far(patient, plan)
        parts = (given.day, given.immune_dose, given.share, *doses)
        return (patient, draws, *(part.tobytes() for part in parts))

    def _unconditioned(self, count: int) -> Conditioned:
        draws = draw_patients(self.source, count, self.seed)
        return Conditioned(draws, stacked(draws.lanes), "none")

    def solve(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Solved:
        """All versions of a schedule on the days of the curves and, last, the endpoint visit."""

        def run() -> Solved:
            known = self.condition(patient, plan, draws)
            days = np.append(CURVE_DAYS, endpoint_day(schedule)).astype(float)
            course = self.course(patient, schedule, plan)
            return self._solved_by(known, patient, course, days, self.solver.versions)

        return self._solved.get(self._key(patient, schedule, plan, draws), run)

    def _solved_by(
        self,
        known: Conditioned,
        patient: Patient,
        course: CourseArrays,
        days: np.ndarray,
        versions: int,
    ) -> Solved:
        """Counts of the patient's draws.

        Raises:
            NoForecastError: when one of them is not a number.
        """
        found = self.solver.solve(known.draws.lanes, self.fixed(patient), course, days, versions)
        if not np.isfinite(found.at).all():
            raise NoForecastError(NO_SOLUTION.format(self.source.model.name))
        return found

    def risk_of(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Estimate:
        """Risk of grade >= 2 as measured under one schedule, as planned.

        Much less work than :meth:`answer`, and the same number.
        """

        def run() -> Estimate:
            known = self.condition(patient, plan, draws)
            days = np.full(MOST_COUNTS, float(endpoint_day(schedule)))
            course = self.course(patient, schedule, plan)
            solved = self._solved_by(known, patient, course, days, 1)
            return self.spread(known).measured(np.asarray(solved.at)[0, 0])

        return self._risk.get(self._key(patient, schedule, plan, draws), run)

    def _key(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Hashable:
        """What a schedule's result depends on; on the rest of the plan only through its dose."""
        dose = plan.fractions if patient.immune_dose_gy is not None else None
        return (self._known_by(patient, plan, draws), schedule, dose)

    def warm_up(self) -> None:
        """Compile what the first question needs."""
        self.what_if(first_question())

    def warm_up_rest(self) -> Iterator[None]:
        """Compile the other shapes, in steps of a second or two."""
        for request in later_questions():
            self.condition(request.patient, request.a, request.draws)
            yield
            for schedule in (request.a, request.b):
                self.solve(request.patient, schedule, request.a, request.draws)
                yield
            self.what_if(request)


def told(patient: Patient, plan: Schedule, known: Conditioned) -> ConditioningAnswer:
    """How the counts so far were used, in words and numbers."""
    first = min((f.day for f in plan.fractions), default=0)
    good = reliable(known)
    notes = {
        "none": "no counts: a patient like this one, of whom nothing has been measured",
        "importance": "importance resampling",
        "mcmc": "the counts are unusual for the model: importance weights failed, Markov chains "
        "were used instead",
    }
    size = known.effective_draws
    return ConditioningAnswer(
        method=known.method,
        counts_used=len(patient.counts),
        baseline_counts=sum(c.day <= first for c in patient.counts),
        pareto_k=None if known.pareto_k is None else round(known.pareto_k, 2),
        effective_draws=None if size is None else round(size),
        reliable=good,
        note=notes[known.method]
        if good
        else "these counts are unlike what the model expects: do not rely on the numbers",
    )
