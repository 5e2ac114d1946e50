"""Bayesian optimal interval boundaries (BOIN), with pending outcomes (TITE-BOIN).

A run-in has one dose: where BOIN would go down, the run-in holds for the safety board; where BOIN
would eliminate the dose, it stops. Liu and Yuan 2015, doi 10.1111/rssc.12089; Yuan 2018,
PMC6191365.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import Decision, SafetyData, SafetyRule, waits_for_pending
from lymphokin.trial.safety.posterior import probability_above

BELOW, ABOVE = 0.6, 1.4
"""Rates, as multiples of the target, that are clearly too low and clearly too high."""
ELIMINATION_FROM = 3
"""Patients from which on a dose may be eliminated."""


@dataclass(frozen=True)
class Boin(SafetyRule):
    """Holds when the estimated rate reaches the upper boundary, stops when the dose is eliminated.

    The dose is eliminated when P(rate > target | data) > ``certainty`` under a uniform prior, where
    a pending patient counts as free of events, as published; the beta-binomial rule counts the
    followed part only and stops earlier.
    """

    target: float = 0.30
    certainty: float = 0.95

    name: str = "boin"
    label: str = "BOIN"

    def __post_init__(self) -> None:
        demands = Demands("safety rule")
        demands.want("level", target=self.target, certainty=self.certainty)
        expected = f"a rate below {1 / ABOVE:.3f}, so that {ABOVE} times it is a rate"
        demands.that(not self.target >= 1 / ABOVE, "target", self.target, expected).enforce()

    @property
    def lower(self) -> float:
        """Estimated rate up to which BOIN goes up a dose."""
        return _boundary(BELOW * self.target, self.target)

    @property
    def upper(self) -> float:
        """Estimated rate from which on BOIN goes down a dose."""
        return _boundary(self.target, ABOVE * self.target)

    def estimate(self, data: SafetyData) -> float:
        """Estimated rate; a pending outcome counts as its expected value.

        The expectation uses the mean of the rate given the known outcomes, under a prior worth one
        patient at half the target.
        """
        mean = (data.events + 0.5 * self.target) / (data.complete + 1)
        unseen = len(data.pending) - sum(data.pending)
        return (data.events + mean / (1 - mean) * unseen) / data.enrolled

    def decide(self, data: SafetyData) -> Decision:
        rate = self.estimate(data)
        if data.enrolled >= ELIMINATION_FROM:
            treated = SafetyData(data.enrolled, data.events)
            above = probability_above(self.target, treated, (1.0, 1.0))
            if above > self.certainty:
                reason = f"P(rate > {self.target:g}) = {above:.3f}, above {self.certainty:g}"
                return Decision("stop", rate, reason)
        said = f"estimated rate {rate:.3f}"
        if waits_for_pending(data):
            return Decision("hold", rate, f"{said}; more than half of the outcomes are pending")
        if rate >= self.upper:
            return Decision("hold", rate, f"{said}, at or above {self.upper:.4f}")
        return Decision("enrol", rate, f"{said}, below {self.upper:.4f}")


def _boundary(low: float, high: float) -> float:
    """Rate at which data are equally likely under two rates."""
    return log((1 - low) / (1 - high)) / log(high * (1 - low) / (low * (1 - high)))
