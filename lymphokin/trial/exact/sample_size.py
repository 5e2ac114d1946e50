"""The smallest trial with a given power. Exact power is no smooth function of n: it is a saw."""

from __future__ import annotations

from dataclasses import dataclass

from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.design import Design
from lymphokin.trial.inputs import Demands

LOOK_AHEAD = 20
"""Larger trials that are looked at for a fall below the wanted power."""


@dataclass(frozen=True)
class SampleSize:
    """First number of control patients with the wanted power."""

    design: Design
    power: float
    dips: tuple[int, ...]
    """larger numbers of control patients, up to 20 more, whose power falls below it again"""


def sample_size(
    test: ExactTest,
    control: float,
    treated: float,
    alpha: float,
    power: float,
    ratio: float = 1.0,
    largest: int = 300,
) -> SampleSize:
    """Smallest design that reaches a power.

    Args:
        control: event rate of the control arm.
        treated: event rate of the treated arm, below it.
        alpha: nominal one-sided level.
        power: wanted power.
        ratio: treated patients per control patient.
        largest: number of control patients at which the search ends.

    Raises:
        ValueError: when no design up to ``largest`` reaches the power.
        BadInput: when a number has no meaning.
    """
    demands = Demands().want("rate", control=control, treated=treated)
    demands.want("level", alpha=alpha, power=power).want("positive", ratio=ratio)
    demands.want("patients", largest_n=largest)
    demands.that(treated < control, "treated", treated, f"a rate below control ({control})")
    demands.enforce()

    def at(n: int) -> tuple[Design, float]:
        design = Design(test, max(1, round(ratio * n)), n, alpha)
        return design, float(design.power(control, treated))

    for n in range(1, largest + 1):
        design, reached = at(n)
        if reached >= power:
            later = range(n + 1, n + 1 + LOOK_AHEAD)
            return SampleSize(design, reached, tuple(m for m in later if at(m)[1] < power))
    raise ValueError(
        f"{test.label}: no trial of up to {largest} control patients reaches a power of {power:g} "
        f"(it is {reached:.4f} there); raise --largest-n or expect a larger difference"
    )
