"""Levels of a drug: what the fit says each true level was, against the measured one."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lymphokin.pages.drawing import BLACK, GREY, ORANGE, log_ticks, round_numbers, styled
from lymphokin.pages.within_limits import MARKERS, draw_bars, kinds


@styled
def level_fit(samples: pd.DataFrame, unit: str) -> Figure:
    """Draw fitted against measured levels with 50 and 90 % intervals, logarithmic.

    `samples`: rows of `ReportContents.levels` of one quantity, in `unit`. A level beyond a
    limit is a triangle at it that points to where it lies, one between two limits a bar.
    """
    figure = Figure(figsize=(4.2, 3.7))
    axes = figure.add_axes((0.14, 0.13, 0.83, 0.84))
    shown = samples[(samples["observed"] > 0) & (samples["q50"] > 0)]
    seen = shown["observed"].to_numpy(float)
    spread = np.concatenate([seen, shown["q50"], shown["q95"], shown["q25"]])
    low, high = (spread.min() / 1.6, spread.max() * 1.4) if len(spread) else (1.0, 1000.0)
    ticks = round_numbers(low, high)
    log_ticks(axes, "x", ticks)
    log_ticks(axes, "y", ticks)
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set(xlabel=f"measured ({unit})", ylabel=f"fitted true concentration ({unit})")
    axes.plot([low, high], [low, high], color=GREY, lw=0.9, ls=(0, (4, 2)), zorder=1)
    axes.vlines(seen, shown["q05"].clip(lower=low), shown["q95"], color=ORANGE, lw=1.1, zorder=2)
    axes.vlines(seen, shown["q25"], shown["q75"], color=ORANGE, lw=3.2, zorder=2)
    for kind, rows in kinds(shown).items():
        middle = shown["q50"].to_numpy(float)[rows]
        if kind == "between":
            draw_bars(axes, middle, shown[rows], across=True, color=BLACK, zorder=3)
        else:
            marker = "o" if kind == "measured" else MARKERS[kind][1]
            axes.plot(seen[rows], middle, marker, color=BLACK, ms=4, zorder=3)
    return figure
