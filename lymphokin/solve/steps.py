"""Where the solver steps: nodes on every event, short steps after it, longer ones as it calms down.

All days are relative to the patient's first fraction. How accurate the counts are is chosen by
:meth:`StepRule.for_tolerance`, and measured for every fit (``solver_relative_error`` in its
provenance).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import inf, log10

import numpy as np

from lymphokin.quantities import DRUG, HOURS_PER_DAY

DEFAULT_TOLERANCE = 1e-4
"""Relative error of counts under the default steps, small against a measurement's 0.14. The worst
count of the shipped trial errs by 4e-5 in a typical posterior draw and by 7e-5 in the worst; in
prior draws by 2e-5 and 3e-4."""
ORDER = 4
"""By which power of the step the error falls."""
TAIL_DAYS_PER_TENTH = 1.25
"""How much longer a drug window lasts when a tenth of the error is allowed. With 4 days whatever
the tolerance, slow drugs in the prior's tail kept gradients off by up to 0.7 %; with these, draws
of the prior come to within 1e-5 of adaptive diffrax (a slow test)."""


PAST_RESET = 5e-9
"""Days for which a window goes on after a reset: a node there is inside, the next dose is not."""


@dataclass(frozen=True)
class Window:
    """How drugs of the hours clock are followed that share their windows."""

    drugs: tuple[str, ...] = (DRUG,)
    tail_days: float = 0.0
    """How long a window must last after its last dose."""
    fineness: float = 1.0
    """What steps of the hours clock are multiplied with, for a drug faster than most."""


@dataclass(frozen=True)
class StepRule:
    """Step sizes; ``refine`` divides them all (2 halves every step).

    They are balanced: shortening any one group alone costs more than it gains in the counts.
    """

    first_days: float = 0.36
    """Longest step right after a dose, on the days clock, for its signal bends within hours."""
    after_fraction_days: float = 0.9
    """The same after a fraction, which is over at once."""
    growth: float = 0.21
    """How much longer a step may be per day since the last fraction or dose."""
    longest_days: float = 4.0
    first_hours: float = 0.009
    """First step after a dose on the hours clock; then steps double, for what the drug drives
    saturates within a minute."""
    early_hours: float = 0.23
    """Longest step right after a dose, once it has come to that."""
    growth_hours: float = 0.18
    """How much longer a step may be per hour since the last dose."""
    longest_hours: float = 1.6
    """Longest step while the drug is being cleared."""
    cleared_hours: float = 6.0
    """Time after a dose from which on steps may grow beyond that."""
    cleared_growth: float = 0.18
    """How much longer they may then be per hour."""
    tail_days: float = 4.0
    """How long a window lasts after its last dose, at the least; by then the drug of the default
    model is gone. :func:`lymphokin.solve.following` makes it longer for a drug that stays."""
    separate_days: float = 10.0
    """Doses further apart than this start a new window."""
    refine: int = 1
    tolerance: float = DEFAULT_TOLERANCE
    """Relative error of counts that these steps aim at."""
    windows: tuple[Window, ...] = (Window(),)
    """Drugs of the hours clock; those of a model from :func:`lymphokin.solve.following`."""
    on_days: tuple[str, ...] = ()
    """Drugs that blocks of the days clock take."""
    infused: tuple[str, ...] = ()
    """Drugs that may be infused."""
    from_first_record: bool = False
    """Whether a patient leaves the initial state at the first record, not at the first event."""

    def within(self, window: Window) -> StepRule:
        """The rule in the windows of some drugs."""
        days, scale = max(self.tail_days, window.tail_days), window.fineness
        return replace(
            self,
            tail_days=days,
            separate_days=max(self.separate_days, days),
            first_hours=scale * self.first_hours,
            early_hours=scale * self.early_hours,
            longest_hours=scale * self.longest_hours,
            cleared_hours=scale * self.cleared_hours,
            windows=(replace(window, tail_days=0.0, fineness=1.0),),
        )

    @classmethod
    def for_tolerance(cls, rtol: float) -> StepRule:
        """Steps with which the counts of a trial err by about ``rtol``, relative.

        The rule is calibrated on the default model; what it gave is measured by halving the steps.
        """
        default = cls()
        scale = (rtol / DEFAULT_TOLERANCE) ** (1 / ORDER)
        steps = {name: scale * getattr(default, name) for name in _SCALED}
        # What is left of the drug at a window's end is neglected; it falls exponentially.
        tail = default.tail_days - TAIL_DAYS_PER_TENTH * min(0.0, log10(rtol / DEFAULT_TOLERANCE))
        return replace(default, **steps, tail_days=min(tail, default.separate_days), tolerance=rtol)

    def step_days(self, since_dose: float, since_fraction: float) -> float:
        """Longest step of the days clock, by the days since the last dose and fraction."""
        after_dose = self.first_days + self.growth * since_dose
        after_fraction = self.after_fraction_days + self.growth * since_fraction
        return min(self.longest_days, after_dose, after_fraction)

    def step_in_window(self, since: float) -> float:
        """The same for the hours clock, with both in days."""
        return self.step_hours(HOURS_PER_DAY * since) / HOURS_PER_DAY

    def step_hours(self, since: float) -> float:
        """Longest step of the hours clock, this many hours after the last dose; in hours."""
        early = min(
            self.longest_hours,
            self.first_hours + since,
            self.early_hours + self.growth_hours * since,
        )
        return early + self.cleared_growth * max(0.0, since - self.cleared_hours)


_SCALED = (
    "first_days",
    "after_fraction_days",
    "growth",
    "longest_days",
    "first_hours",
    "early_hours",
    "growth_hours",
    "longest_hours",
    "cleared_growth",
)

LONG_STEPS = StepRule(
    first_days=1.0,
    after_fraction_days=1.0,
    growth=1.0,
    longest_days=14.0,
    first_hours=0.05,
    early_hours=0.5,
    growth_hours=0.8,
    longest_hours=3.0,
    cleared_hours=6.0,
    cleared_growth=1.5,
)
"""Fewer than half as many steps: good enough to follow a density, not to state it. Over a posterior
of the shipped trial the log density then errs by 0.1 to 0.2 (SD)."""


COARSE_STEPS = StepRule(
    first_hours=0.02,
    early_hours=0.25,
    growth_hours=0.4,
    longest_hours=2.0,
    cleared_hours=8.0,
    cleared_growth=0.6,
)
"""Coarser on the hours clock, for simulations: counts agree with the default to about 1e-3, small
against a measurement error of 0.18, and areas under the drug's curve to about 1 %."""


