"""The what-if engine: one patient, any schedules, the same draws of everything unknown for all."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from lymphokin.endpoints import Endpoint
from lymphokin.population.covariates import check_covariates, covariate_arrays
from lymphokin.population.draws import PopulationDraws
from lymphokin.population.no_forecast import NO_SOLUTION, NoForecastError
from lymphokin.solve import StepRule, Treatment, following
from lymphokin.solve.one_treatment import TreatmentArrays
from lymphokin.whatif.answer import schedule_answer
from lymphokin.whatif.answers import (
    Estimate,
    Notice,
    ScheduleAnswer,
    WhatIfAnswer,
    WhatIfRequest,
)
from lymphokin.whatif.caution import warnings_of
from lymphokin.whatif.condition import condition, unconditioned
from lymphokin.whatif.conditioned import Conditioned
from lymphokin.whatif.differences import differences
from lymphokin.whatif.events import judged_days, read_event, untreated
from lymphokin.whatif.folds import read_fold
from lymphokin.whatif.intervals import Intervals
from lymphokin.whatif.judging import SIX_WEEKS, check_endpoint, in_words, scale_of, visit_of
from lymphokin.whatif.lanes import Fixed, LaneSolver, Solved, Summed
from lymphokin.whatif.likelihood import PatientLikelihood
from lymphokin.whatif.limits import COUNTED, LATEST_DAY, MOST_COUNTS
from lymphokin.whatif.outside import refuse_too_far
from lymphokin.whatif.path import CURVE_DAYS, OfCurve, of_curve, path_days
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.recent import Recent
from lymphokin.whatif.records import Records
from lymphokin.whatif.refused import check_counts
from lymphokin.whatif.risk import grade_draws
from lymphokin.whatif.schedule import Schedule
from lymphokin.whatif.shapes import STEPS, arrays_of
from lymphokin.whatif.surface import Surface
from lymphokin.whatif.treatment import (
    PATIENT,
    as_read,
    columns_of,
    first_record,
    given,
    known_immune_dose,
    treatment_of,
)  # fmt: skip
from lymphokin.whatif.usable import require_usable
from lymphokin.whatif.usual import usual_surfaces

KEPT = 6
"""Results of each kind that are kept for the next question: of both schedules at a first look and
at the answer, and some before. A solved schedule of an answer takes 20 MB."""
RISKS_KEPT = 1024
SEED = 0


class Engine:
    """Answers questions about patients; the same question always gets the same numbers.

    In every method ``plan`` is the schedule that the patient is on: the counts so far were measured
    under it. ``endpoint`` is what is judged.

    Args:
        population: draws of the population.
        seed: of the random numbers.
        kept: results of each kind that are kept for the next question.
    """

    def __init__(self, population: PopulationDraws, seed: int = SEED, kept: int = KEPT) -> None:
        population.model.require_counts("a what-if")
        self.population = population
        self.seed = seed
        self.solver: LaneSolver = LaneSolver(population.hierarchy)
        self.steps: StepRule = following(STEPS, population.model)
        self._fixed, self._conditioned, self._solved = Recent(kept), Recent(kept), Recent(kept)
        self._answered, self._intervals = Recent(kept), Recent(kept)
        self._read_curves, self._surfaces = Recent(kept), Recent(kept)
        self._treatments, self._risks = Recent(RISKS_KEPT), Recent(RISKS_KEPT)

    def what_if(self, request: WhatIfRequest) -> WhatIfAnswer:
        """Compare two schedules of a patient.

        Raises:
            ValueError: when a schedule does not fit the patient, is too long or gives a drug that
                the model does not take, or the endpoint is none of a what-if.
            OutsideError: when patient or schedule lie too far outside what was seen.
            NoForecastError: when the model has no number for the patient.
        """
        both = {"a": request.a, "b": request.b}
        require_usable(self, request.patient, both, request.a, request.endpoint)
        refuse_too_far(self, request.patient, both, request.a, request.endpoint)
        return self.answered(request)

    def answered(self, request: WhatIfRequest) -> WhatIfAnswer:
        """As :meth:`what_if`, however far outside what was seen."""
        began = time.perf_counter()
        patient, plan, draws = request.patient, request.a, request.draws
        endpoint = request.endpoint
        check_endpoint(endpoint, self.population.model)
        conditioned = self.condition(patient, plan, draws)
        difference, without = differences(self, request)
        return WhatIfAnswer(
            endpoint=in_words(endpoint, self.population.model),
            days=CURVE_DAYS.tolist(),
            a=self.answer(patient, request.a, plan, draws, endpoint),
            b=self.answer(patient, request.b, plan, draws, endpoint),
            difference=difference,
            difference_gamma_zero=without,
            conditioning=conditioned.answer(patient, plan),
            warnings=self.warnings(
                patient, {"a": request.a, "b": request.b}, plan, draws, endpoint
            ),
            provenance=self.population.provenance,
            draws=draws,
            seconds=round(time.perf_counter() - began, 3),
        )

    def answer(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        draws: int,
        endpoint: Endpoint = SIX_WEEKS,
    ) -> ScheduleAnswer:
        """Everything about one schedule."""

        def make() -> ScheduleAnswer:
            intervals = self.intervals(self.condition(patient, plan, draws))
            visit = visit_of(endpoint, schedule)
            solved = self.solve(patient, schedule, plan, draws, visit)
            read_curves, bare = [], None
            if not endpoint.on_a_day:
                asked = patient, schedule, plan, draws, endpoint
                read_curves, bare = self.read_curves(*asked), untreated(self, *asked, solved)
            treatment = self.treatment(patient, schedule, plan)
            days = judged_days(endpoint, schedule, patient, self.population.model)
            return schedule_answer(
                self.population,
                self.solver,
                schedule,
                treatment,
                solved,
                intervals,
                endpoint,
                days,
                read_curves,
                bare,
            )

        return self._answered.get((*self._key(patient, schedule, plan, draws), endpoint), make)

    def warnings(
        self,
        patient: Patient,
        schedules: dict[str, Schedule],
        plan: Schedule,
        draws: int,
        endpoint: Endpoint = SIX_WEEKS,
    ) -> list[Notice]:
        """What to know before the numbers of some schedules, by their names, are believed."""
        conditioned = self.condition(patient, plan, draws)
        both = {
            name: (schedule, self.treatment(patient, schedule, plan))
            for name, schedule in schedules.items()
        }
        return warnings_of(self.population, patient, conditioned, both, plan, endpoint)

    def treatment(self, patient: Patient, schedule: Schedule, plan: Schedule) -> Treatment:
        """What the patient is given under a schedule."""
        bare, sites = _bare(patient), self.population.sites
        key = (bare, schedule, self._dose_of(patient, plan))
        drugs = self.population.model.drugs
        return self._treatments.get(
            key, lambda: treatment_of(patient, schedule, plan, sites, drugs)
        )

    def _solvable(self, patient: Patient, schedule: Schedule, plan: Schedule) -> Treatment:
        """The treatment as the model reads it."""
        return as_read(self.treatment(patient, schedule, plan), patient, self.population.model)

    def fixed(self, patient: Patient) -> Fixed:
        """The patient's covariates as the model reads them."""
        bare = _bare(patient)

        def make() -> Fixed:
            model, columns = self.population.model, columns_of(bare)
            check_covariates(model, columns, [PATIENT])
            parts = covariate_arrays(model, columns, self.population.sites)[:3]
            return Fixed(*({k: float(v[0]) for k, v in part.items()} for part in parts))  # type: ignore[arg-type]

        return self._fixed.get(bare, make)

    def intervals(self, conditioned: Conditioned) -> Intervals:
        """What turns counts of these draws into risks."""
        return self._intervals.get(conditioned, lambda: Intervals(self.population, conditioned))

    def arrays(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        visit: float | None = None,
        until: float = LATEST_DAY,
        further: Sequence[float] = (),
    ) -> TreatmentArrays:
        """Arrays of a schedule, with a visit, by default six weeks after it, the end of the curves,
        or a later day, and further days.
        """
        if visit is None:
            visit = visit_of(SIX_WEEKS, schedule)
        first = first_record(patient, self.solver.model)
        days = [*first, *further, float(visit), float(max(until, LATEST_DAY))]
        return arrays_of(self._solvable(patient, schedule, plan), days, self.steps)

    @property
    def countable(self) -> tuple[str, ...]:
        """Quantities of which counts so far can be used."""
        return (COUNTED, *self.solver.others)

    def condition(self, patient: Patient, plan: Schedule, draws: int) -> Conditioned:
        """Draws of the patient given the counts so far.

        Raises:
            ValueError: when something was counted that the model does not measure.
        """
        check_counts(self.population.model, self.countable, patient)
        if not patient.counts:
            return self._conditioned.get(
                self._conditioned_by(patient, plan, draws),
                lambda: unconditioned(self.population, self.surfaces(patient), draws, self.seed),
            )

        def make() -> Conditioned:
            likelihood = self.likelihood(patient, plan)
            return condition(likelihood, self.surfaces(patient), draws, self.seed)

        return self._conditioned.get(self._conditioned_by(patient, plan, draws), make)

    def surfaces(self, patient: Patient) -> tuple[Surface, ...]:
        """What decides the patient's count after usual courses."""
        bare = _bare(patient)
        return self._surfaces.get(bare, lambda: usual_surfaces(self, bare))

    def likelihood(self, patient: Patient, plan: Schedule) -> PatientLikelihood:
        """How likely the patient's counts so far are; there must be one."""
        records = Records.of(patient.counts)
        so_far = self._so_far(patient, plan)
        events = [*so_far.fraction_days, *so_far.dose_days]
        begun = min([*events, records.day.max(), *first_record(patient, self.solver.model)])
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
        return (patient, draws, given(self._so_far(patient, plan)))

    def solve(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        draws: int,
        visit: float | None = None,
    ) -> Solved:
        """All versions of a schedule on the days of the curves and, last, a visit, by default six
        weeks after it.
        """
        day = visit_of(SIX_WEEKS, schedule) if visit is None else visit

        def make() -> Solved:
            days = np.append(CURVE_DAYS, day).astype(float)
            arrays = self.arrays(patient, schedule, plan, day, until=day)
            return self.solved_on(patient, plan, draws, arrays, days, self.solver.versions)

        return self._solved.get((*self._key(patient, schedule, plan, draws), day), make)

    def read_curves(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        draws: int,
        endpoint: Endpoint,
        versions: int | None = None,
    ) -> list[OfCurve]:
        """What an endpoint of a window makes of every draw, by version of the schedule."""
        versions = versions or self.solver.versions

        def make() -> list[OfCurve]:
            if endpoint.of_event:
                return read_event(self, patient, schedule, plan, draws, endpoint, versions)
            if endpoint.of_fold:
                return read_fold(self, patient, schedule, plan, draws, endpoint, versions)
            days = path_days(endpoint, schedule, len(CURVE_DAYS) + 1)
            arrays = self.arrays(patient, schedule, plan, until=days[-1])
            solved = self.solved_on(patient, plan, draws, arrays, days, versions)
            # Versions that nothing tells apart are the same array.
            return [of_curve(endpoint, at, days) for at in np.asarray(solved.at)]

        key = (*self._key(patient, schedule, plan, draws), endpoint, versions)
        return self._read_curves.get(key, make)

    def risk_of(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        draws: int,
        endpoint: Endpoint = SIX_WEEKS,
    ) -> Estimate:
        """What is judged under one schedule, as planned.

        Much less work than :meth:`answer`, and the same number.
        """

        def make() -> Estimate:
            intervals = self.intervals(self.condition(patient, plan, draws))
            if not endpoint.on_a_day:
                (curve,) = self.read_curves(patient, schedule, plan, draws, endpoint, versions=1)
                return intervals.mean(curve.judged, scale_of(endpoint))
            return intervals.measured(self.at_visit(patient, schedule, plan, draws, endpoint))

        return self._risks.get((*self._key(patient, schedule, plan, draws), endpoint), make)

    def at_visit(
        self,
        patient: Patient,
        schedule: Schedule,
        plan: Schedule,
        draws: int,
        endpoint: Endpoint = SIX_WEEKS,
    ) -> np.ndarray:
        """[draw] ln true count at the visit of a schedule, as planned."""
        visit = visit_of(endpoint, schedule)
        arrays = self.arrays(patient, schedule, plan, visit, until=visit)
        days = np.full(MOST_COUNTS, float(visit))
        solved = self.solved_on(patient, plan, draws, arrays, days, versions=1)
        return np.asarray(solved.at)[0, 0]

    def judged_draws(
        self, patient: Patient, plan: Schedule, draws: int, endpoint: Endpoint
    ) -> np.ndarray:
        """[draw] risk, or number, that each draw has under the plan."""
        if not endpoint.on_a_day:
            return self.read_curves(patient, plan, plan, draws, endpoint)[0].judged
        intervals = self.intervals(self.condition(patient, plan, draws))
        at = np.asarray(self.solve(patient, plan, plan, draws, visit_of(endpoint, plan)).at)
        return grade_draws(intervals.residual, at[0, -1], intervals.sd)

    def solved_on(
        self,
        patient: Patient,
        plan: Schedule,
        draws: int,
        arrays: TreatmentArrays,
        days: np.ndarray,
        versions: int,
        summed: Summed | None = None,
    ) -> Solved:
        """Counts of the patient's draws on some days, and a further quantity that is wanted.

        Raises:
            NoForecastError: when one of them is not a number.
        """
        lanes = self.condition(patient, plan, draws).draws.lanes
        solved = self.solver.solve(lanes, self.fixed(patient), arrays, days, versions, summed)
        if not all(np.isfinite(part).all() for part in (solved.at, *solved.sums.values())):
            raise NoForecastError(NO_SOLUTION.format(self.population.model.name))
        return solved

    def _key(
        self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int
    ) -> tuple[Any, ...]:
        """What a schedule's result depends on."""
        return (
            self._conditioned_by(patient, plan, draws), schedule, self._dose_of(patient, plan)
        )  # fmt: skip

    def _dose_of(self, patient: Patient, plan: Schedule) -> Hashable:
        """What of the plan another schedule's treatment depends on: the known immune dose's."""
        known = known_immune_dose(patient, plan)
        return None if known is None else (plan.fractions, known)


def _bare(patient: Patient) -> Patient:
    """The patient without counts."""
    return patient.model_copy(update={"counts": ()})
