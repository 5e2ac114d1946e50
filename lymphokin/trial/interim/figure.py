"""Predicted against observed, as a figure."""

import pandas as pd
from matplotlib.figure import Figure

from lymphokin.pages.drawing import BLACK, BLUE, GREY, PALE, styled


@styled
def calibration_figure(table: pd.DataFrame) -> Figure:
    """Predicted and observed probability of a significant end, by bin, with 90 % intervals.

    `table`: from :func:`lymphokin.trial.interim.calibration.calibration_table`.
    """
    figure = Figure(figsize=(4.2, 3.9), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 3)))
    axes.vlines(table["predicted"], table["observed_q05"], table["observed_q95"], color=BLUE, lw=2)
    axes.plot(table["predicted"], table["observed"], "o", color=BLACK, ms=4.5, zorder=3)
    for row in table.itertuples():
        below = float(row.observed_q05) > 0.5  # type: ignore[arg-type]
        spot = row.observed_q05 if below else row.observed_q95
        axes.annotate(
            str(row.trials),
            (row.predicted, spot),  # type: ignore[arg-type]
            xytext=(0, -2 if below else 2),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=6.5,
        )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.06, 1.06), aspect="equal")
    axes.grid(color=PALE, lw=0.4)
    axes.set_axisbelow(True)
    axes.set_xlabel("predictive probability at the look (mean of the bin)")
    axes.set_ylabel("share of trials that ended significant")
    return figure
