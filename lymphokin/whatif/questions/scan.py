"""Risk over a grid of schedules: fractions x dose per fraction, or start of ATRA x pulses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, model_validator

from lymphokin.plausible import LARGEST_FRACTION_GY
from lymphokin.population.provenance import Provenance
from lymphokin.schedule import SATURDAY, AtraPulses, treatment_days
from lymphokin.whatif.answers import Estimate, Notice
from lymphokin.whatif.dose import TUMOUR, bed, gy_for
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.judging import SIX_WEEKS, Asked, JudgedBy, check_endpoint, in_words
from lymphokin.whatif.limits import (
    LATEST_DAY,
    LATEST_FRACTION_DAY,
    MOST_CELLS,
    MOST_FRACTIONS,
    MOST_PULSES,
    PREVIEW_DRAWS,
    DrawCount,
    Strict,
)
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import PlannedFraction, Pulse, Schedule

USUAL_FRACTIONS = (1, 2, 3, 4, 5, 6, 8, 10)
USUAL_GY = (4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 18.0, 20.0)
USUAL_STARTS = (-14, -7, 0, 7, 14, 21, 28)
USUAL_PULSES = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)


class ScanRequest(Strict):
    """Risk over a grid of schedules like ``schedule``."""

    patient: Patient
    schedule: Schedule
    kind: Literal["fractions", "atra"]
    """fractions: number of fractions x Gy per fraction; atra: first day x number of pulses"""
    x: Annotated[tuple[int, ...], Field(min_length=1, max_length=24)] | None = None
    """numbers of fractions, or first days of ATRA; chosen around the schedule if absent"""
    y: Annotated[tuple[float, ...], Field(min_length=1, max_length=24)] | None = None
    """Gy per fraction, or numbers of pulses"""
    endpoint: Asked = SIX_WEEKS
    draws: DrawCount = PREVIEW_DRAWS

    @model_validator(mode="after")
    def _bounded(self) -> ScanRequest:
        if len(self.x or ()) * len(self.y or ()) > MOST_CELLS:
            raise ValueError(f"a scan has at most {MOST_CELLS} cells")
        return self


class Cell(BaseModel):
    """One schedule of a scan."""

    x: float
    y: float
    schedule: Schedule
    risk: Estimate
    """what the endpoint asks"""
    bed10_gy: float


class ScanAnswer(BaseModel):
    """A heat map, row by row (y), with the schedules to load."""

    kind: Literal["fractions", "atra"]
    x_label: str
    y_label: str
    x: list[float]
    y: list[float]
    cells: list[list[Cell]]
    """[y][x]"""
    same_bed: list[float] | None
    """per x, the Gy per fraction with the BED (alpha/beta 10 Gy) of the schedule asked about"""
    bed10_gy: float
    warnings: list[Notice]
    endpoint: JudgedBy
    provenance: Provenance


def scan(engine: Engine, request: ScanRequest) -> ScanAnswer:
    """Risk of every schedule of the grid.

    Raises:
        ValueError: when a schedule of the grid cannot be.
    """
    check_endpoint(request.endpoint)
    fractions = request.kind == "fractions"
    x, y = _axes(request)
    vary = with_fractions if fractions else with_pulses
    cells = []
    for value in y:
        row = []
        for count in x:
            schedule = vary(request.schedule, count, value)
            risk = engine.risk_of(
                request.patient, schedule, request.schedule, request.draws, request.endpoint
            )
            row.append(
                Cell(
                    x=count,
                    y=value,
                    schedule=schedule,
                    risk=risk,
                    bed10_gy=round(bed(schedule, TUMOUR), 1),
                )
            )
        cells.append(row)
    plan = request.schedule
    reference = bed(plan, TUMOUR)
    return ScanAnswer(
        kind=request.kind,
        x_label="fractions" if fractions else "first day of ATRA",
        y_label="Gy per fraction" if fractions else "pulses of ATRA",
        x=[float(v) for v in x],
        y=y,
        cells=cells,
        same_bed=[round(gy_for(reference, n, TUMOUR), 2) for n in x]
        if fractions and reference
        else None,
        bed10_gy=round(reference, 1),
        warnings=engine.warnings(
            request.patient, {"schedule": plan}, plan, request.draws, request.endpoint
        ),
        endpoint=in_words(request.endpoint),
        provenance=engine.population.provenance,
    )


def _axes(request: ScanRequest) -> tuple[list[int], list[float]]:
    """Values of both axes: as asked, else usual ones and those of the schedule itself."""
    plan = request.schedule
    if request.kind == "fractions":
        x = list(request.x or sorted({*USUAL_FRACTIONS, *([len(plan.fractions)] * any_of(plan))}))
        y = list(request.y or sorted({*USUAL_GY, *(f.gy for f in plan.fractions[:1])}))
    else:
        first = {int(min(p.day for p in plan.atra))} if plan.atra else set()
        x = list(request.x or sorted({*USUAL_STARTS, *first}))
        y = list(request.y or sorted({*USUAL_PULSES, float(len(plan.atra))}))
    if len(x) * len(y) > MOST_CELLS:
        raise ValueError(f"a scan has at most {MOST_CELLS} cells; this one has {len(x) * len(y)}")
    return x, y


def any_of(plan: Schedule) -> int:
    """1 if a schedule has fractions, else 0."""
    return int(bool(plan.fractions))


def gap_of(plan: Schedule) -> int:
    """Usual calendar days between fractions: the smallest there are, 1 without any."""
    days = sorted({f.day for f in plan.fractions})
    return int(min(np.diff(days), default=1)) if len(days) > 1 else 1


def with_fractions(plan: Schedule, count: int, gy: float, gap: int | None = None) -> Schedule:
    """The plan with other fractions to every lesion, as far apart, none on a weekend.

    The plan itself comes back where it has this many fractions of this dose.

    Raises:
        ValueError: when they cannot be given.
    """
    if gap is None and len(plan.fractions) == count and {f.gy for f in plan.fractions} == {gy}:
        return plan
    if not (1 <= count <= MOST_FRACTIONS and 0 < gy <= LARGEST_FRACTION_GY):
        raise ValueError(f"{count} fractions of {gy:g} Gy are outside the limits")
    first = plan.first_fraction_day
    weekday = (plan.start_weekday + first) % 7
    wait = 7 - weekday if weekday >= SATURDAY else 0
    days = first + wait + treatment_days(count, (weekday + wait) % 7, gap or gap_of(plan))
    if days[-1] > LATEST_FRACTION_DAY:
        raise ValueError(f"{count} fractions last until day {days[-1]}, beyond the limit")
    fractions = tuple(PlannedFraction(day=int(d), gy=gy) for d in days)
    return plan.model_copy(update={"fractions": fractions})


def with_pulses(plan: Schedule, first: int, count: float) -> Schedule:
    """The plan with another start and number of ATRA pulses, like its own or the trial's.

    The plan itself comes back where it has these pulses.

    Raises:
        ValueError: when they cannot be given.
    """
    number = int(count)
    pulses = sorted(plan.atra, key=lambda p: p.day)
    if number == len(pulses) and (not pulses or pulses[0].day == first):
        return plan
    if not 0 <= number <= MOST_PULSES:
        raise ValueError(f"{count:g} pulses are outside the limits (0 to {MOST_PULSES})")
    usual = AtraPulses()
    like = pulses[0] if pulses else Pulse(day=0.0, days=usual.days_per_pulse)
    interval = pulses[1].day - pulses[0].day if len(pulses) > 1 else usual.interval_days
    days = [first + k * interval for k in range(number)]
    fitting = [d for d in days if d + like.days <= LATEST_DAY]
    return plan.model_copy(
        update={"atra": tuple(like.model_copy(update={"day": float(d)}) for d in fitting)}
    )


def label_of(plan: Schedule) -> str:
    """A schedule in a few words, e.g. ``5 x 10 Gy, ATRA 4 pulses from day 0``."""
    doses: Sequence[float] = [f.gy for f in plan.fractions]
    same = len(set(doses)) == 1
    text = (
        f"{len(doses)} x {doses[0]:g} Gy" if same else f"{len(doses)} fractions, {sum(doses):g} Gy"
    )
    if not doses:
        text = "no radiotherapy"
    elif gap_of(plan) > 1:
        text += f" every {gap_of(plan)} days"
    if plan.atra:
        first = min(p.day for p in plan.atra)
        many = "pulse" if len(plan.atra) == 1 else "pulses"
        text += f", ATRA {len(plan.atra)} {many} from day {first:g}"
    return text
