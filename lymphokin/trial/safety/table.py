"""The table for the safety board: enrol, hold or stop, for what may be seen."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import SafetyData, SafetyRule

ALMOST = 0.999
"""Follow-up, in windows, of a patient who is just not complete."""
BISECTIONS = 20


def decision_table(rule: SafetyRule, enrolled: Sequence[int]) -> pd.DataFrame:
    """Verdicts by patients enrolled, events and outcomes pending.

    The verdict may depend on how long the pending patients have been followed. Their follow-up is
    taken as the same for all, in windows summed over them.

    Returns:
        one row per (``enrolled``, ``events``, ``pending``): ``verdict`` without any follow-up of
        the pending patients, ``verdict_followed`` with almost complete follow-up, and
        ``followed`` (summed windows from which on the second holds; NaN where both are the same).
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
    return pd.DataFrame(rows)


def _row(rule: SafetyRule, n: int, events: int, pending: int) -> dict[str, object]:
    def verdict(part: float) -> str:
        return rule.decide(SafetyData(n, events, [part] * pending)).verdict

    first, last = verdict(0.0), verdict(ALMOST)
    followed = float("nan")
    if first != last:
        low, high = 0.0, ALMOST
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if verdict(middle) == first else (low, middle)
        followed = high * pending
    return {
        "enrolled": n,
        "events": events,
        "pending": pending,
        "verdict": first,
        "verdict_followed": last,
        "followed": followed,
    }
