"""The picture of a visual predictive check."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.criticism.data.visual_check import VisualCheck
from lymphokin.pages.drawing import BLACK, GREY, VERMILLION, log_ticks, round_numbers, styled
from lymphokin.quantities import Observable

OUTER, INNER = "#f3dfb8", "#7fb2d4"
"""Bands of the outer percentiles and of the median, which differ in lightness."""
_SEEN = (("o", "white", (0, (3, 2))), ("o", BLACK, "-"), ("o", "white", (0, (3, 2))))
ALONE = 0.02
"""Half the width, in days, of the band of a quantity with one visit only."""


@styled
def visual_check_figure(checks: list[VisualCheck], observable: Observable) -> Figure:
    """Measured 5, 50 and 95 % percentiles over the 90 % bands of simulated ones, a panel per group.

    Below it, where any value lies below its limit of quantification, the share of such values.
    """
    censored = any(c.below[:3].max() > 0 for c in checks)
    ratios = [3, 1] if censored else [1]
    figure = Figure(figsize=(3.6 * len(checks), 3.9 if censored else 2.9), layout="constrained")
    grid = figure.subplots(
        len(ratios), len(checks), squeeze=False, sharex=True, sharey="row", height_ratios=ratios
    )
    values = np.concatenate(
        [np.ravel(v) for c in checks for v in (c.low, c.high, c.points["value"])]
    )
    values = values[np.isfinite(values) & (values > 0)]
    low, high = values.min() / 1.15, values.max() * 1.15
    for column, check in enumerate(checks):
        axes = grid[0, column]
        _percentiles(axes, check, low)
        log_ticks(axes, "y", round_numbers(low, high))
        axes.set_ylim(low, high)
        records = int(check.visits["records"].sum())
        axes.set_title(f"{check.group or 'all patients'}: {records} records", loc="left", size=8.5)
        if censored:
            _shares(grid[1, column], check)
        grid[-1, column].set_xlabel("days from the first fraction")
        if len(check.visits) == 1:
            grid[-1, column].set_xticks(check.visits["day"])
    grid[0, 0].set_ylabel(_label(checks[0], observable))
    if censored:
        grid[1, 0].set_ylabel("below limit (%)")
    return figure


def _label(check: VisualCheck, observable: Observable) -> str:
    if check.kind == "relative to baseline":
        return f"{observable.records}, multiple of baseline"
    corrected = ", prediction-corrected" if check.kind == "prediction-corrected" else ""
    return observable.axis + corrected


def _days(check: VisualCheck) -> np.ndarray:
    """[visit] where a visit is drawn; the two ends of a short piece where there is one visit."""
    day = check.visits["day"].to_numpy(float)
    return day if len(day) > 1 else day + np.asarray([-ALONE, ALONE])


def _wide(values: np.ndarray) -> np.ndarray:
    """[..., visit] values, twice where there is one visit."""
    return values if values.shape[-1] > 1 else np.repeat(values, 2, axis=-1)


def _percentiles(axes: Axes, check: VisualCheck, bottom: float) -> None:
    day, middle = _days(check), check.visits["day"].to_numpy(float)
    points = check.points
    seen = ~points["censored"]
    for shown, marker in ((seen, "."), (~seen, "v")):
        axes.plot(points["day"][shown], points["value"][shown], marker, color=GREY, ms=2.2, mew=0.4,
                  alpha=0.55, zorder=2)  # fmt: skip
    outside = check.outside[: check.observed.size].reshape(check.observed.shape)
    for row, colour in ((0, OUTER), (2, OUTER), (1, INNER)):
        low, high = _wide(check.low[row]), _wide(check.high[row])
        # A band that reaches below the limit of quantification ends at the picture's edge.
        low = np.where(np.isfinite(high) & ~np.isfinite(low), bottom, low)
        axes.fill_between(day, low, high, color=colour, lw=0, alpha=0.85, zorder=1)
        axes.plot(day, _wide(check.middle[row]), color="white", lw=0.9, zorder=1.5)
        marker, face, style = _SEEN[row]
        axes.plot(middle, check.observed[row], marker, ls=style, color=BLACK, mfc=face, ms=3.4,
                  mew=0.8, lw=1.0, zorder=4)  # fmt: skip
        far = outside[row]
        axes.plot(middle[far], check.observed[row][far], "o", color=VERMILLION, mfc="none", ms=8.5,
                  mew=1.6, zorder=5)  # fmt: skip


def _shares(axes: Axes, check: VisualCheck) -> None:
    observed, low, middle, high = 100 * check.below
    day = _days(check)
    axes.fill_between(day, _wide(low), _wide(high), color=INNER, lw=0, alpha=0.85)
    axes.plot(day, _wide(middle), color="white", lw=0.9)
    axes.plot(check.visits["day"], observed, "o-", color=BLACK, ms=3.2, lw=1.0, clip_on=False)
    axes.set_ylim(0, max(10.0, 1.15 * float(max(high.max(), observed.max()))))
