"""Largest inputs of a what-if, and the base of everything that is asked."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

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
