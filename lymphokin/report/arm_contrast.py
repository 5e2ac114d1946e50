"""The arms side by side, and their difference."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.pages import wording
from lymphokin.pages.drawing import BLACK, BLUE, GREY, ORANGE, PALE, VERMILLION, styled
from lymphokin.predict.contrast import DIFFERENCE

_ROW = 0.3


@styled
def arm_contrast(
    contrast: pd.DataFrame, happened: dict[str, float], difference_reach: float, drug: str
) -> Figure:
    """Predicted share of patients with grade >= 2, median and 90 % interval, by arm.

    `contrast`: rows of `ReportContents.contrast` with the link fitted or zero, arms in the order
    to draw, the difference last if there is one. `happened`: observed share by arm (a diamond).
    `difference_reach`: half the width of the difference's axis, shared by figures that stand side
    by side. `drug`: label of the link's drug.
    """
    arms = contrast[contrast["arm"] != DIFFERENCE]
    difference = contrast[contrast["arm"] == DIFFERENCE]
    blocks = [len(arms)] + ([1] if len(difference) else [])
    height = sum(blocks) * _ROW + 0.55 * len(blocks)
    figure = Figure(figsize=(4.1, height))
    top = height - 0.05
    for rows, is_difference in zip((arms, difference), (False, True), strict=True):
        if not len(rows):
            continue
        deep = len(rows) * _ROW
        axes = figure.add_axes((0.3, (top - deep) / height, 0.66, deep / height))
        top -= deep + 0.55
        _rows(axes, rows, {} if is_difference else happened)
        if is_difference:
            axes.set_xlim(-difference_reach, difference_reach)
            axes.axvline(0, color=BLACK, lw=0.9)
            axes.set_xlabel(f"with {drug} minus without (percentage points)")
        else:
            axes.set(xlim=(0, 1), xlabel="share with grade ≥ 2 at the endpoint visit (%)")
        axes.xaxis.set_major_formatter(lambda share, _: wording.points(share))
    return figure


def _rows(axes: Axes, rows: pd.DataFrame, happened: dict[str, float]) -> None:
    axes.set(ylim=(len(rows) - 0.5, -0.5), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=PALE, lw=0.5)
    axes.set_axisbelow(True)
    colours = (BLUE, ORANGE, VERMILLION, GREY)
    for place, row in enumerate(rows.to_dict("records")):
        name = wording.arm(row["arm"])
        label = wording.shortened(name)
        colour = BLACK if name == DIFFERENCE else colours[place % len(colours)]
        axes.text(
            -0.05, place, label, transform=axes.get_yaxis_transform(), ha="right", va="center"
        )
        axes.hlines(place, row["rate_q05"], row["rate_q95"], color=colour, lw=4)
        axes.plot(row["rate_q50"], place, "|", color=BLACK, ms=11, mew=1.8, zorder=3)
        seen = happened.get(name, np.nan)
        axes.plot(
            seen, place, "D", ms=5, color=BLACK, mfc="white", mew=1.1, zorder=4, clip_on=False
        )
