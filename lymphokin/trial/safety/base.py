"""What a safety rule of a single-arm run-in answers: enrol, hold or stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lymphokin.trial.inputs import Demands

type Verdict = Literal["enrol", "hold", "stop"]

LARGEST_PENDING_SHARE = 0.5
"""With more than half of the outcomes pending, accrual waits (TITE-BOIN: Yuan 2018,
PMC6191365)."""


@dataclass(frozen=True)
class SafetyData:
    """What is known about the patients of a run-in.

    ``pending``: for each patient without an event whose follow-up is not complete, the time
    followed over the length of the window (0 to 1). Such a patient counts as free of events for
    that part only (time-to-event weight: Cheung and Chappell 2000, Biometrics 56:1177).
    """

    enrolled: int
    events: int
    pending: Sequence[float] = field(default=())

    def __post_init__(self) -> None:
        demands = Demands("safety data")
        demands.want("many", enrolled=self.enrolled).want("count", events=self.events)
        demands.that(
            self.events + len(self.pending) <= self.enrolled,
            "events and pending",
            f"{self.events} + {len(self.pending)}",
            f"at most as many patients as are enrolled ({self.enrolled})",
        )
        for weight in self.pending:
            demands.that(0 <= weight <= 1, "pending", weight, "a follow-up from 0 to 1 window")
        demands.enforce()

    @property
    def complete(self) -> int:
        """Patients with a known outcome."""
        return self.enrolled - len(self.pending)


@dataclass(frozen=True)
class Decision:
    """A verdict, the number behind it and the reason in words."""

    verdict: Verdict
    estimate: float
    """what the rule compares with its limit"""
    reason: str


class SafetyRule(ABC):
    """A rule for the unacceptable event rate of a run-in."""

    name: str
    label: str
    target: float

    @abstractmethod
    def decide(self, data: SafetyData) -> Decision:
        """Verdict on what is known so far."""

    def limit(self, n: int, verdict: Verdict = "stop") -> int | None:
        """Fewest events among ``n`` completely followed patients that lead to a verdict or worse.

        None where no number of events does.
        """
        worse = ("stop",) if verdict == "stop" else ("hold", "stop")
        for events in range(n + 1):
            if self.decide(SafetyData(n, events)).verdict in worse:
                return events
        return None


def waits_for_pending(data: SafetyData) -> bool:
    """Whether too many outcomes are pending to enrol."""
    return len(data.pending) > LARGEST_PENDING_SHARE * data.enrolled