def drug_windows(
    dose_days: Sequence[float],
    rule: StepRule,
    ends: Sequence[float] | None = None,
    resets: Sequence[float] = (),
) -> list[tuple[float, float]]:
    """Start and end of each drug window: runs of doses, each followed by a tail (days).

    Args:
        dose_days: days of the doses, sorted.
        rule: that of the drug.
        ends: days on which each has been given; None where all are given at once.
        resets: days, sorted, at which windows end, and after which others start.
    """
    if len(resets):
        given = dose_days if ends is None else ends
        edges = [-inf, *resets, inf]
        found: list[tuple[float, float]] = []
        for begin, end in pairwise(edges):
            own = [i for i, day in enumerate(dose_days) if begin < day <= end]
            parts = drug_windows([dose_days[i] for i in own], rule, [given[i] for i in own])
            # A record at the time of the reset was taken before it.
            found += [(a, min(b, end + PAST_RESET)) for a, b in parts]
        return found
    windows: list[tuple[float, float]] = []
    for day, given in zip(dose_days, dose_days if ends is None else ends, strict=True):
        if windows and day - (windows[-1][1] - rule.tail_days) <= rule.separate_days:
            windows[-1] = (windows[-1][0], max(windows[-1][1], given + rule.tail_days))
        else:
            windows.append((day, given + rule.tail_days))
    return windows


def _fill(
    start: float,
    end: float,
    since: tuple[float, ...],
    longest: Callable[..., float],
    refine: int,
) -> np.ndarray:
    """Nodes after ``start`` up to and with ``end``, evened out so that the last one hits it.

    Args:
        since: times from the last events to ``start``.
        longest: longest step by the times since the last events.
    """
    nodes = start + _distances(end - start, since, longest, refine)
    nodes[-1] = end
    return nodes


@lru_cache(maxsize=4096)
def _distances(
    gap: float, since: tuple[float, ...], longest: Callable[..., float], refine: int
) -> np.ndarray:
    """Distances of the nodes of a gap from its start. Cohorts repeat few gaps very often."""
    steps: list[float] = []
    total = 0.0
    while total < gap - 1e-9:
        steps.append(longest(*(earlier + total for earlier in since)))
        total += steps[-1]
    return np.cumsum(np.repeat(np.asarray(steps) * gap / total, refine) / refine)


def _since(day: float, events: Sequence[float]) -> float:
    """Time from the last of the events, sorted, up to ``day``; infinite before all."""
    earlier = bisect_right(events, day)
    return day - events[earlier - 1] if earlier else inf


def days_nodes(
    anchors: Sequence[float], doses: Sequence[float], fractions: Sequence[float], rule: StepRule
) -> np.ndarray:
    """Nodes of the days clock for one patient.

    Args:
        anchors: days that must be nodes (events, observations, days of interest), sorted, unique.
        doses: days of doses, sorted.
        fractions: days of fractions, sorted.
    """
    # Where nothing ever happens, every interval is stepped as right after a dose.
    idle = not doses and not fractions
    nodes = [np.asarray(anchors[:1], dtype=float)]
    for start, end in pairwise(anchors):
        since = (0.0 if idle else _since(start, doses), _since(start, fractions))
        nodes.append(_fill(start, end, since, rule.step_days, rule.refine))
    return np.concatenate(nodes)


def hours_nodes(dose_days: Sequence[float], end: float, rule: StepRule) -> np.ndarray:
    """Nodes of one drug window in days, graded after each dose, from its first dose to ``end``."""
    nodes = [np.asarray([dose_days[0]], dtype=float)]
    for start, stop in zip(dose_days, [*dose_days[1:], end], strict=True):
        nodes.append(_fill(start, stop, (0.0,), rule.step_in_window, rule.refine))
    return np.concatenate(nodes)
