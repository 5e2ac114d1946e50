"""What a check says: one level, one sentence, and the numbers that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FINE, LOOK, WRONG = "fine", "look", "wrong"
LEVELS = (FINE, LOOK, WRONG)
LOOK_BELOW, WRONG_BELOW = 0.05, 0.005
"""Probabilities, if the model were right, of data at least as far off: below them a check says
look, and wrong. With some twenty checks one look in a good fit is nothing unusual."""


@dataclass(frozen=True)
class Verdict:
    """The verdict of one check.

    ``check``: which check; ``subject``: of what (a quantity, an arm, the population); ``level``:
    fine, look or wrong; ``sentence``: the verdict in words; ``numbers``: what it rests on.
    """

    check: str
    subject: str
    level: str
    sentence: str
    numbers: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For ``check.json``."""
        return {**vars(self), "numbers": dict(self.numbers)}


def level_of(p: float) -> str:
    """Level of a check whose numbers would be at least as far off with probability ``p``."""
    return WRONG if p < WRONG_BELOW else LOOK if p < LOOK_BELOW else FINE


def worst(verdicts: Iterable[Verdict]) -> str:
    """The worst level among some verdicts; fine when there is none."""
    return max((v.level for v in verdicts), key=LEVELS.index, default=FINE)


def in_words(p: float, trials: int) -> str:
    """A probability estimated from a number of simulated trials, never below what they can show."""
    least = 1 / (trials + 1)
    return f"less than {least:.2g}" if p <= least else f"{p:.2g}"
