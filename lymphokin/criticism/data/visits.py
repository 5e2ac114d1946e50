"""Visits found from the days of records: what a visual check puts into one bin."""

from __future__ import annotations

import numpy as np
import pandas as pd

SAME_VISIT_DAYS = 1.5
"""Records less than this apart belong to one visit: it may be a day early or late."""
SAME_VISIT_DAYS_BY_HOUR = 0.5 / 24
"""The same for what changes within hours, such as a drug level."""
WIDEST_DAYS = 7.0
"""A visit whose planned day differs more than this between patients is cut into equal parts."""
FEWEST = 8
"""A visit with fewer records joins the one nearest to it: percentiles of less say nothing."""


def visits_of(day: np.ndarray, by_hour: bool) -> np.ndarray:
    """[record] number of the visit to which each record belongs, from 0 and in order of time.

    Planned days are not part of an event table, so visits are read off the gaps between records.

    Args:
        day: [record] days.
        by_hour: the quantity changes within hours.
    """
    order = np.argsort(day, kind="stable")
    apart = SAME_VISIT_DAYS_BY_HOUR if by_hour else SAME_VISIT_DAYS
    groups = np.split(order, np.flatnonzero(np.diff(day[order]) > apart) + 1)
    parts = [part for group in groups for part in _cut(group, day)]
    while len(parts) > 1 and min(map(len, parts)) < FEWEST:
        small = min(range(len(parts)), key=lambda i: len(parts[i]))
        middle = [day[part].mean() for part in parts]
        beside = [i for i in (small - 1, small + 1) if 0 <= i < len(parts)]
        near = min(beside, key=lambda i: abs(middle[i] - middle[small]))
        first = min(small, near)
        parts[first : first + 2] = [np.concatenate(parts[first : first + 2])]
    visit = np.empty(len(day), int)
    for number, part in enumerate(parts):
        visit[part] = number
    return visit


def _cut(group: np.ndarray, day: np.ndarray) -> list[np.ndarray]:
    """A visit in order of time, cut into parts of about equal size where it is too wide."""
    width = day[group[-1]] - day[group[0]]
    pieces = min(int(np.ceil(max(width, 1e-9) / WIDEST_DAYS)), max(1, len(group) // FEWEST))
    bounds = np.linspace(0, len(group), pieces + 1).round().astype(int)[1:-1]
    # Records of one day stay together.
    bounds = np.searchsorted(day[group], day[group][bounds], side="left")
    return [part for part in np.split(group, np.unique(bounds)) if len(part)]


def visit_table(day: np.ndarray, visit: np.ndarray) -> pd.DataFrame:
    """One row per visit: its median, first and last day and its number of records."""
    days = pd.Series(day).groupby(visit)
    columns = {"day": days.median(), "first": days.min(), "last": days.max()}
    return pd.DataFrame({**columns, "records": days.size()})
