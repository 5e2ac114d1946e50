"""Published numbers beside what the calibrated model predicts for them: one row per number."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.pages.drawing import BLACK, BLUE, GREY, ORANGE, PALE, log_ticks, styled

ROW_INCHES = 0.19


@styled
def draw_reproduction(fitted: pd.DataFrame, left_out: pd.DataFrame | None = None) -> Figure:
    """Forest of published numbers: counts in one panel, shares below a threshold in the other.

    Args:
        fitted: from :func:`lymphokin.literature.reproduction.reproduce`.
        left_out: the same rows, each study predicted from the others alone.
    """
    tables = [fitted] if left_out is None else [fitted, left_out]
    counts = [t[t["unit"] == "1e9/L"].reset_index(drop=True) for t in tables]
    shares = [t[t["unit"] == "1"].reset_index(drop=True) for t in tables]
    heights = [len(counts[0]) + 2, len(shares[0]) + 2]
    figure = Figure(figsize=(7.2, ROW_INCHES * sum(heights) + 1.2), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=heights)
    _forest(above, counts)
    log_ticks(above, "x", [0.3, 0.5, 0.8, 1.0, 1.4, 2.0])
    above.set_xlabel("lymphocyte count, 10⁹/L")
    _forest(below, shares)
    below.set(xlim=(0, 0.75), xlabel="share of patients below the threshold")
    return figure


def _forest(axes: Axes, tables: list[pd.DataFrame]) -> None:
    rows = tables[0]
    styles = [(BLACK, 0.0), (ORANGE, 0.28)]
    for table, (color, shift) in zip(tables, styles[: len(tables)], strict=True):
        for i, row in table.iterrows():
            y = len(rows) - 1 - int(i) - shift  # type: ignore[call-overload]
            axes.plot([row["q05"], row["q95"]], [y, y], color=color, lw=0.8, zorder=2)
            axes.plot([row["q25"], row["q75"]], [y, y], color=color, lw=2.4, zorder=2)
    places = [len(rows) - 1 - i for i in range(len(rows))]
    axes.scatter(rows["observed"], places, s=16, color=BLUE, edgecolor="white", lw=0.5, zorder=3)
    labels = [
        f"{str(row.study).replace('_', ' ')}, {row.of}"
        + (f" day {row.days}" if isinstance(row.days, str) and row.days else "")
        + f": {row.statistic}"
        for row in rows.itertuples()
    ]
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.9, len(rows) - 0.3)
    before = None
    for place, study in zip(places, rows["study"], strict=True):
        if before is not None and study != before:
            axes.axhline(place + 0.5, color=PALE, lw=0.5)
        before = study
    axes.spines["left"].set_color(GREY)
