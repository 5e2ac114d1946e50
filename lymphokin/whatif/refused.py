"""Fields of a question that its model cannot use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lymphokin.model import Model
from lymphokin.model.units import mg_in
from lymphokin.pages.messages import Message, say
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.schedule import Pulse, Schedule


class FieldError(ValueError):
    """Fields of a question that cannot be used, each with the reason.

    Attributes:
        problems: the field, such as ``b.pulses.0.drug``, and what is wrong there.
    """

    def __init__(self, problems: list[tuple[str, Message]]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems))
        self.problems: tuple[tuple[str, Message], ...] = tuple(problems)


class DrugError(FieldError):
    """Pulses of drugs that the model does not take, or not as infusions, or in another unit than
    the drug's.
    """


def check_drugs(model: Model, schedules: Mapping[str, Schedule]) -> None:
    """Refuse pulses of drugs that a model does not take, infusions that it does not read, and doses
    in mg of what is no mass.

    Args:
        model: that is asked.
        schedules: by what the question calls them.

    Raises:
        DrugError: with every such pulse.
    """
    problems = [
        (f"{name}.pulses.{place}.{field}", message)
        for name, schedule in schedules.items()
        for place, pulse in enumerate(schedule.pulses)
        for field, message in _problem(model, pulse)
    ]
    if problems:
        raise DrugError(problems)


def _problem(model: Model, pulse: Pulse) -> Iterator[tuple[str, Message]]:
    taken = model.drugs.get(pulse.drug)
    if taken is None:
        yield "drug", _not_taken(model, pulse.drug)
        return
    if not infuses(model, pulse):
        stated = {"found": pulse.infusion_hours, "model": model.name, "word": pulse.drug}
        yield "infusion_hours", say("error.infusion", **stated)
    if pulse.mg_per_m2_per_day is not None and mg_in(taken.unit) is None:
        yield "mg_per_m2_per_day", say("error.no_mass", drug=pulse.drug, unit=taken.unit)


def check_counts(model: Model, known: Sequence[str], patient: Patient) -> None:
    """Refuse counts of what a what-if with a model cannot use.

    Args:
        model: that is asked.
        known: quantities whose counts it can use.
        patient: of whom they are.

    Raises:
        FieldError: with every such count.
    """
    said = {"model": model.name, "known": list(known)}
    problems = [
        (f"patient.counts.{i}.quantity", say("error.unknown_quantity", quantity=c.quantity, **said))
        for i, c in enumerate(patient.counts)
        if c.quantity not in known
    ]
    if problems:
        raise FieldError(problems)


def infuses(model: Model, pulse: Pulse) -> bool:
    """Whether a model can give a pulse as an infusion, or it is none."""
    return not pulse.infusion_hours or pulse.drug in model.infused


def takes_all(model: Model, schedule: Schedule) -> bool:
    """Whether a model can give every pulse of a schedule."""
    return all(p.drug in model.drugs and infuses(model, p) for p in schedule.pulses)


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
