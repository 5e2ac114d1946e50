"""Whether a question can be asked of a model at all, with everything that stands against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lymphokin.endpoints import Endpoint
from lymphokin.pages.messages import Message, RefusedError
from lymphokin.whatif.covariates import held
from lymphokin.whatif.judging import check_endpoint
from lymphokin.whatif.patient import Patient
from lymphokin.whatif.refused import FieldError, check_counts, check_drugs
from lymphokin.whatif.schedule import Schedule

if TYPE_CHECKING:
    from lymphokin.whatif.engine import Engine


def require_usable(
    engine: Engine,
    patient: Patient,
    schedules: Mapping[str, Schedule],
    plan: Schedule,
    endpoint: Endpoint,
) -> None:
    """Refuse a question that the model of an engine cannot answer, all problems at once.

    Args:
        engine: of the population.
        patient: the patient.
        schedules: by what the question calls them.
        plan: the schedule that the patient is on.
        endpoint: what is judged.

    Raises:
        ValueError: the one problem that there is, as it is elsewhere.
        FieldError: several, each with its field.
    """
    model = engine.population.model
    checks: list[tuple[str, Callable[[], object]]] = [
        ("endpoint", lambda: check_endpoint(endpoint, model)),
        ("", lambda: check_drugs(model, schedules)),
        ("", lambda: check_counts(model, engine.countable, patient)),
        ("", lambda: held(patient, model)),
    ]
    for name, schedule in schedules.items():
        checks.append((name, lambda s=schedule: engine.treatment(patient, s, plan)))
    errors: list[ValueError] = []
    problems: dict[str, tuple[str, Message]] = {}
    for field, check in checks:
        try:
            check()
        except FieldError as error:
            errors.append(error)
            problems |= {m.text: (f, m) for f, m in error.problems if m.text not in problems}
        except RefusedError as error:
            errors.append(error)
            problems.setdefault(error.message.text, (field, error.message))
    if len(problems) == 1:
        raise errors[0]
    if problems:
        raise FieldError(list(problems.values()))
