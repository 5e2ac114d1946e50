"""Every patient's lymphocyte counts over time, as they were measured."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lymphokin.files import write_with
from lymphokin.io import Cohort
from lymphokin.pages.drawing import (
    BLACK,
    BLUE,
    GRADE2_LIMIT,
    PALE,
    VERMILLION,
    log_ticks,
    save_figure,
    styled,
)
from lymphokin.pages.within_limits import KEYS, MARKERS, draw_bars, kinds, there_are
from lymphokin.quantities import OBSERVABLES

TICKS: list[float] = [0.05, 0.1, 0.2, 0.5, 0.8, 1, 2, 5, 10]
FEWEST_FOR_MEDIAN = 5
"""Counts in a week that its median is drawn from."""


@styled
def spaghetti(cohort: Cohort) -> Figure:
    """Lymphocyte counts (1e9/L, logarithmic) over days from the first fraction, a line per patient.

    The bold line joins the medians of weeks with enough counts; triangles point down from an upper
    limit and up from a lower one that a count lies beyond, bars join the limits of others.
    """
    counts = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    log_ticks(axes, "y", TICKS)
    for _, own in counts.groupby("id", sort=False):
        axes.plot(own["day"], own["value"], color=PALE, linewidth=0.6, marker=".", markersize=2)
    if len(counts):
        shown = pd.concat([counts["value"], counts["lower"], counts["upper"]])
        shown = shown[(shown > 0) & np.isfinite(shown)]
        axes.set_ylim(min(shown.min(), GRADE2_LIMIT) * 0.85, max(shown.max(), 1) * 1.15)
    of_kind = kinds(counts)
    for kind in there_are(counts):
        own = counts[of_kind[kind]]
        if kind == "between":
            draw_bars(axes, own["day"].to_numpy(float), own, color=VERMILLION, label=KEYS[kind])
        else:
            axes.plot(own["day"], own["value"], MARKERS[kind][0], color=VERMILLION, markersize=4,
                      label=KEYS[kind])  # fmt: skip
    week = np.floor(counts["day"].to_numpy(float) / 7)
    weekly = counts.groupby(week).agg(day=("day", "median"), value=("value", "median"),
                                      n=("value", "size"))  # fmt: skip
    weekly = weekly[weekly["n"] >= FEWEST_FOR_MEDIAN]
    axes.plot(weekly["day"], weekly["value"], color=BLUE, linewidth=1.8, marker="o", markersize=3,
              label="median of the week" if len(weekly) else "_")  # fmt: skip
    axes.axhline(
        GRADE2_LIMIT, color=BLACK, linewidth=0.8, linestyle="--", label="grade 2 below 0.8"
    )
    axes.axvline(0, color=BLACK, linewidth=0.5, linestyle=":")
    axes.set_xlabel("days from day 0 (first fraction)")
    axes.set_ylabel(OBSERVABLES["alc"].axis)
    synthetic = "SYNTHETIC DATA. " if cohort.synthetic else ""
    patients = counts["id"].nunique()
    axes.set_title(f"{synthetic}{len(counts):,} counts of {patients:,} patients", loc="left")
    axes.legend(frameon=False, fontsize=7, loc="upper right")
    return figure


def save_spaghetti(cohort: Cohort, path: str | os.PathLike[str]) -> None:
    """Draw `spaghetti` into a PNG, SVG or PDF file, which appears complete or not at all.

    Raises ValueError for another kind of file.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{path}: expected a name that ends with .png, .svg or .pdf")
    write_with(path, lambda temporary: save_figure(spaghetti(cohort), temporary))
