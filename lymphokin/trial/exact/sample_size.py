"""The smallest trial with a given power. Exact power is no smooth function of n: it is a saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lymphokin.trial.exact.attrition import evaluable_numbers
from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.design import Design
from lymphokin.trial.inputs import Demands

LOOK_AHEAD = 20
"""Larger trials that are looked at for a fall below the wanted power."""
LARGEST_SEARCHED = 300
"""Control patients at which a search ends."""


@dataclass(frozen=True)
class SampleSize:
    """First number of randomised control patients with the wanted power."""

    design: Design
    """of the patients randomised"""
    power: float
    """averaged over who drops out"""
    dips: tuple[int, ...]
    """larger numbers of control patients, up to 20 more, whose power falls below it again; none
    with drop-out, whose average has no teeth"""


def sample_size(
    test: ExactTest,
    control: float,
    treated: float,
    alpha: float,
    power: float,
    ratio: float = 1.0,
    largest: int = LARGEST_SEARCHED,
    drop_out: float = 0.0,
    look_ahead: int = LOOK_AHEAD,
) -> SampleSize:
    """Smallest design that reaches a power.

    Args:
        test: the test.
        control: event rate of the control arm.
        treated: event rate of the treated arm, below it.
        alpha: nominal one-sided level.
        power: wanted power.
        ratio: treated patients per control patient.
        largest: number of control patients at which the search ends.
        drop_out: probability of each randomised patient to have no endpoint. The search for a
            power averaged over who drops out begins at the smallest trial without drop-out.
        look_ahead: larger trials to look at for a fall below the wanted power.

    Raises:
        ValueError: when no design up to ``largest`` reaches the power.
        BadInput: when a number has no meaning.
    """
    demands = Demands().want("rate", control=control, treated=treated)
    demands.want("level", alpha=alpha, power=power).want("positive", ratio=ratio)
    demands.want("patients", largest_n=largest).want("drop-out", drop_out_rate=drop_out)
    demands.that(treated < control, "treated", treated, f"a rate below control ({control})")
    demands.enforce()

    @cache
    def analysed(n_treated: int, n_control: int) -> float:
        return float(Design(test, n_treated, n_control, alpha).power(control, treated))

    def arms(n: int) -> tuple[int, int]:
        return max(1, round(ratio * n)), n

    def complete(n: int) -> float:
        return analysed(*arms(n))

    def averaged(n: int) -> float:
        return sum(
            weight * analysed(*stay) for weight, stay in evaluable_numbers(*arms(n), drop_out)
        )

    def first(reached: Callable[[int], float], start: int) -> int:
        for n in range(start, largest + 1):
            if reached(n) >= power:
                return n
        raise ValueError(
            f"{test.label}: no trial of up to {largest} control patients reaches a power of "
            f"{power:g} (it is {reached(largest):.4f} there); search larger trials or expect a "
            "larger difference"
        )

    n = first(complete, 1)
    if drop_out > 0:
        n = first(averaged, n)
        return SampleSize(Design(test, *arms(n), alpha), averaged(n), ())
    dips = tuple(m for m in range(n + 1, n + 1 + look_ahead) if complete(m) < power)
    return SampleSize(Design(test, *arms(n), alpha), complete(n), dips)
