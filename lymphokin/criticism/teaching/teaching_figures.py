"""Pictures of what the data taught: posterior within the prior, sensitivity, information."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lymphokin.criticism.teaching.prior_sensitivity import Identifiability
from lymphokin.pages.drawing import BLACK, BLUE, GREY, PALE, VERMILLION, log_ticks, styled
from lymphokin.verdict import FINE

_ROW = 0.19
_LEAST = 1e-3
"""Information below this is drawn at it."""


@styled
def within_prior_figure(draws: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Where in its prior each posterior lies: 50 and 90 % intervals, in per cent of prior draws.

    Args:
        draws: per name, prior and posterior draws; drawn in this order from the top.
    """
    figure = Figure(figsize=(6.2, 0.75 + _ROW * len(draws)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(5, 95, color="#f0f0f0", lw=0)
    axes.axvline(50, color=GREY, lw=0.7, ls=(0, (4, 2)))
    for place, (prior, posterior) in enumerate(draws.values()):
        at = np.quantile(posterior, (0.05, 0.25, 0.5, 0.75, 0.95))
        rank = 100 * np.searchsorted(np.sort(prior), at) / len(prior)
        axes.hlines(place, rank[0], rank[4], color=BLUE, lw=1.3)
        axes.hlines(place, rank[1], rank[3], color=BLUE, lw=3.6)
        axes.plot(rank[2], place, "|", color=BLACK, ms=8, mew=1.4)
    axes.set_yticks(range(len(draws)), labels=list(draws))
    axes.set(ylim=(len(draws) - 0.4, -0.6), xlim=(0, 100))
    axes.set_xlabel("posterior, as per cent of prior draws below it")
    return figure


@styled
def sensitivity_figure(table: pd.DataFrame) -> Figure:
    """Sensitivity of each result to the prior (circles) and to the data (triangles)."""
    figure = Figure(figsize=(6.2, 0.75 + _ROW * len(table)), layout="constrained")
    axes = figure.add_subplot()
    place = np.arange(len(table))
    axes.hlines(place, 0, table["prior"], color=PALE, lw=3)
    far = (table["diagnosis"] != FINE).to_numpy()
    axes.plot(table["likelihood"], place, "^", color=GREY, mfc="none", ms=4, label="data")
    for rows, face in ((~far, "white"), (far, BLACK)):
        axes.plot(table["prior"][rows], place[rows], "o", color=BLACK, mfc=face, ms=4.5)
    axes.axvline(float(table["threshold"].iloc[0]), color=VERMILLION, lw=1.2, ls=(0, (4, 2)))
    axes.set_yticks(place, labels=list(table.index))
    reach = 1.15 * max(0.1, float(table["prior"].max()), float(table["likelihood"].median()))
    axes.set(ylim=(len(table) - 0.4, -0.6), xlim=(0, reach))
    axes.set_xlabel("sensitivity (power scaling)")
    return figure


@styled
def information_figure(directions: Identifiability) -> Figure:
    """Information of the data over that of the prior in each direction, named by its quantities."""
    count = len(directions.information)
    figure = Figure(figsize=(7.2, 0.75 + _ROW * count), layout="constrained")
    axes = figure.add_subplot()
    place, value = np.arange(count), np.maximum(directions.information, _LEAST)
    axes.hlines(place, _LEAST, value, color=PALE, lw=3.5)
    axes.plot(value, place, "o", color=BLACK, ms=4)
    axes.axvline(1, color=VERMILLION, lw=1.2, ls=(0, (4, 2)))
    high = max(10.0, float(value.max())) * 1.5
    log_ticks(axes, "x", [10.0**e for e in range(-3, 6) if 10.0**e < high])
    axes.set_yticks(place, labels=[directions.named(i) for i in range(count)], size=7)
    axes.set(ylim=(count - 0.4, -0.6), xlim=(_LEAST, high))
    axes.set_xlabel("information of the data over that of the prior")
    return figure
