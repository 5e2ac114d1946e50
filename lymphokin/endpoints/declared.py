"""An endpoint as it is declared: a quantity, what is asked of its curve, and when."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lymphokin.endpoint import VISIT_WINDOW_DAYS
from lymphokin.endpoints import path
from lymphokin.io.problems import BadInput, Problem
from lymphokin.shipped import data_path

if TYPE_CHECKING:
    import pandas as pd  # a second to import; only cohorts need it

    from lymphokin.io import Cohort

DEFAULT = "grade2_week6"
LATEST_DAY = 3650.0
"""Days from the reference beyond which no endpoint lies (judgement: ten years)."""
ON_A_DAY = re.compile(r"day(\d{1,4}(?:\.\d+)?)")
"""Name of the count on a day."""
AT_LEVEL = 1e-6
"""Distance of ln fold from a level within which it is at the level, in single precision, too."""
EVENT_BY_DAY = re.compile(r"([A-Za-z]\w*)_by_day(\d{1,4}(?:\.\d+)?)")
"""Name of an event by a day."""


class Endpoint(BaseModel):
    """What is judged of a patient, and when.

    Attributes:
        name: its word in tables and options.
        meaning: a sentence for a reader.
        quantity: an observable of the model.
        what: ``at`` a day, the ``lowest`` or ``highest`` value, days ``time_below`` a level, days
            until the curve stays ``back_above`` it, or the ``area_below`` it; the ``fold`` of the
            value before treatment; or an ``event`` that happens once, which is then the quantity.
        reference: the fraction that days are counted from (key ``from``).
        day: the day, for ``at`` and ``fold``.
        window: a record this near to the day is the visit (days).
        begin, until: days between which the curve counts.
        below: the level, in the unit of the quantity; of a fold, a number.
        above: a fold above it is an event.
        lesions: of a quantity that every lesion has, over which it is summed.
        at_least: what makes an event of days below, or of an area.
        visits: days on which a trial would measure, or look for the event.

    Example:
        >>> from lymphokin.endpoints import read_endpoint
        >>> read_endpoint("grade3_lowest").meaning
        'Lowest count below 0.5 within 30 days of radiotherapy'
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True
    )

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")
    meaning: str = Field(min_length=1)
    quantity: str = "alc"
    what: Literal[
        "at", "lowest", "highest", "time_below", "back_above", "area_below", "fold", "event"
    ]
    reference: Literal["first_fraction", "last_fraction"] = Field(alias="from")
    day: float | None = Field(None, ge=0, le=LATEST_DAY)
    window: float = Field(VISIT_WINDOW_DAYS, ge=0, le=60)
    begin: float = Field(0.0, ge=0, le=LATEST_DAY)
    until: float | None = Field(None, gt=0, le=LATEST_DAY)
    below: float | None = Field(None, gt=0)
    above: float | None = Field(None, gt=0)
    lesions: Literal["irradiated", "outside"] | None = None
    at_least: float | None = Field(None, gt=0)
    visits: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.of_fold and (self.above is not None or self.lesions is not None):
            raise ValueError(f"no above or lesions, as `what` is {self.what}: they are of a fold")
        if self.of_event:
            return self._fits_an_event()
        if self.of_fold:
            return self._fits_a_fold()
        at, counted = self.what == "at", self.what in ("time_below", "area_below")
        if at and self.day is None:
            raise ValueError("a day, as `what` is at")
        if at and (self.until is not None or self.visits or self.begin):
            raise ValueError("no begin, until or visits, as `what` is at")
        if at and (self.quantity != "alc" or self.below is not None):
            raise ValueError("quantity alc and no below, as `what` is at: grades are of counts")
        if not at and (self.until is None or self.until <= self.begin):
            raise ValueError(f"an until after begin, as `what` is {self.what}")
        if not at and self.day is not None:
            raise ValueError(f"no day, as `what` is {self.what}: begin and until")
        if (counted or self.what == "back_above") and self.below is None:
            raise ValueError(f"below, the level, as `what` is {self.what}")
        if self.at_least is not None and not counted:
            raise ValueError("at_least only where `what` is time_below or area_below")
        if not at:
            days = np.asarray(self.visits)
            inside = len(days) and days[0] >= self.begin and days[-1] <= (self.until or 0)
            if not inside or (np.diff(days) <= 0).any():
                raise ValueError("visits in increasing order from begin to until, at least one")
        return self

    def _fits_an_event(self) -> Self:
        if self.until is None:
            raise ValueError("an until, as `what` is event: whether it happens by then")
        beside = (self.day, self.below, self.at_least)
        if any(value is not None for value in beside) or self.begin:
            raise ValueError("no day, begin, below or at_least, as `what` is event")
        days = np.asarray(self.visits)
        if len(days) and (days[0] < 0 or days[-1] > self.until or (np.diff(days) <= 0).any()):
            raise ValueError("visits in increasing order from 0 to until, or none")
        if self.quantity == "alc":
            raise ValueError("quantity, the event, as `what` is event")
        return self

    def _fits_a_fold(self) -> Self:
        if self.day is None:
            raise ValueError("a day, as `what` is fold")
        if self.until is not None or self.begin or self.visits or self.at_least is not None:
            raise ValueError("no begin, until, visits or at_least, as `what` is fold")
        if self.below is not None and self.above is not None:
            raise ValueError("below or above, not both, as `what` is fold")
        return self

    @property
    def of_fold(self) -> bool:
        """Whether it compares a day with the time before treatment."""
        return self.what == "fold"

    @property
    def of_event(self) -> bool:
        """Whether it asks for an event that happens once, of which a model has a hazard."""
        return self.what == "event"

    @property
    def has_event(self) -> bool:
        """Whether the endpoint happens or does not, beside its number."""
        if self.of_event or self.above is not None:
            return True
        counted = self.what in ("time_below", "area_below")
        return self.what == "back_above" or (self.at_least if counted else self.below) is not None

    @property
    def on_a_day(self) -> bool:
        """Whether it is a count on one day, graded as the default endpoint is."""
        return self.what == "at"

    @property
    def last_visit(self) -> float:
        """Days from the reference to the planned visit; of a window, to the last one."""
        return self.planned_visits[-1]

    @property
    def planned_visits(self) -> tuple[float, ...]:
        """Days on which a trial looks, from the reference; an event by default on the last day."""
        if self.day is not None:
            return (self.day,)
        return self.visits or (self.until or 0.0,)

    def due_day(self, last_fraction: ArrayLike) -> NDArray[np.float64]:
        """Day of the planned visit, of a window of the last one, from the first fraction."""
        days = np.asarray(last_fraction, dtype=float)
        return self.last_visit + (days if self.reference == "last_fraction" else 0 * days)

    @property
    def closes(self) -> float:
        """Days from the reference after which no record makes the endpoint known."""
        return max(self.until or 0.0, self.last_visit + self.window)

    def window_of(self, first_fraction: float, last_fraction: float) -> tuple[float, float]:
        """First and last day that are judged in a course of radiotherapy; the same for a count."""
        start = first_fraction if self.reference == "first_fraction" else last_fraction
        if self.day is not None:
            return start + self.day, start + self.day
        assert self.until is not None
        return start + self.begin, start + self.until

    def reference_day(self, cohort: Cohort) -> pd.Series:
        """Day that each patient's days are counted from, index id."""
        fractions = cohort.fractions.groupby("id", sort=False)["day"]
        days = fractions.min() if self.reference == "first_fraction" else fractions.max()
        return days.reindex(cohort.patients.index).fillna(0.0)

    def of_folds(self, log_fold: Any) -> Any:
        """[...] whether the endpoint, a fold, happens; NumPy's or JAX's.

        Args:
            log_fold: [...] ln of the value over that before treatment.
        """
        if self.above is not None:
            return log_fold > np.log(self.above) + AT_LEVEL
        return log_fold < np.log(self.below or np.nan) - AT_LEVEL

    def summarise(self, log_value: Any, day: path.Values) -> tuple[Any, Any]:
        """The number of every curve, and whether the endpoint happens.

        Args:
            log_value: [draw, day] ln of the values on ``day``, linear in between; NumPy's or JAX's.
                Of a fold the first is before treatment, and the last on the endpoint's day.
            day: [day] from ``begin`` to ``until`` after the reference, in increasing order.

        Returns:
            [draw] the number, and [draw] whether it is an event (None without one).
        """
        level = self.below or np.nan
        if self.of_fold:
            log_fold = log_value[:, -1] - log_value[:, 0]
            happens = self.of_folds(log_fold) if self.has_event else None
            return log_value.__array_namespace__().exp(log_fold), happens
        if self.what == "back_above":
            value, reached = path.back_above(log_value, day, level)
            return value, ~reached
        if self.what in ("time_below", "area_below"):
            area = self.what == "area_below"
            value = (path.area_below if area else path.time_below)(log_value, day, level)
            return value, None if self.at_least is None else value >= self.at_least
        highest = self.what == "highest"
        value = (path.highest if highest else path.lowest)(log_value)
        if self.below is None:
            return value, None
        # In logarithms, as a value that is the level itself may come back from them below it.
        extreme = log_value.max(axis=1) if highest else log_value.min(axis=1)
        return value, extreme < np.log(self.below)


