"""The safety run-in of a design file: its rule, and how the rule behaves."""

from __future__ import annotations

from dataclasses import dataclass

from lymphokin.trial.design_tables import RunIn
from lymphokin.trial.safety import RULES, Characteristics, SafetyRule, characteristics
from lymphokin.trial.safety.accrual import PendingCharacteristics, with_pending

RUNS = 400
"""Run-ins simulated per true rate: a standard error of at most 0.025."""


@dataclass(frozen=True)
class RunInPart:
    """What the report says about the run-in."""

    rule: SafetyRule
    certainty: float
    exact: Characteristics
    """every outcome known at each look"""
    in_time: list[PendingCharacteristics]
    """patients come while outcomes are pending; empty where the design file says no accrual"""
    window_days: float | None
    accrual_per_month: float | None


def run_in_part(run_in: RunIn, rates: tuple[float, ...], seed: int) -> RunInPart:
    """The run-in at true event rates; ``seed`` is that of the simulated run-ins."""
    rule = RULES[run_in.rule](run_in.target, run_in.certainty)
    window, accrual = run_in.window_days, run_in.accrual_per_month
    in_time = (
        [with_pending(rule, run_in.looks, p, accrual, window, RUNS, seed) for p in rates]
        if window is not None and accrual is not None
        else []
    )
    exact = characteristics(rule, run_in.looks, rates)
    return RunInPart(rule, run_in.certainty, exact, in_time, window, accrual)
