"""Largest inputs of a what-if, and the base of everything that is asked."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lymphokin.io.problems import BadInput, Problem

DrawCount = Literal[400, 3600]
"""Paired draws: of a preview and of a scan, whose numbers move by up to 3 of 100 with the seed; and
of an answer (three times each of the 1,200 published populations), by at most 1."""
PREVIEW_DRAWS: DrawCount = 400
SETTLED_DRAWS: DrawCount = 3600
COUNTED = "alc"
"""The quantity that a what-if judges, and counts unless it is said otherwise."""
LATEST_DAY = 126
"""Last day of the curves: 18 weeks."""
LATEST_FRACTION_DAY = 77
"""So that the visit 6 weeks later still lies on the curves."""
EARLIEST_DAY = -28
MOST_FRACTIONS = 40
MOST_PULSES = 8
LARGEST_AMOUNT = 1e6
"""Of a drug in a day, in its unit (judgement: a slip of the unit)."""
LARGEST_IMMUNE_DOSE_GY = 30.0
"""Of a whole course (judgement: a slip of the unit)."""
MOST_COUNTS = 40
MOST_LESIONS = 10
LATEST_JUDGED_DAY = 364
"""Days from its fraction at which an endpoint may end: a year (judgement)."""
MOST_CELLS = 144
"""Cells of a scan, and options of a search."""


class Strict(BaseModel):
    """An input that refuses unknown fields, and numbers that are not finite."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", allow_inf_nan=False, frozen=True
    )

    def __init__(self, /, **values: Any) -> None:
        """An input from its fields.

        Raises:
            BadInput: with everything that is wrong.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise bad_input(error, type(self).__name__) from None

    # Pydantic's mark of a plain constructor: an input within another one is made without it, so
    # that all problems of a question are found, each at its field.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """An input from plain values.

        Raises:
            BadInput: with everything that is wrong.
        """
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise bad_input(error, cls.__name__) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """An input from JSON.

        Raises:
            BadInput: with everything that is wrong.
        """
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise bad_input(error, cls.__name__) from None


def bad_input(error: ValidationError, where: str) -> BadInput:
    """What is wrong with values, as one message.

    Args:
        error: as pydantic has it.
        where: what they are of.
    """
    return BadInput(
        Problem(
            where,
            None,
            ".".join(str(p) for p in e["loc"]) or None,
            None if e["type"] == "missing" else str(e["input"])[:60],
            _expected(e["msg"]),
        )
        for e in error.errors()
    )


def _expected(message: str) -> str:
    for start in ("Value error, ", "Input should be ", "expected "):
        message = message.removeprefix(start)
    return message[:1].lower() + message[1:]