def at_day(day: float) -> Endpoint:
    """The count on a day after the first fraction.

    Raises:
        BadInput: for a day before it, or beyond ten years.
    """
    if not 0 <= day <= LATEST_DAY:
        expected = f"a day from 0 to {LATEST_DAY:g} after the first fraction"
        raise BadInput([Problem("endpoint", None, "day", f"{day:g}", expected)])
    return Endpoint.model_validate(
        {
            "name": f"day{day:g}",
            "meaning": f"Count on day {day:g} from the first fraction",
            "what": "at",
            "from": "first_fraction",
            "day": day,
            "window": 0.5,
        }
    )


def event_by(event: str, day: float) -> Endpoint:
    """Whether an event has happened by a day after the first fraction.

    Raises:
        BadInput: for a day before it, or beyond ten years.
    """
    if not 0 < day <= LATEST_DAY:
        expected = f"a day up to {LATEST_DAY:g} after the first fraction"
        raise BadInput([Problem("endpoint", None, "day", f"{day:g}", expected)])
    return Endpoint.model_validate(
        {
            "name": f"{event}_by_day{day:g}",
            "meaning": f"{event} by day {day:g} from the first fraction",
            "quantity": event,
            "what": "event",
            "from": "first_fraction",
            "until": day,
        }
    )


