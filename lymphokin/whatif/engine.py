"""The what-if engine: one patient, any schedules, the same draws of everything unknown for all."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator

import numpy as np

from lymphokin.model import ModelError
from lymphokin.population.covariates import check_covariates, covariate_arrays
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.no_forecast import NO_SOLUTION, NoForecastError
from lymphokin.solve import StepRule, Treatment, following
from lymphokin.solve.one_treatment import TreatmentArrays
from lymphokin.whatif.answer import schedule_answer
from lymphokin.whatif.answers import (
    Difference,
    Estimate,
    Notice,
    ScheduleAnswer,
    WhatIfAnswer,
    WhatIfRequest,
)
from lymphokin.whatif.caution import warnings_of
from lymphokin.whatif.condition import condition
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.draws import draw_patients, stacked
from lymphokin.whatif.examples import first_question, later_questions
from lymphokin.whatif.intervals import Intervals
from lymphokin.whatif.lanes import Fixed, LaneSolver, Solved
from lymphokin.whatif.likelihood import PatientLikelihood
from lymphokin.whatif.limits import LATEST_DAY, MOST_COUNTS
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.recent import Recent
from lymphokin.whatif.records import Records
from lymphokin.whatif.schedule import Schedule
from lymphokin.whatif.shapes import STEPS, arrays_of
from lymphokin.whatif.treatment import PATIENT, columns_of, treatment_of

CURVE_DAYS = np.arange(-14, LATEST_DAY + 1)
KEPT = 16
"""Results of each kind that are kept for the next question; a solved schedule takes 2 MB."""
RISKS_KEPT = 1024
SEED = 0
DRUG_UNSEEN = (
    "This difference assumes that ATRA protects lymphocytes, which nobody has seen in people; "
    "if it does not, {}"
)


class Engine:
    """Answers questions about patients; the same question always gets the same numbers.

    In every method ``plan`` is the schedule that the patient is on: the counts so far were measured
    under it.
    """

    def __init__(self, population: PopulationDraws, seed: int = SEED) -> None:
        population.model.require_counts("a what-if")
        if len(population.model.exposures) > 1:
            raise ModelError(
                f"a what-if follows one drug of the hours clock, and model {population.model.name} "
                "has several with windows of their own"
            )
        self.population = population
        self.seed = seed
        self.solver: LaneSolver = LaneSolver(population.hierarchy)
        self.steps: StepRule = following(STEPS, population.model)
        self._fixed, self._conditioned, self._solved = Recent(KEPT), Recent(KEPT), Recent(KEPT)
        self._answered, self._intervals = Recent(KEPT), Recent(KEPT)
        self._treatments, self._risks = Recent(RISKS_KEPT), Recent(RISKS_KEPT)

    def what_if(self, request: WhatIfRequest) -> WhatIfAnswer:
        """Compare two schedules of a patient.

        Raises:
            ValueError: when a schedule does not fit the patient, or is too long.
            NoForecastError: when the model has no number for the patient.
        """
        began = time.perf_counter()
        patient, plan, draws = request.patient, request.a, request.draws
        conditioned = self.condition(patient, plan, draws)
        difference, without = self.differences(request)
        return WhatIfAnswer(
            days=CURVE_DAYS.tolist(),
            a=self.answer(patient, request.a, plan, draws),
            b=self.answer(patient, request.b, plan, draws),
            difference=difference,
            difference_gamma_zero=without,
            conditioning=conditioned.answer(patient, plan),
            warnings=self.warnings(patient, {"a": request.a, "b": request.b}, plan, draws),
            provenance=self.population.provenance,
            draws=draws,
            seconds=round(time.perf_counter() - began, 3),
        )

    def differences(self, request: WhatIfRequest) -> tuple[Difference, Difference | None]:
        """A minus B, and the same without the disputed link if the model has one."""
        patient, plan, draws = request.patient, request.a, request.draws
        intervals = self.intervals(self.condition(patient, plan, draws))
        a, b = (np.asarray(self.solve(patient, s, plan, draws).at) for s in (request.a, request.b))
        if not self.solver.has_suppression:
            return intervals.difference(a[0, -1], b[0, -1]), None
        without = intervals.difference(a[2, -1], b[2, -1])
        known = self.population.provenance.gamma_known_from_people
        unseen = not known and request.a.atra != request.b.atra
        left = "there is no difference"
        if without.verdict != "same":
            left = f"A minus B is {without.of_100:+d} of 100"
        assumption = DRUG_UNSEEN.format(left) if unseen else None
        return intervals.difference(a[0, -1], b[0, -1], assumption), without

    def answer(
        self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int
    ) -> ScheduleAnswer:
        """Everything about one schedule."""

        def make() -> ScheduleAnswer:
            intervals = self.intervals(self.condition(patient, plan, draws))
            solved = self.solve(patient, schedule, plan, draws)
            treatment = self.treatment(patient, schedule, plan)
            return schedule_answer(self.solver, schedule, treatment, solved, intervals)

        return self._answered.get(self._key(patient, schedule, plan, draws), make)

    def warnings(
        self, patient: Patient, schedules: dict[str, Schedule], plan: Schedule, draws: int
    ) -> list[Notice]:
        """What to know before the numbers of some schedules, by their names, are believed."""
        conditioned = self.condition(patient, plan, draws)
        both = {
            name: (schedule, self.treatment(patient, schedule, plan))
            for name, schedule in schedules.items()
        }
        return warnings_of(self.population, patient, conditioned, both, plan)

    def treatment(self, patient: Patient, schedule: Schedule, plan: Schedule) -> Treatment:
        """What the patient is given under a schedule."""
        bare = patient.model_copy(update={"counts": ()})
        key = (bare, schedule, self._dose_of(patient, plan))
        return self._treatments.get(key, lambda: treatment_of(patient, schedule, plan))

    def _solvable(self, patient: Patient, schedule: Schedule, plan: Schedule) -> Treatment:
        """The treatment as the model reads it: without the drug if it knows none."""
        treatment = self.treatment(patient, schedule, plan)
        if self.solver.knows_drug:
            return treatment
        return treatment.of_doses(np.zeros(len(treatment.dose_days), bool))

    def fixed(self, patient: Patient) -> Fixed:
        """The patient's covariates as the model reads them."""
        bare = patient.model_copy(update={"counts": ()})

        def make() -> Fixed:
            model, columns = self.population.model, columns_of(bare)
            check_covariates(model, columns, [PATIENT])
            parts = covariate_arrays(model, columns)[:3]
            return Fixed(*({k: float(v[0]) for k, v in part.items()} for part in parts))  # type: ignore[arg-type]

        return self._fixed.get(bare, make)

    def intervals(self, conditioned: Conditioned) -> Intervals:
        """What turns counts of these draws into risks."""
        return self._intervals.get(conditioned, lambda: Intervals(self.population, conditioned))

    def arrays(self, patient: Patient, schedule: Schedule, plan: Schedule) -> TreatmentArrays:
        """Arrays of a schedule, with its endpoint visit and the end of the curves."""
        days = [float(schedule.endpoint_day), float(LATEST_DAY)]
        return arrays_of(self._solvable(patient, schedule, plan), days, self.steps)

    def condition(self, patient: Patient, plan: Schedule, draws: int) -> Conditioned:
        """Draws of the patient given the counts so far."""
        if not patient.counts:
            return self._conditioned.get(draws, lambda: self._unconditioned(draws))

        def make() -> Conditioned:
            return condition(self.likelihood(patient, plan), draws, self.seed)

        return self._conditioned.get(self._conditioned_by(patient, plan, draws), make)

    def _unconditioned(self, count: int) -> Conditioned:
        draws = draw_patients(self.population, count, self.seed)
        return Conditioned(draws, stacked(draws.lanes), "none")

    def likelihood(self, patient: Patient, plan: Schedule) -> PatientLikelihood:
        """How likely the patient's counts so far are; there must be one."""
        records = Records.of(patient.counts)
        so_far = self._so_far(patient, plan)
        begun = min([*so_far.fraction_days, *so_far.dose_days, records.day.max()])
        # Before anything is given the patient is at rest: one node serves all those counts.
        arrays = arrays_of(so_far, [begun, *records.day[records.day > begun]], self.steps)
        return PatientLikelihood(self.population, self.solver, self.fixed(patient), records, arrays)

    def _so_far(self, patient: Patient, plan: Schedule) -> Treatment:
        """What had been given before the last count."""
        return self._solvable(patient, plan, plan).before(max(c.day for c in patient.counts))

    def _conditioned_by(self, patient: Patient, plan: Schedule, draws: int) -> Hashable:
        """What the patient's draws depend on; not on what is planned after the last count."""
        if not patient.counts:
            return (patient, draws)
        so_far = self._so_far(patient, plan)
        parts = (so_far.fraction_days, so_far.immune_dose, so_far.share, so_far.dose_days,
                 so_far.amount)  # fmt: skip
        return (patient, draws, *(part.tobytes() for part in parts))

    def solve(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Solved:
        """All versions of a schedule on the days of the curves and, last, the endpoint visit."""

        def make() -> Solved:
            days = np.append(CURVE_DAYS, schedule.endpoint_day).astype(float)
            return self._solved_on(
                patient, schedule, plan, draws, days, versions=self.solver.versions
            )

        return self._solved.get(self._key(patient, schedule, plan, draws), make)

    def risk_of(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Estimate:
        """Risk of grade >= 2 as measured under one schedule, as planned.

        Much less work than :meth:`answer`, and the same number.
        """

        def make() -> Estimate:
            days = np.full(MOST_COUNTS, float(schedule.endpoint_day))
            solved = self._solved_on(patient, schedule, plan, draws, days, versions=1)
            intervals = self.intervals(self.condition(patient, plan, draws))
            return intervals.measured(np.asarray(solved.at)[0, 0])

        return self._risks.get(self._key(patient, schedule, plan, draws), make)

    def _solved_on(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        draws: int,
        days: np.ndarray,
        versions: int,
    ) -> Solved:
        """Counts of the patient's draws on some days.

        Raises:
            NoForecastError: when one of them is not a number.
        """
        lanes = self.condition(patient, plan, draws).draws.lanes
        arrays = self.arrays(patient, schedule, plan)
        solved = self.solver.solve(lanes, self.fixed(patient), arrays, days, versions)
        if not np.isfinite(solved.at).all():
            raise NoForecastError(NO_SOLUTION.format(self.population.model.name))
        return solved

    def _key(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Hashable:
        """What a schedule's result depends on."""
        return (
            self._conditioned_by(patient, plan, draws), schedule, self._dose_of(patient, plan)
        )  # fmt: skip

    def _dose_of(self, patient: Patient, plan: Schedule) -> Hashable:
        """What of the plan another schedule's treatment depends on: the known immune dose's."""
        return plan.fractions if patient.immune_dose_gy is not None else None

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
