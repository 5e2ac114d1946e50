"""The table for the safety board: enrol, hold or stop, for what may be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import SafetyData, SafetyRule, Verdict

ALMOST = 0.999
"""Follow-up, in windows, of a patient who is just not complete."""
BISECTIONS = 20


@dataclass(frozen=True)
class State:
    """What may be seen at a look, and what the rule answers."""

    enrolled: int
    events: int
    pending: int
    verdict: Verdict
    """without any follow-up of the pending patients"""
    verdict_followed: Verdict
    """with almost complete follow-up of the pending patients"""
    followed: float | None
    """follow-up, in windows summed over the pending patients, from which on the second verdict
    holds; None where both are the same"""


def decision_table(rule: SafetyRule, enrolled: Sequence[int]) -> list[State]:
    """Verdicts by patients enrolled, events and outcomes pending.

    The verdict may depend on how long the pending patients have been followed. Their follow-up is
    taken as the same for all, in windows summed over them.

    Returns:
        one row per state.
    """
    demands = Demands("decision table")
    for n in enrolled:
        demands.want("patients", enrolled=n)
    demands.enforce()
    rows = []
    for n in enrolled:
        for events in range(n + 1):
            for pending in range(n - events + 1):
                rows.append(_row(rule, n, events, pending))
    return rows


def _row(rule: SafetyRule, n: int, events: int, pending: int) -> State:
    def verdict(part: float) -> Verdict:
        return rule.decide(SafetyData(n, events, [part] * pending)).verdict

    first, last = verdict(0.0), verdict(ALMOST)
    if first == last:
        return State(n, events, pending, first, last, None)
    low, high = 0.0, ALMOST
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if verdict(middle) == first else (low, middle)
    return State(n, events, pending, first, last, high * pending)
