"""Fields of a question that its model cannot use."""

from __future__ import annotations

from collections.abc import Mapping

from lymphokin.model import Model
from lymphokin.pages.messages import Message, say
from lymphokin.whatif.schedule import Schedule


class FieldError(ValueError):
    """Fields of a question that cannot be used, each with the reason.

    Attributes:
        problems: the field, such as ``b.pulses.0.drug``, and what is wrong there.
    """

    def __init__(self, problems: list[tuple[str, Message]]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems))
        self.problems: tuple[tuple[str, Message], ...] = tuple(problems)


class DrugError(FieldError):
    """Drugs that the model does not take: their pulses would change nothing."""


def check_drugs(model: Model, schedules: Mapping[str, Schedule]) -> None:
    """Refuse pulses of drugs that a model does not take.

    Args:
        model: that is asked.
        schedules: by what the question calls them.

    Raises:
        DrugError: with every pulse of such a drug.
    """
    problems = [
        (f"{name}.pulses.{place}.drug", _not_taken(model, pulse.drug))
        for name, schedule in schedules.items()
        for place, pulse in enumerate(schedule.pulses)
        if pulse.drug not in model.drugs
    ]
    if problems:
        raise DrugError(problems)


def check_drug(model: Model, drug: str) -> None:
    """Refuse to vary a drug that a model does not take.

    Raises:
        DrugError: at the field ``drug``.
    """
    if drug not in model.drugs:
        raise DrugError([("drug", _not_taken(model, drug))])


def _not_taken(model: Model, drug: str) -> Message:
    known = list(model.drugs) or say("error.no_drugs")
    return say("error.drug", word=drug, model=model.name, known=known)
