"""The what-if engine: one patient, any schedules, the same draws of everything unknown for all."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lymphokin.population import pack
from lymphokin.predict.what_if.answer import schedule_answer, warnings_of
from lymphokin.predict.what_if.condition import Conditioned, Conditioning, Records, reliable
from lymphokin.predict.what_if.contract import (
    EARLIEST_DAY,
    LATEST_DAY,
    LATEST_FRACTION_DAY,
    Patient,
    PlannedFraction,
    Pulse,
    Schedule,
    WhatIfAnswer,
    WhatIfRequest,
)
from lymphokin.predict.what_if.contract import Conditioning as ConditioningAnswer
from lymphokin.predict.what_if.courses import (
    CourseArrays,
    course_arrays,
    doses_of,
    endpoint_day,
    irradiation,
    patient_cohort,
    until,
)
from lymphokin.predict.what_if.draws import draw_patients
from lymphokin.predict.what_if.lanes import Fixed, LaneSolver, Solved
from lymphokin.predict.what_if.risk import difference, grade_draws
from lymphokin.predict.what_if.source import PosteriorSource

CURVE_DAYS = np.arange(-14, LATEST_DAY + 1)
KEPT = 64
"""Results of each kind that are kept for the next question."""
SEED = 0


class Recent:
    """The latest results by key; bounded, so that a long session does not grow."""

    def __init__(self, size: int = KEPT) -> None:
        self._size = size
        self._found: OrderedDict[Hashable, Any] = OrderedDict()

    def get[T](self, key: Hashable, make: Callable[[], T]) -> T:
        """The result for a key, made if it is not there."""
        if key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        made = self._found[key] = make()
        while len(self._found) > self._size:
            self._found.popitem(last=False)
        return made


@dataclass(eq=False)
class Engine:
    """Answers questions about one patient after the other; safe to call from several threads."""

    source: PosteriorSource
    seed: int = SEED
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.solver = LaneSolver(self.source.hierarchy)
        self._fixed = Recent()
        self._conditioned = Recent()
        self._solved = Recent()

    def what_if(self, request: WhatIfRequest) -> WhatIfAnswer:
        """Compare two schedules of a patient.

        Raises:
            ValueError: when a schedule does not fit the patient, or is too long.
        """
        began = time.perf_counter()
        with self._lock:
            patient, plan = request.patient, request.a
            known = self.condition(patient, plan, request.draws)
            answers, risks, zero = [], [], []
            for schedule in (request.a, request.b):
                solved = self.solve(patient, schedule, plan, request.draws)
                answers.append(schedule_answer(self, request, schedule, solved, known))
                risks.append(self.risk_draws(solved, known, 0))
                zero.append(self.risk_draws(solved, known, 2) if self._has_zero else None)
        return WhatIfAnswer(
            days=CURVE_DAYS.tolist(),
            a=answers[0],
            b=answers[1],
            difference=difference(*risks),
            difference_gamma_zero=difference(*zero) if self._has_zero else None,  # type: ignore[arg-type]
            conditioning=self.told(patient, plan, known),
            warnings=warnings_of(self.source, request, known),
            provenance=self.source.provenance,
            draws=request.draws,
            seconds=round(time.perf_counter() - began, 3),
        )

    @property
    def _has_zero(self) -> bool:
        return self.solver.has_suppression

    def fixed(self, patient: Patient) -> Fixed:
        """The patient's covariates as the model reads them."""
        bare = patient.model_copy(update={"counts": ()})

        def make() -> Fixed:
            arrays = pack(self.source.model, patient_cohort(bare)).arrays
            parts = (arrays.log_ratio, arrays.without, arrays.spread)
            return Fixed(*({k: float(v[0]) for k, v in part.items()} for part in parts))  # type: ignore[arg-type]

        return self._fixed.get(bare, make)

    def course(
        self, patient: Patient, schedule: Schedule, plan: Schedule, days: list[float]
    ) -> CourseArrays:
        """Arrays of a schedule with exact nodes on some days."""
        given = irradiation(patient, schedule, plan)
        return course_arrays(given, doses_of(schedule, patient.bsa), days)

    def condition(self, patient: Patient, plan: Schedule, draws: int) -> Conditioned:
        """Draws of the patient given the counts so far, measured under the plan."""
        if not patient.counts:
            make = lambda: Conditioned(draw_patients(self.source, draws, self.seed), "none")  # noqa: E731
            return self._conditioned.get(draws, make)
        records = Records.of(patient.counts)
        last = float(records.day.max())
        given, doses = until(irradiation(patient, plan, plan), doses_of(plan, patient.bsa), last)
        course = course_arrays(given, doses, records.day.tolist())
        fixed = self.fixed(patient)
        # What is planned after the last count does not matter to what it says.
        key = (patient, given.day.tobytes(), given.immune_dose.tobytes(), given.share.tobytes(),
               doses[0].tobytes(), doses[1].tobytes(), draws)  # fmt: skip

        def run() -> Conditioned:
            task = Conditioning(self.source, self.solver, fixed, records, course)
            return task.run(draws, self.seed)

        return self._conditioned.get(key, run)

    def solve(self, patient: Patient, schedule: Schedule, plan: Schedule, draws: int) -> Solved:
        """All versions of a schedule on the days of the curves and, last, the endpoint visit."""
        key = (patient, schedule, plan if self._plan_matters(patient) else None, draws)

        def run() -> Solved:
            end = endpoint_day(schedule)
            course = self.course(patient, schedule, plan, [end, float(LATEST_DAY)])
            known = self.condition(patient, plan, draws)
            days = np.append(CURVE_DAYS, end).astype(float)
            return self.solver.solve(
                known.draws.lanes, self.fixed(patient), course, days, self.solver.versions
            )

        return self._solved.get(key, run)

    @staticmethod
    def _plan_matters(patient: Patient) -> bool:
        """Whether another schedule's result depends on the plan the patient is on."""
        return patient.immune_dose_gy is not None or any(c.day > 0 for c in patient.counts)

    def risk_draws(self, solved: Solved, known: Conditioned, version: int) -> np.ndarray:
        """[draw] risk of grade >= 2 as measured at the endpoint visit."""
        residual = self.source.model.table.residuals["alc"]
        sd = self.source.residual_sd["alc"][known.draws.atom]
        return grade_draws(residual, solved.at[version, -1], sd)  # type: ignore[arg-type]

    def told(self, patient: Patient, plan: Schedule, known: Conditioned) -> ConditioningAnswer:
        """How the counts so far were used, in words and numbers."""
        first = min((f.day for f in plan.fractions), default=0)
        good = reliable(known)
        used = len(patient.counts)
        note = {
            "none": "no counts: a patient like this one, of whom nothing has been measured",
            "importance": "importance resampling"
            if good
            else "these counts are unlike what the model expects: do not rely on the numbers",
            "mcmc": "the counts are unusual for the model; sampled step by step",
        }[known.method]
        return ConditioningAnswer(
            method=known.method,
            counts_used=used,
            baseline_counts=sum(c.day <= first for c in patient.counts),
            pareto_k=None if known.pareto_k is None else round(known.pareto_k, 2),
            effective_draws=None
            if known.effective_draws is None
            else round(known.effective_draws, 0),
            reliable=good,
            note=note,
        )

    def warm_up(self, everything: bool = False) -> None:
        """Compile what questions need; with ``everything`` the seldom shapes too."""
        for request in _examples(everything):
            self.what_if(request)


