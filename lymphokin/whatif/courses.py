"""A schedule as the arrays of one course, padded to one of a few shapes: nothing recompiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.dose import reference_immune_dose
from lymphokin.endpoint import ENDPOINT_DAYS
from lymphokin.io import Cohort
from lymphokin.solve import Course, StepRule, Timeline, build_timeline
from lymphokin.whatif.contract import Patient, PlannedFraction, Schedule

PATIENT = "patient"
STEPS = StepRule(after_fraction_days=StepRule.first_days)
"""Curves are drawn from node to node, so nodes are as close after a fraction as after a dose."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the arrays of a course."""

    nodes: int
    """of the days clock"""
    windows: int
    """of the drug; 0 where there is none"""
    hours: int
    """nodes of the hours clock per window"""
    queries: int
    """nodes of the days clock within one window"""


SHAPES = (
    Shape(9, 0, 0, 0),
    Shape(129, 0, 0, 0),
    Shape(513, 0, 0, 0),
    Shape(129, 4, 81, 24),
    Shape(257, 8, 209, 56),
    Shape(641, 8, 641, 160),
)
"""Smallest first: nothing given yet; without the drug; a trial's pulses; more; the most."""


class CourseArrays(NamedTuple):
    """One course; [node], or with the drug's windows last."""

    step: np.ndarray
    """[step] days"""
    node_day: np.ndarray
    immune_dose: np.ndarray
    share: np.ndarray
    hours_step: np.ndarray
    """[step, window]"""
    offset: np.ndarray
    """[hours node, window]"""
    amount: np.ndarray
    """[hours node, window] mg"""
    start: np.ndarray
    """[window] day of its first dose"""
    real: np.ndarray
    """[window] 1.0, or 0.0 for padding"""
    query_day: np.ndarray
    """[query, window]"""
    query: np.ndarray
    """[node] query that the node reads"""
    window: np.ndarray
    """[node] window of that query"""
    inside: np.ndarray
    """[node]"""
    ended: np.ndarray
    """[node] last window that has ended"""
    has_ended: np.ndarray
    """[node]"""

    @property
    def shape(self) -> Shape:
        """Sizes of the arrays."""
        hours, windows = self.offset.shape
        return Shape(len(self.node_day), windows, hours, len(self.query_day))


def patient_cohort(patient: Patient, schedule: Schedule | None = None) -> Cohort:
    """The patient with the fractions and doses of a schedule; without measurements."""
    columns = {
        "site": patient.site,
        "sex": patient.sex,
        "age": patient.age,
        "bsa": patient.bsa,
        "n_lesions": patient.n_lesions,
        "ptv_cm3": patient.ptv_cm3,
        "immune_dose_gy": patient.immune_dose_gy,
        "immune_dose_source": patient.immune_dose_source,
    }
    plan = schedule or Schedule()
    fractions = pd.DataFrame(
        {
            "id": PATIENT,
            "day": [float(f.day) for f in plan.fractions],
            "prescribed_gy": [f.gy for f in plan.fractions],
            "lesion": [f.lesion for f in plan.fractions],
        }
    )
    day, amount = doses_of(plan, patient.bsa)
    doses = pd.DataFrame({"id": PATIENT, "day": day, "drug": "atra", "amount_mg": amount})
    observations = pd.DataFrame({"id": [], "day": [], "quantity": [], "value": []})
    return Cohort(
        pd.DataFrame(columns, index=pd.Index([PATIENT], name="id")), fractions, doses, observations
    )


def doses_of(schedule: Schedule, bsa: float) -> tuple[np.ndarray, np.ndarray]:
    """Day and mg of every ATRA intake, as :class:`lymphokin.schedule.AtraPulses` has them."""
    days = [
        p.day + np.arange(p.days * p.doses_per_day) / p.doses_per_day
        for p in sorted(schedule.atra, key=lambda p: p.day)
    ]
    amounts = [
        np.full(p.days * p.doses_per_day, p.mg_per_m2_per_day * bsa / p.doses_per_day)
        for p in sorted(schedule.atra, key=lambda p: p.day)
    ]
    return np.concatenate([np.zeros(0), *days]), np.concatenate([np.zeros(0), *amounts])


def endpoint_day(schedule: Schedule) -> int:
    """Day of the visit 6 weeks after the last fraction (after day 0 without any)."""
    return int(max((f.day for f in schedule.fractions), default=0) + ENDPOINT_DAYS)


@dataclass(frozen=True)
class Irradiation:
    """Immune dose (Gy) and share of the course of every fraction of a schedule."""

    day: np.ndarray
    immune_dose: np.ndarray
    share: np.ndarray


def irradiation(patient: Patient, schedule: Schedule, planned: Schedule) -> Irradiation:
    """What the fractions of a schedule are to the immune system.

    An immune dose that is known belongs to the planned schedule; another one gets its part in
    proportion to the estimates from the site, for the dose to the blood is linear in the dose.

    Raises:
        ValueError: when a fraction treats a lesion that the patient has not.
    """
    day = np.array([float(f.day) for f in schedule.fractions])
    estimate, share = _estimates(patient, schedule)
    if patient.immune_dose_gy is None or not schedule.fractions:
        return Irradiation(day, estimate, share)
    of_plan, _ = _estimates(patient, planned)
    ratio = 1.0
    if planned.fractions:
        total = of_plan.sum()
        ratio = estimate.sum() / total if total > 0 else _gray(schedule) / _gray(planned)
    split = estimate / estimate.sum() if estimate.sum() > 0 else share
    return Irradiation(day, patient.immune_dose_gy * ratio * split, share)


