"""Heat maps over designs; lightness alone carries the number, and every cell says it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lymphokin.pages.drawing import BLACK, PALE, VERMILLION, styled
from lymphokin.pages.wording import plain
from lymphokin.trial.space.timing import RiskByDay

DASHES = ((0, (6, 2)), "-", (0, (4, 1, 1, 1)), (0, (1, 1)))


@styled
def heat_map(
    table: pd.DataFrame, across: str, down: str, meaning: str, limit: float | None = None
) -> Figure:
    """A table of numbers from 0 to 1 as a heat map.

    `across`, `down`: what columns and rows are. `meaning`: what the numbers are; they are shown in
    percent. Cells at or above `limit` are framed.
    """
    values = table.to_numpy(float)
    rows, columns = values.shape
    widest = max(len(line) for c in table.columns for line in _plain(c).split("\n"))
    size = (1.5 + max(0.36, 0.075 * widest) * columns, 0.8 + 0.24 * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    # cividis: the same to every colour vision, and monotone in lightness.
    axes.imshow(values, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(rows, columns):
        bright = values[i, j] > 0.55
        axes.text(
            j, i, f"{100 * values[i, j]:.0f}", ha="center", va="center", fontsize=6.5,
            color=BLACK if bright else "white",
        )  # fmt: skip
        if limit is not None and values[i, j] >= limit:
            edge = BLACK if bright else "white"
            corner = (j - 0.44, i - 0.42)
            axes.add_patch(Rectangle(corner, 0.88, 0.84, fill=False, edgecolor=edge, lw=1.1))
    axes.set_xticks(range(columns), [_plain(c) for c in table.columns])
    axes.set_yticks(range(rows), [_plain(r) for r in table.index])
    axes.tick_params(length=0)
    axes.set(xlabel=across, ylabel=down)
    axes.set_title(meaning, fontsize=8, loc="left")
    return figure


def _plain(label: object) -> str:
    """Days, patients and rates; four digits are more than anybody knows of a rate."""
    return plain(label, 4) if isinstance(label, int | float) else str(label)


@styled
def risk_curves(found: RiskByDay, planned: float, drug: str) -> Figure:
    """Share of patients below 0.80 by day after radiotherapy, for each first day of the drug (a
    label).
    """
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(found.days, 100 * found.control, color=VERMILLION, lw=2, label=f"no {drug}")
    # cividis again: the darker, the earlier.
    shades = colormaps["cividis"](np.linspace(0.1, 0.85, len(found.starts)))
    for i, (start, risk) in enumerate(zip(found.starts, found.treated, strict=True)):
        day = f"{start:g}".replace("-", "−")
        axes.plot(found.days, 100 * risk, color=shades[i], ls=DASHES[i % len(DASHES)], lw=1.5,
                  label=f"{drug} from day {day}")  # fmt: skip
    axes.axvline(planned, color=BLACK, lw=0.8, ls=(0, (1, 2)))
    axes.set(xlabel="days after the last fraction", ylabel="grade ≥ 2 as reported (%)")
    axes.set_ylim(0)
    axes.grid(color=PALE, lw=0.4)
    axes.legend(frameon=False, fontsize=7)
    return figure