def _examples(everything: bool) -> list[WhatIfRequest]:
    """One question per compiled shape."""
    from lymphokin.predict.what_if.contract import Count

    rt = tuple(PlannedFraction(day=d, gy=10.0) for d in range(5))
    pulses = tuple(Pulse(day=21.0 * k) for k in range(4))
    usual = Schedule(fractions=rt, atra=pulses)
    baseline = Patient(counts=(Count(day=0.0, value=1.2),))
    later = Patient(counts=(Count(day=0.0, value=1.2), Count(day=14.0, value=0.8)))
    bare = Schedule(fractions=rt)
    first = [WhatIfRequest(patient=p, a=usual, b=bare) for p in (baseline, later)]
    if not everything:
        return first
    many = tuple(PlannedFraction(day=d, gy=2.0) for d in range(40))
    long = Schedule(
        fractions=many, atra=tuple(Pulse(day=12.0 * k, days=1, doses_per_day=3) for k in range(8))
    )
    longest = Schedule(fractions=many, atra=(Pulse(day=0.0, days=14),))
    end = Patient(counts=(Count(day=0.0, value=1.2), Count(day=LATEST_FRACTION_DAY, value=0.8)))
    assert EARLIEST_DAY < 0
    return [
        WhatIfRequest(patient=end, a=long, b=longest),
        WhatIfRequest(patient=end, a=longest, b=Schedule(fractions=many)),
    ]
