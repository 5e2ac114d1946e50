"""Safety of a single-arm run-in: boundaries, pending outcomes, operating characteristics."""

from collections.abc import Callable, Mapping

from lymphokin.trial.safety.base import Decision, SafetyData, SafetyRule
from lymphokin.trial.safety.beta_binomial import BetaBinomial
from lymphokin.trial.safety.boin import Boin
from lymphokin.trial.safety.characteristics import Characteristics, characteristics
from lymphokin.trial.safety.posterior import probability_above
from lymphokin.trial.safety.table import State, decision_table

RULES: Mapping[str, Callable[[float, float], SafetyRule]] = {
    rule.name: rule for rule in (BetaBinomial, Boin)
}
"""The rules by name, each made from a target rate and a certainty."""

__all__ = [
    "RULES",
    "BetaBinomial",
    "Boin",
    "Characteristics",
    "Decision",
    "SafetyData",
    "SafetyRule",
    "State",
    "characteristics",
    "decision_table",
    "probability_above",
]
