"""How a safety rule behaves while outcomes are pending: the run-in simulated in time.

Patients come at random; each look asks the rule with the follow-up that pending patients have by
then. Asked to hold, enrolment waits and the rule is asked again every day. After the last patient
everybody is followed to the end, and the rule is asked once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.estimate import Estimate
from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import SafetyData, SafetyRule, Verdict

DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True)
class PendingCharacteristics:
    """Operating characteristics at one true rate, each with its Monte-Carlo error."""

    rate: float
    stopped: Estimate
    """probability of stopping"""
    held: Estimate
    """probability that some look asks to hold"""
    patients: Estimate
    """patients enrolled"""
    events: Estimate
    """patients with an event"""
    days: Estimate
    """days from the first patient until the run-in has stopped or everybody is followed"""
    waited: Estimate
    """days on which enrolment waited"""
    pending: Estimate
    """share of outcomes pending at the looks that enrolment passed or stopped at"""


def with_pending(
    rule: SafetyRule,
    looks: Sequence[int],
    rate: float,
    accrual_per_month: float,
    window: float,
    runs: int = 1000,
    seed: int = 0,
) -> PendingCharacteristics:
    """Operating characteristics of a rule at a speed of accrual.

    Args:
        rule: the rule.
        looks: numbers of patients at which the data are looked at, rising; the last is the size.
        rate: true event rate; events fall uniformly into the window.
        accrual_per_month: patients who come per month, at random (Poisson).
        window: days over which events are counted.
        runs: run-ins to simulate.
        seed: of the random numbers.
    """
    demands = Demands("run-in in time").want("rate", rate=rate).want("many", runs=runs)
    demands.want("positive", accrual_per_month=accrual_per_month, window=window).enforce()
    rng = np.random.default_rng(seed)
    size = looks[-1]
    rows = []
    for _ in range(runs):
        gaps = rng.exponential(DAYS_PER_MONTH / accrual_per_month, size)
        toxic = rng.random(size) < rate
        event_day = np.where(toxic, rng.uniform(0, window, size), np.inf)
        rows.append(_RunIn(rule, tuple(looks), gaps, event_day, window).characteristics())
    columns = [Estimate.of(np.asarray(column)) for column in zip(*rows, strict=True)]
    return PendingCharacteristics(rate, *columns)


class _RunIn:
    """One run-in."""

    def __init__(
        self,
        rule: SafetyRule,
        looks: tuple[int, ...],
        gaps: NDArray[np.float64],
        event_day: NDArray[np.float64],
        window: float,
    ) -> None:
        self.rule, self.looks, self.gaps, self.window = rule, looks, gaps, window
        self.event_day = event_day
        self.entry: list[float] = []

    def _known(self, today: float) -> SafetyData:
        followed = today - np.asarray(self.entry)
        event_day = self.event_day[: len(followed)]
        event = event_day <= followed
        pending = ~event & (followed < self.window)
        weights = np.maximum(followed[pending], 0.0) / self.window
        return SafetyData(len(followed), int(event.sum()), weights.tolist())

    def _verdict(self, today: float) -> tuple[Verdict, float]:
        """What the rule says, and the share of outcomes pending."""
        data = self._known(today)
        return self.rule.decide(data).verdict, len(data.pending) / data.enrolled

    def characteristics(self) -> tuple[float, ...]:
        """stopped, held, patients, events, days, waited, pending."""
        today, held, waited, pending = 0.0, False, 0.0, []
        for i, gap in enumerate(self.gaps):
            today += gap if i else 0.0
            if i in self.looks:
                verdict, share = self._verdict(today)
                held = held or verdict == "hold"
                # With every outcome known the safety board decides; here enrolment goes on.
                while verdict == "hold" and share > 0:
                    waited, today = waited + 1.0, today + 1.0
                    verdict, share = self._verdict(today)
                pending.append(share)
                if verdict == "stop":
                    return self._ended(today, True, held, waited, pending)
            self.entry.append(today)
        today += self.window
        verdict, _ = self._verdict(today)
        return self._ended(today, verdict == "stop", held or verdict != "enrol", waited, pending)

    def _ended(
        self, today: float, stopped: bool, held: bool, waited: float, pending: list[float]
    ) -> tuple[float, ...]:
        events = float(np.isfinite(self.event_day[: len(self.entry)]).sum())
        share = float(np.mean(pending)) if pending else 0.0
        return float(stopped), float(held or stopped), len(self.entry), events, today, waited, share
