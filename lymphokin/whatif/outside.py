"""What is too far outside what was seen for any number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lymphokin.endpoints import Endpoint
from lymphokin.pages.messages import Message, say
from lymphokin.whatif.answers import Notice
from lymphokin.whatif.familiar import unfamiliar
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Schedule

if TYPE_CHECKING:
    from lymphokin.whatif.engine import Engine


class OutsideError(ValueError):
    """A patient or schedule so far outside what was seen that no number is given.

    Attributes:
        notices: every reason.
    """

    def __init__(self, notices: Sequence[Notice]) -> None:
        super().__init__("; ".join(notice.text for notice in notices))
        self.notices: tuple[Notice, ...] = tuple(notices)


def outside(
    engine: Engine,
    patient: Patient,
    schedule: Schedule,
    plan: Schedule,
    endpoint: Endpoint,
    name: str = "schedule",
) -> list[Notice]:
    """Where a patient under a schedule lies outside what was seen.

    Args:
        engine: of the population.
        patient: the patient.
        schedule: the schedule.
        plan: the schedule that the patient is on.
        endpoint: what is judged.
        name: what the question calls the schedule.
    """
    treatment = engine.treatment(patient, schedule, plan)
    notices = unfamiliar(engine.population, patient, schedule, treatment, name, endpoint)
    return [notice for notice in notices if notice.outside]


def doubts(engine: Engine, patient: Patient, plan: Schedule, draws: int) -> list[Message]:
    """Why every number of a patient must be marked: counts that the model cannot follow."""
    reliable = engine.condition(patient, plan, draws).reliable
    return [] if reliable else [say("counts.unreliable")]


def refuse_too_far(
    engine: Engine,
    patient: Patient,
    schedules: dict[str, Schedule],
    plan: Schedule,
    endpoint: Endpoint,
) -> None:
    """Refuse what lies too far outside what was seen for any number.

    Raises:
        OutsideError: with every reason.
    """
    reasons = {
        (notice.field, notice.text): notice
        for name, schedule in schedules.items()
        for notice in outside(engine, patient, schedule, plan, endpoint, name)
        if notice.beyond
    }
    if reasons:
        raise OutsideError(list(reasons.values()))
