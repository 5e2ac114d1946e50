"""Risk over a grid of schedules: fractions x dose per fraction, or start of a drug x pulses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, model_validator

from lymphokin.model import Dose
from lymphokin.pages.messages import Message, RefusedError
from lymphokin.pages.wording import joined
from lymphokin.plausible import LARGEST_FRACTION_GY
from lymphokin.population.provenance import Provenance
from lymphokin.quantities import DRUG
from lymphokin.regimens import regimens
from lymphokin.schedule import SATURDAY, treatment_days
from lymphokin.whatif.answers import Estimate, Notice
from lymphokin.whatif.assumption import of_many
from lymphokin.whatif.dose import TUMOUR, bed, gy_for
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.judging import SIX_WEEKS, Asked, JudgedBy, in_words
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
from lymphokin.whatif.outside import doubts
from lymphokin.whatif.outside import outside as outside_of
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.refused import check_drug
from lymphokin.whatif.schedule import THREE_WEEKS, PlannedFraction, Pulse, Schedule
from lymphokin.whatif.usable import require_usable

USUAL_FRACTIONS = (1, 2, 3, 4, 5, 6, 8, 10)
USUAL_GY = (4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 18.0, 20.0)
USUAL_STARTS = (-14, -7, 0, 7, 14, 21, 28)
USUAL_PULSES = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)


class ScanRequest(Strict):
    """Risk over a grid of schedules like ``schedule``."""

    patient: Patient
    schedule: Schedule
    kind: Literal["fractions", "pulses"]
    """fractions: number of fractions x Gy per fraction; pulses: first day of a drug x number of
    its pulses"""
    drug: str = DRUG
    """whose pulses are varied"""
    x: Annotated[tuple[int, ...], Field(min_length=1, max_length=24)] | None = None
    """numbers of fractions, or first days of the drug; chosen around the schedule if absent"""
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
    risk: Estimate | None
    """what the endpoint asks; None where the schedule lies too far outside what was seen"""
    outside: list[Message]
    """why its number is a guess: outside what was seen, or counts the model cannot follow"""
    bed10_gy: float


class ScanAnswer(BaseModel):
    """A heat map, row by row (y), with the schedules to load."""

    kind: Literal["fractions", "pulses"]
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
    assumption: Message | None
    """what the numbers rest on that has never been seen in people"""
    endpoint: JudgedBy
    provenance: Provenance


def scan(engine: Engine, request: ScanRequest) -> ScanAnswer:
    """Risk of every schedule of the grid.

    Raises:
        ValueError: when a schedule of the grid cannot be, or the model does not take a drug.
    """
    plan = request.schedule
    require_usable(engine, request.patient, {"schedule": plan}, plan, request.endpoint)
    fractions = request.kind == "fractions"
    x, y = _axes(request)
    drugs = engine.population.model.drugs
    if not fractions:
        check_drug(engine.population.model, request.drug)

    def vary(plan: Schedule, count: int, value: float) -> Schedule:
        if fractions:
            return with_fractions(plan, count, value)
        return with_pulses(plan, request.drug, count, value)

    label = "" if fractions else drugs[request.drug].label or request.drug
    doubt = doubts(engine, request.patient, request.schedule, request.draws)
    cells = []
    for value in y:
        row = []
        for count in x:
            schedule = vary(request.schedule, count, value)
            asked = request.patient, schedule, request.schedule
            outside = outside_of(engine, *asked, request.endpoint)
            risk = None
            if not any(notice.beyond for notice in outside):
                risk = engine.risk_of(*asked, request.draws, request.endpoint)
            row.append(
                Cell(
                    x=count,
                    y=value,
                    schedule=schedule,
                    risk=risk,
                    outside=[*(notice.message for notice in outside), *doubt],
                    bed10_gy=round(bed(schedule, TUMOUR), 1),
                )
            )
        cells.append(row)
    reference = bed(plan, TUMOUR)
    return ScanAnswer(
        kind=request.kind,
        x_label="fractions" if fractions else f"first day of {label}",
        y_label="Gy per fraction" if fractions else f"pulses of {label}",
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
        assumption=of_many(engine.population, [cell.schedule for row in cells for cell in row]),
        endpoint=in_words(request.endpoint, engine.population.model),
        provenance=engine.population.provenance,
    )


def _axes(request: ScanRequest) -> tuple[list[int], list[float]]:
    """Values of both axes: as asked, else usual ones and those of the schedule itself."""
    plan = request.schedule
    if request.kind == "fractions":
        own = {len(plan.fraction_days)} if plan.fractions else set()
        x = list(request.x or sorted({*USUAL_FRACTIONS, *own}))
        y = list(request.y or sorted({*USUAL_GY, *(f.gy for f in plan.fractions[:1])}))
    else:
        own = plan.pulses_of(request.drug)
        first = {int(min(p.day for p in own))} if own else set()
        x = list(request.x or sorted({*USUAL_STARTS, *first}))
        y = list(request.y or sorted({*USUAL_PULSES, float(len(own))}))
    if len(x) * len(y) > MOST_CELLS:
        raise ValueError(f"a scan has at most {MOST_CELLS} cells; this one has {len(x) * len(y)}")
    return x, y


def gap_of(plan: Schedule) -> int:
    """Usual calendar days between fractions: the smallest there are, 1 without any."""
    days = plan.fraction_days
    return int(min(np.diff(days), default=1)) if len(days) > 1 else 1


def with_fractions(plan: Schedule, count: int, gy: float, gap: int | None = None) -> Schedule:
    """The plan with other fractions to the same lesions, as far apart, none on a weekend.

    The plan itself comes back where it has this many fractions of this dose.

    Raises:
        ValueError: when they cannot be given.
    """
    if gap is None and len(plan.fraction_days) == count and {f.gy for f in plan.fractions} == {gy}:
        return plan
    lesions = plan.lesions or [0]
    if not (1 <= count * len(lesions) <= MOST_FRACTIONS and 0 < gy <= LARGEST_FRACTION_GY):
        raise ValueError(f"{count} fractions of {gy:g} Gy are outside the limits")
    first = plan.first_fraction_day
    weekday = (plan.start_weekday + first) % 7
    wait = 7 - weekday if weekday >= SATURDAY else 0
    days = first + wait + treatment_days(count, (weekday + wait) % 7, gap or gap_of(plan))
    if days[-1] > LATEST_FRACTION_DAY:
        raise ValueError(f"{count} fractions last until day {days[-1]}, beyond the limit")
    fractions = tuple(
        PlannedFraction(day=int(d), gy=gy, lesion=lesion) for d in days for lesion in lesions
    )
    # A dose that is known is that of the plan: of another schedule it gives a part.
    return plan.model_copy(update={"fractions": fractions, "immune_dose_gy": None})


def with_pulses(plan: Schedule, drug: str, first: int, count: float) -> Schedule:
    """The plan with another start and number of pulses of a drug, like its own or the usual ones.

    The plan itself comes back where it has these pulses.

    Raises:
        ValueError: when they cannot be given, or nothing says how much of the drug.
    """
    number = int(count)
    pulses = sorted(plan.pulses_of(drug), key=lambda p: p.day)
    if number == len(pulses) and (not pulses or pulses[0].day == first):
        return plan
    if not 0 <= number <= MOST_PULSES:
        raise ValueError(f"{count:g} pulses are outside the limits (0 to {MOST_PULSES})")
    usual = regimens().get(drug)
    if not pulses and usual is None:
        raise RefusedError("error.no_usual_dose", drug=drug)
    like = pulses[0] if pulses else Pulse(drug=drug, day=0.0)
    every = usual.every if usual else THREE_WEEKS
    interval = pulses[1].day - pulses[0].day if len(pulses) > 1 else every
    days = [first + k * interval for k in range(number)]
    fitting = [d for d in days if d + like.days <= LATEST_DAY]
    return plan.with_pulses(tuple(like.model_copy(update={"day": float(d)}) for d in fitting), drug)


def label_of(plan: Schedule, drugs: Mapping[str, Dose]) -> str:
    """A schedule in a few words, such as ``5 x 10 Gy, rhIL-7 2 pulses from day 0``."""
    count, doses = len(plan.fraction_days), {f.gy for f in plan.fractions}
    same = len(doses) == 1
    text = f"{count} x {min(doses):g} Gy" if same else f"{count} fractions, {plan.total_gy:g} Gy"
    if not doses:
        text = "no radiotherapy"
    elif gap_of(plan) > 1:
        text += f" every {gap_of(plan)} days"
    for drug, dose in drugs.items():
        if pulses := plan.pulses_of(drug):
            first = min(p.day for p in pulses)
            many = "pulse" if len(pulses) == 1 else "pulses"
            hours = sorted({p.infusion_hours for p in pulses})
            over = f" over {joined(f'{h:g}' for h in hours)} h" if any(hours) else ""
            text += f", {dose.label or drug} {len(pulses)} {many}{over} from day {first:g}"
    return text
