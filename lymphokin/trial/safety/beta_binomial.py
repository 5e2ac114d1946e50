"""Bayesian monitoring of an event rate (Thall and Simon 1994, Biometrics 50:337)."""

from __future__ import annotations

from dataclasses import dataclass

from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import Decision, SafetyData, SafetyRule, waits_for_pending
from lymphokin.trial.safety.posterior import probability_above


@dataclass(frozen=True)
class BetaBinomial(SafetyRule):
    """Stops when P(rate > target | data) exceeds ``certainty``, whatever is still pending.

    A stop is final, so that it takes the pending patients as free of events: the table of events
    that stop holds at every look, early or late. Where the part of their follow-up that is known
    says stop, but their outcomes could undo it, and while most outcomes are pending, it holds.
    """

    target: float = 0.30
    certainty: float = 0.95
    prior: tuple[float, float] = (1.0, 1.0)
    """parameters of the Beta prior of the rate"""

    name: str = "beta-binomial"
    label: str = "Beta-binomial"

    def __post_init__(self) -> None:
        demands = Demands("safety rule")
        demands.want("level", target=self.target, certainty=self.certainty)
        demands.want("beta", prior_a=self.prior[0], prior_b=self.prior[1]).enforce()

    def decide(self, data: SafetyData) -> Decision:
        above = probability_above(self.target, data, self.prior)
        said = f"P(rate > {self.target:g}) = {above:.3f}"
        if above > self.certainty:
            free = SafetyData(data.enrolled, data.events)
            if probability_above(self.target, free, self.prior) > self.certainty:
                return Decision("stop", above, f"{said}, above {self.certainty:g}")
            reason = f"{said}, above {self.certainty:g}, but pending outcomes could undo it"
            return Decision("hold", above, reason)
        if waits_for_pending(data):
            return Decision("hold", above, f"{said}; more than half of the outcomes are pending")
        return Decision("enrol", above, f"{said}, not above {self.certainty:g}")
