"""Where the solver steps: nodes on every event, short steps after it, longer ones as it calms down.

All days are relative to the patient's first fraction. Step sizes are chosen so that counts agree
with an adaptive solver at 1e-10 to better than 1e-5 (held by the tests against SciPy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HOURS_PER_DAY = 24.0


@dataclass(frozen=True)
class StepRule:
    """Step sizes; ``refine`` divides them all (2 halves every step)."""

    pulse_days: float = 0.25
    """Longest step of the days clock while a drug window lasts."""
    first_days: float = 0.25
    """Longest step right after an event."""
    growth: float = 0.25
    """How much longer a step may be per day since the last event."""
    longest_days: float = 4.0
    first_hours: float = 0.02
    """First step after a dose on the hours clock."""
    growth_hours: float = 1.3
    """Ratio of one step to the one before, within a dosing interval."""
    longest_hours: float = 8.0
    tail_days: float = 4.0
    """How long a window lasts after its last dose; by then the drug is gone."""
    drug_days: float = 1.0
    """How long after its last dose the drug still acts; short steps until then."""
    separate_days: float = 10.0
    """Doses further apart than this start a new window."""
    refine: int = 1


def drug_windows(dose_days: Sequence[float], rule: StepRule) -> list[tuple[float, float]]:
    """Start and end of each drug window: runs of doses, each followed by a tail (days)."""
    windows: list[tuple[float, float]] = []
    for day in dose_days:
        if windows and day - (windows[-1][1] - rule.tail_days) <= rule.separate_days:
            windows[-1] = (windows[-1][0], day + rule.tail_days)
        else:
            windows.append((day, day + rule.tail_days))
    return windows


def _fill(start: float, end: float, longest: Sequence[float] | float, refine: int) -> np.ndarray:
    """Nodes after ``start`` up to and with ``end``, stretched so that the last one hits it."""
    steps: list[float] = []
    total, i = 0.0, 0
    while total < end - start - 1e-12:
        size = longest if isinstance(longest, float) else longest[min(i, len(longest) - 1)]
        steps.append(size)
        total += size
        i += 1
    sizes = np.repeat(np.asarray(steps) * (end - start) / total, refine) / refine
    nodes = start + np.cumsum(sizes)
    nodes[-1] = end
    return nodes


def days_nodes(
    anchors: Sequence[float],
    events: Sequence[float],
    windows: Sequence[tuple[float, float]],
    rule: StepRule,
) -> np.ndarray:
    """Nodes of the days clock for one patient.

    Args:
        anchors: days that must be nodes (events, observations, days of interest), sorted, unique.
        events: days of fractions and doses, sorted.
        windows: drug windows; their starts and ends must be among the anchors.
    """
    nodes = [np.asarray(anchors[:1], dtype=float)]
    dosing = [(start, end - rule.tail_days + rule.drug_days) for start, end in windows]
    calm_since = [*events, *(end for _, end in dosing)]
    for start, end in zip(anchors[:-1], anchors[1:], strict=True):
        busy = max((stop for begin, stop in dosing if begin <= start < stop), default=start)
        if busy >= end:
            nodes.append(_fill(start, end, rule.pulse_days, rule.refine))
            continue
        if busy > start:
            nodes.append(_fill(start, busy, rule.pulse_days, rule.refine))
        quiet = busy - max((day for day in calm_since if day <= busy), default=busy)
        sizes: list[float] = []
        while sum(sizes) < end - busy:
            elapsed = quiet + sum(sizes)
            sizes.append(min(rule.longest_days, rule.first_days + rule.growth * elapsed))
        nodes.append(_fill(busy, end, sizes, rule.refine))
    return np.concatenate(nodes)


def hours_nodes(dose_days: Sequence[float], end: float, rule: StepRule) -> np.ndarray:
    """Nodes of one drug window in days, graded after each dose, from its first dose to ``end``."""
    first = rule.first_hours / HOURS_PER_DAY
    longest = rule.longest_hours / HOURS_PER_DAY
    nodes = [np.asarray([dose_days[0]], dtype=float)]
    for start, stop in zip(dose_days, [*dose_days[1:], end], strict=True):
        count = int(np.ceil((stop - start) / first)) + 1
        sizes = np.minimum(longest, first * rule.growth_hours ** np.arange(min(count, 400)))
        nodes.append(_fill(start, stop, sizes.tolist(), rule.refine))
    return np.concatenate(nodes)