def _gray(schedule: Schedule) -> float:
    return sum(f.gy for f in schedule.fractions)


def _estimates(patient: Patient, schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Immune dose estimated from the site (Gy) and share of the course, per fraction."""
    per_gy, lesions = _per_gy(patient.site, patient.n_lesions)
    lesion = np.array([f.lesion for f in schedule.fractions], int)
    gray = np.array([f.gy for f in schedule.fractions])
    if lesion.max(initial=0) >= len(per_gy):
        raise ValueError(
            f"a fraction treats lesion {lesion.max()}, but the patient has {len(per_gy) - 1}"
        )
    irradiated = gray * np.where(lesion == 0, lesions, 1)
    share = irradiated / irradiated.sum() if len(gray) else irradiated
    return gray * per_gy[lesion], share


@lru_cache(maxsize=256)
def _per_gy(site: str, n_lesions: int | None) -> tuple[np.ndarray, int]:
    """Immune dose per prescribed Gy to all lesions (first) and to each, and how many there are."""
    lesions = n_lesions or site.count("+") + 1
    unit = tuple(PlannedFraction(day=i, gy=1.0, lesion=i) for i in range(lesions + 1))
    patient = Patient(site=site, n_lesions=lesions)
    table = reference_immune_dose(patient_cohort(patient, Schedule(fractions=unit))).fractions
    return table.sort_values("lesion")["immune_dose_gy"].to_numpy(), lesions


def course_arrays(
    given: Irradiation, doses: tuple[np.ndarray, np.ndarray], days: Sequence[float]
) -> CourseArrays:
    """Padded arrays of one course.

    Args:
        given: fractions.
        doses: day and mg of every intake of the drug.
        days: days at which the solution is wanted exactly.

    Raises:
        ValueError: when no shape holds it.
    """
    order = np.argsort(given.day, kind="stable")
    course = Course(
        given.day[order], given.immune_dose[order], given.share[order], *doses,
        np.asarray(days, float),
    )  # fmt: skip
    timeline, layout = build_timeline([course], STEPS)
    windows = [(start, end) for _, start, end in layout.lane_windows]
    needed = Shape(
        timeline.days.node_day.shape[0],
        len(windows),
        0 if timeline.hours is None else timeline.hours.offset.shape[0],
        0 if timeline.hand_down is None else timeline.hand_down.query_day.shape[0],
    )
    for shape in SHAPES:
        sizes = zip(vars(needed).values(), vars(shape).values(), strict=True)
        if (shape.windows > 0) == bool(windows) and all(need <= have for need, have in sizes):
            return _padded(timeline, np.asarray(windows).reshape(-1, 2), shape)
    raise ValueError(
        "this schedule is too long to be computed: ATRA courses less than 10 days apart count as "
        "one, which may last some three weeks"
    )


def _filled(array: np.ndarray, rows: int) -> np.ndarray:
    """More rows at the end, each like the last."""
    return np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1), mode="edge")


def _zeros(array: np.ndarray, rows: int) -> np.ndarray:
    return np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1))


def _padded(timeline: Timeline, windows: np.ndarray, shape: Shape) -> CourseArrays:
    days = timeline.days
    node_day = _filled(np.asarray(days.node_day)[:, 0], shape.nodes)
    known = CourseArrays(
        step=np.diff(node_day),
        node_day=node_day,
        immune_dose=_zeros(np.asarray(days.immune_dose)[:, 0], shape.nodes),
        share=_zeros(np.asarray(days.share)[:, 0], shape.nodes),
        hours_step=np.zeros((0, 0)),
        offset=np.zeros((0, 0)),
        amount=np.zeros((0, 0)),
        start=np.zeros(0),
        real=np.zeros(0),
        query_day=np.zeros((0, 0)),
        query=np.zeros(0, int),
        window=np.zeros(0, int),
        inside=np.zeros(0),
        ended=np.zeros(0, int),
        has_ended=np.zeros(0),
    )
    hours, down = timeline.hours, timeline.hand_down
    if hours is None or down is None:
        return known
    count = len(windows)
    spare = ((0, 0), (0, shape.windows - count))
    offset = np.pad(_filled(np.asarray(hours.offset), shape.hours), spare, mode="edge")
    amount = np.pad(_zeros(np.asarray(hours.amount), shape.hours), spare)
    source = _filled(np.asarray(down.source)[:, 0], shape.nodes)
    flags = [_filled(np.asarray(x)[:, 0], shape.nodes) for x in (down.inside, down.has_ended)]
    return known._replace(
        hours_step=np.diff(offset, axis=0),
        offset=offset,
        amount=amount,
        start=np.pad(np.asarray(hours.start), spare[1], mode="edge"),
        real=(np.arange(shape.windows) < count).astype(float),
        query_day=np.pad(_filled(np.asarray(down.query_day), shape.queries), spare, mode="edge"),
        query=source // count,
        window=source % count,
        inside=flags[0],
        ended=_filled(np.asarray(down.ended)[:, 0], shape.nodes),
        has_ended=flags[1],
    )


def until(
    given: Irradiation, doses: tuple[np.ndarray, np.ndarray], day: float
) -> tuple[Irradiation, tuple[np.ndarray, np.ndarray]]:
    """What has been given before a day; what is given on it comes after a count of that day."""
    over, taken = given.day < day, doses[0] < day
    return (
        Irradiation(given.day[over], given.immune_dose[over], given.share[over]),
        (doses[0][taken], doses[1][taken]),
    )
