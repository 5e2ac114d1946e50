"""What an endpoint asks of one patient: by name, on which days, and how its number is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, PlainSerializer

from lymphokin.endpoint import GRADE_BELOW
from lymphokin.endpoints import (
    DEFAULT,
    EVENT_BY_DAY,
    ON_A_DAY,
    Endpoint,
    read_endpoint,
    require_quantity,
    shipped_endpoints,
)
from lymphokin.io.problems import BadInput
from lymphokin.model import Model, ModelError
from lymphokin.pages.messages import Message, RefusedError, say
from lymphokin.quantities import OBSERVABLES
from lymphokin.whatif.limits import COUNTED, LATEST_JUDGED_DAY
from lymphokin.whatif.schedule import Schedule

SIX_WEEKS: Endpoint = shipped_endpoints()[DEFAULT]
"""Grade >= 2 at the visit six weeks after the last fraction, which is judged by default."""
BETTER_BY = 0.05
"""How much lower a number must be to be called better (judgement): 5 of 100 patients, or as large
a part of the days of a window."""

LESIONS = {"outside": "lesions outside the field", "irradiated": "irradiated lesions"}
"""What a fold of lesions is about, in words."""


@dataclass(frozen=True)
class Scale:
    """How a judged number is rounded and shown.

    Attributes:
        per: whole steps in one unit: 100 in a probability, 1 in a day.
        largest: the most that the number can be.
        unit: of the number; of 100 patients where it is a probability.
    """

    per: int
    largest: float
    unit: str

    @property
    def is_chance(self) -> bool:
        """Whether the number is a probability, shown as patients of 100."""
        return self.unit == CHANCE.unit

    @property
    def better_by(self) -> int:
        """Steps by which a lower number is better."""
        return round(BETTER_BY * self.largest * self.per)

    def steps(self, value: float) -> int:
        """The nearest whole number of steps, halves up."""
        return math.floor(self.per * value + 0.5)

    def shown(self, steps: int) -> float:
        """Steps in the unit of the number."""
        return steps / self.per


CHANCE = Scale(100, 1.0, "of 100")


class JudgedBy(BaseModel):
    """An endpoint in words."""

    name: str
    meaning: str
    happens: Message
    """what happens to a patient ("a lowest count below 0.5") or is counted ("days below 0.8")"""
    unit: str
    """of its number: "of 100" patients, "days" or "1e9/L x days" """
    largest: float
    """the most that the number can be; 1 for a probability"""
    on_a_day: bool
    """whether it is a count on a day, of which every grade has a risk"""


def _named(endpoint: Any) -> Any:
    if not isinstance(endpoint, str):
        return endpoint
    by_day = ON_A_DAY.fullmatch(endpoint) or EVENT_BY_DAY.fullmatch(endpoint)
    if endpoint not in shipped_endpoints() and not by_day:
        raise RefusedError("error.endpoint", known=list(shipped_endpoints()))  # opens no file
    try:
        return read_endpoint(endpoint)
    except BadInput as error:
        raise ValueError(str(error)) from None


def _as_asked(endpoint: Endpoint) -> str | dict[str, Any]:
    """A name where that says it all, else the whole declaration."""
    try:
        if _named(endpoint.name) == endpoint:
            return endpoint.name
    except ValueError:
        pass
    return endpoint.model_dump(mode="json", by_alias=True)


type Asked = Annotated[
    Endpoint,
    BeforeValidator(_named, json_schema_input_type=str | Endpoint),
    PlainSerializer(_as_asked),
]
"""An endpoint in a question: a shipped one, a day (``day30``) or an event by a day
(``progression_by_day180``) by name, or as it is declared."""


def _is_chosen_day(endpoint: Endpoint) -> bool:
    chosen = EVENT_BY_DAY if endpoint.of_event else ON_A_DAY
    by_day = endpoint.of_event or endpoint.on_a_day
    return by_day and chosen.fullmatch(endpoint.name) is not None


def check_endpoint(endpoint: Endpoint, model: Model) -> None:
    """Refuse what a what-if with a model cannot judge.

    Raises:
        ValueError: saying which part of the endpoint, and what is possible.
    """
    if endpoint.of_event and endpoint.quantity not in model.hazards:
        asked = {"model": model.name, "event": endpoint.quantity}
        if not model.hazards:
            raise RefusedError("error.no_events", **asked)
        raise RefusedError("error.no_event", **asked, known=list(model.hazards))
    if endpoint.of_fold:
        require_quantity(model, endpoint)
    elif not endpoint.of_event and endpoint.quantity != COUNTED:
        raise ValueError(
            f"endpoint {endpoint.name} is about {endpoint.quantity}; a what-if judges {COUNTED}, "
            "folds and events"
        )
    if endpoint.of_fold and not endpoint.has_event:
        raise ValueError(f"endpoint {endpoint.name}: a what-if needs below or above, a level")
    if endpoint.what in ("lowest", "highest") and endpoint.below is None:
        raise ValueError(f"endpoint {endpoint.name}: a what-if needs below, the level that counts")
    last = endpoint.day if endpoint.day is not None else endpoint.until
    assert last is not None
    if last > LATEST_JUDGED_DAY:
        ends = {"name": endpoint.name, "length": float(last), "most": LATEST_JUDGED_DAY}
        raise RefusedError("error.late_endpoint", **ends)


def offered(model: Model) -> list[Endpoint]:
    """The shipped endpoints that a model has."""
    return [endpoint for endpoint in shipped_endpoints().values() if has(model, endpoint)]


def has(model: Model, endpoint: Endpoint) -> bool:
    """Whether a model follows what an endpoint is about."""
    if endpoint.of_event:
        return endpoint.quantity in model.hazards
    try:
        require_quantity(model, endpoint)
    except ModelError:
        return False
    return True


def scale_of(endpoint: Endpoint) -> Scale:
    """How the number of an endpoint is shown."""
    if endpoint.on_a_day or endpoint.has_event:
        return CHANCE
    assert endpoint.until is not None
    length = endpoint.until - endpoint.begin
    if endpoint.what == "area_below":
        assert endpoint.below is not None
        return Scale(10, endpoint.below * length, f"{OBSERVABLES[endpoint.quantity].unit} x days")
    return Scale(1, length, "days")


def in_words(endpoint: Endpoint, model: Model) -> JudgedBy:
    """An endpoint of a model as people read it."""
    scale, meaning = scale_of(endpoint), endpoint.meaning
    if _is_chosen_day(endpoint) and endpoint.of_event:
        label = model.events[endpoint.quantity].label
        meaning = f"{label[0].upper()}{label[1:]} by day {endpoint.until:g}"
    elif _is_chosen_day(endpoint):
        meaning = f"Lymphocyte count measured below {GRADE_BELOW[2]:g} on day {endpoint.day:g}"
    return JudgedBy(
        name=endpoint.name,
        meaning=meaning,
        happens=_happens(endpoint, model),
        unit=scale.unit,
        largest=scale.largest,
        on_a_day=endpoint.on_a_day,
    )


def _happens(endpoint: Endpoint, model: Model) -> Message:
    if endpoint.on_a_day:
        return say("happens.on_a_day")
    if endpoint.of_event:
        return say("happens.event", event=model.events[endpoint.quantity].label)
    if endpoint.of_fold:
        what = LESIONS.get(endpoint.lesions or "", model.observables[endpoint.quantity].label)
        if endpoint.below is not None:
            return say("happens.fold_below", what=what, level=endpoint.below)
        assert endpoint.above is not None
        return say("happens.fold_above", what=what, level=endpoint.above)
    assert endpoint.below is not None
    if endpoint.at_least is None:
        return say(f"happens.{endpoint.what}", below=endpoint.below)
    key = f"happens.{endpoint.what}_at_least"
    return say(key, below=endpoint.below, least=endpoint.at_least)


def window_of(endpoint: Endpoint, schedule: Schedule) -> tuple[float, float]:
    """First and last day that are judged under a schedule; after day 0 without fractions.

    A day that was chosen counts from day 0, which all schedules of a question share.
    """
    if _is_chosen_day(endpoint):
        return endpoint.window_of(0, 0)
    return endpoint.window_of(schedule.first_fraction_day, schedule.last_fraction_day)


def visit_of(endpoint: Endpoint, schedule: Schedule) -> float:
    """Day of the visit whose grades are shown: of an endpoint on a day, else six weeks after."""
    return window_of(endpoint if endpoint.on_a_day else SIX_WEEKS, schedule)[0]