@cache
def shipped_endpoints() -> Mapping[str, Endpoint]:
    """The endpoints that ship, by name."""
    return _read(data_path("endpoints.toml"))


def read_endpoint(endpoint: str | os.PathLike[str] | Endpoint) -> Endpoint:
    """An endpoint by name, from a file, or as it is.

    Args:
        endpoint: the name of a shipped endpoint; ``day30`` for the count on a day from the first
            fraction; ``progression_by_day180`` for an event of a model by a day; or a TOML file
            with one ``[endpoints.NAME]``, or ``FILE:NAME`` where it holds several.

    Raises:
        BadInput: when there is none of that name, or the file does not declare one; with every
            problem of the file.
    """
    if isinstance(endpoint, Endpoint):
        return endpoint
    text = os.fspath(endpoint)
    if text in shipped_endpoints():
        return shipped_endpoints()[text]
    if asked := ON_A_DAY.fullmatch(text):
        return at_day(float(asked[1]))
    if asked := EVENT_BY_DAY.fullmatch(text):
        return event_by(asked[1], float(asked[2]))
    file, _, name = (text, "", "") if Path(text).is_file() else text.rpartition(":")
    if not Path(file).is_file() or not file:
        names = ", ".join(shipped_endpoints())
        expected = (
            f"one of {names}, a day as day30, an event of the model as progression_by_day180, or a "
            "TOML file"
        )
        raise BadInput([Problem("endpoint", None, None, text, expected)])
    found = _read(Path(file))
    if not name and len(found) > 1:
        names = ", ".join(f"{text}:{name}" for name in found)
        raise BadInput([Problem(text, None, None, f"{len(found)} endpoints", f"one: {names}")])
    if name and name not in found:
        raise BadInput([Problem(file, None, "endpoints", name, f"one of {', '.join(found)}")])
    return found[name or next(iter(found))]


def _read(file: Path) -> Mapping[str, Endpoint]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput([Problem(str(file), None, None, str(error), "a TOML file")]) from None
    declared = tables.get("endpoints")
    problems = [
        Problem(str(file), None, key, None, "only tables [endpoints.NAME]")
        for key in tables
        if key != "endpoints"
    ]
    if not isinstance(declared, dict) or not declared:
        problems.append(Problem(str(file), None, None, None, "a table [endpoints.NAME]"))
        raise BadInput(problems)
    found = {}
    for name, keys in declared.items():
        try:
            found[name] = Endpoint.model_validate({**keys, "name": name})
        except (ValidationError, TypeError) as error:
            problems += _problems(file, name, error)
    if problems:
        raise BadInput(problems)
    return found


def _problems(file: Path, name: str, error: ValidationError | TypeError) -> list[Problem]:
    if isinstance(error, TypeError):
        return [Problem(str(file), None, f"endpoints.{name}", None, "a table of keys")]
    result = []
    for e in error.errors():
        where = ".".join(["endpoints", name, *(str(part) for part in e["loc"])])
        known = ", ".join(
            f.alias or key for key, f in Endpoint.model_fields.items() if key != "name"
        )
        expected = {
            "extra_forbidden": f"one of the keys {known}",
            "missing": "a value",
            "float_parsing": "a number",
            "tuple_type": "a list of days",
        }.get(e["type"], e["msg"].removeprefix("Value error, ").removeprefix("Input should be "))
        value = None if e["type"] == "missing" else str(e["input"])
        if not e["loc"]:  # keys that do not fit together
            keys = e["input"].items()
            value = ", ".join(f"{k} = {v}" for k, v in keys if k not in ("name", "meaning"))
        result.append(Problem(str(file), None, where, value, expected))
    return result
