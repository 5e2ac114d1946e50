"""The tests side by side for one trial."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lymphokin.trial.exact.attrition import Attrition
from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.design import Design, Size
from lymphokin.trial.exact.sample_size import LARGEST_SEARCHED, SampleSize, sample_size


@dataclass(frozen=True)
class Compared:
    """What one test makes of a trial."""

    design: Design
    power: float
    """at the assumed rates, averaged over who drops out"""
    size: Size
    smallest: SampleSize | None
    """the smallest trial that reaches the wanted power, larger ones not looked at; None where none
    up to 300 controls does"""


def compare(
    tests: Iterable[ExactTest],
    n_treated: int,
    n_control: int,
    alpha: float,
    rates: tuple[float, float],
    target: float,
    drop_out: float = 0.0,
) -> list[Compared]:
    """Power, true size, boundary and smallest trial of each test.

    Args:
        tests: the tests.
        n_treated: treated patients.
        n_control: control patients.
        alpha: nominal one-sided level.
        rates: event rates of control and treated.
        target: power that the smallest trial must reach, with arms in the same proportion.
        drop_out: probability of each patient to have no endpoint.
    """
    rows = []
    for test in tests:
        design = Design(test, n_treated, n_control, alpha)
        attrition = Attrition(design, drop_out)
        try:
            smallest = sample_size(
                test, *rates, alpha, target, n_treated / n_control, LARGEST_SEARCHED, drop_out, 0
            )
        except ValueError:  # none is large enough
            smallest = None
        if drop_out > 0:
            power, size = attrition.power(*rates), attrition.size
        else:
            power, size = float(design.power(*rates)), design.size
        rows.append(Compared(design, power, size, smallest))
    return rows
