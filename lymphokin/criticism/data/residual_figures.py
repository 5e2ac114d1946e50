"""Pictures of residuals: observed against predicted, trends, and prediction distribution errors."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.criticism.data.goodness_of_fit import GoodnessOfFit
from lymphokin.criticism.data.residuals import Trend, smoother
from lymphokin.criticism.data.uniformity import Uniformity
from lymphokin.criticism.data.visual_check_figure import INNER
from lymphokin.pages.drawing import BLACK, BLUE, GREY, VERMILLION, log_ticks, round_numbers, styled
from lymphokin.quantities import Observable

REACH = 4.2
"""SDs shown on either side of zero."""


@styled
def goodness_of_fit_figure(goodness: GoodnessOfFit, observable: Observable) -> Figure:
    """Observed against the population's and the individual prediction, with identity and trend."""
    figure = Figure(figsize=(6.6, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    unit = observable.shown_unit
    both = np.concatenate([goodness.observed, goodness.population, goodness.individual])
    low, high = both.min() / 1.15, both.max() * 1.15
    for axes, predicted, name in (
        (left, goodness.population, "population"),
        (right, goodness.individual, "individual"),
    ):
        axes.plot([low, high], [low, high], color=GREY, lw=0.9, ls=(0, (4, 2)))
        for shown, marker in ((~goodness.censored, "o"), (goodness.censored, "v")):
            style = {"color": BLACK, "ms": 2.6, "mew": 0.5, "mfc": "none", "alpha": 0.55}
            axes.plot(predicted[shown], goodness.observed[shown], marker, **style)
        at = np.log(predicted)
        place = np.unique(np.quantile(at, np.linspace(0.02, 0.98, 25), method="nearest"))
        if len(place) > 2:
            trend = smoother(at, place) @ np.log(goodness.observed)
            axes.plot(np.exp(place), np.exp(trend), color=BLUE, lw=2.0)
        for which in ("x", "y"):
            log_ticks(axes, which, round_numbers(low, high))
        axes.set(xlim=(low, high), ylim=(low, high), xlabel=f"{name} prediction ({unit})")
    left.set_ylabel(f"observed ({unit})")
    return figure


@styled
def trend_figure(trends: list[Trend], observable: Observable) -> Figure:
    """Residuals with their trend, against time on the left and prediction on the right."""
    rows = list(dict.fromkeys((t.kind, t.group) for t in trends))
    columns = [a for a in ("time", "prediction") if any(t.against == a for t in trends)]
    figure = Figure(figsize=(3.5 * len(columns), 1.75 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(columns), squeeze=False, sharex="col", sharey=True)
    labels = {
        "time": "days from the first fraction",
        "prediction": f"prediction ({observable.shown_unit})",
    }
    drawn = {(rows.index((t.kind, t.group)), columns.index(t.against)): t for t in trends}
    for (row, column), trend in drawn.items():
        _trend(grid[row, column], trend)
    for row, (kind, group) in enumerate(rows):
        grid[row, 0].set_ylabel(f"{kind} (SD)")
        grid[row, 0].set_title(f"{kind} residuals" + (f", {group}" if group else ", all patients"),
                               loc="left", size=8)  # fmt: skip
    for column, against in enumerate(columns):
        last = max(row for row, c in drawn if c == column)
        grid[last, column].set_xlabel(labels[against])
        grid[last, column].tick_params(labelbottom=True)
        of_column = [t.at for (_, c), t in drawn.items() if c == column]
        if against == "prediction" and any(map(len, of_column)):
            at = np.exp(np.concatenate(of_column))
            log_ticks(grid[last, column], "x", round_numbers(at.min(), at.max()))
        for row in set(range(len(rows))) - {row for row, c in drawn if c == column}:
            grid[row, column].set_axis_off()
    return figure


def _trend(axes: Axes, trend: Trend) -> None:
    as_shown = np.exp if trend.against == "prediction" else np.asarray
    at, place = as_shown(trend.at), as_shown(trend.place)
    axes.plot(at, trend.residual, ".", color=GREY, ms=2.4, mew=0, alpha=0.6)
    axes.axhline(0, color=BLACK, lw=0.7)
    axes.fill_between(place, trend.low, trend.high, color=INNER, lw=0, alpha=0.8)
    axes.plot(place, trend.trend, color=VERMILLION, lw=1.8)
    axes.set_ylim(-REACH, REACH)
    axes.set_yticks([-2, 0, 2], labels=["−2", "0", "2"])


@styled
def uniformity_figure(
    errors: dict[str, Uniformity], of: str = "prediction distribution error"
) -> Figure:
    """Difference of the errors' distribution from the uniform one, with 95 % bands, by title."""
    figure = Figure(figsize=(2.7 * len(errors), 2.3), layout="constrained")
    for axes, (title, u) in zip(
        figure.subplots(1, len(errors), squeeze=False)[0], errors.items(), strict=True
    ):
        uniformity_panel(axes, u)
        axes.set_title(title, loc="left", size=8.5)
        axes.set_xlabel(of)
        axes.set_ylabel("distribution − uniform")
    return figure


def uniformity_panel(axes: Axes, u: Uniformity) -> None:
    """Difference from the uniform distribution in its band; red where the line leaves it."""
    at = np.concatenate([[0.0], u.at, [1.0]])
    low, high, line = (np.concatenate([[0.0], v, [0.0]]) for v in (u.low, u.high, u.difference))
    outside = bool(((line < low) | (line > high)).any())
    axes.fill_between(at, low, high, color=INNER, lw=0, alpha=0.8, step="mid")
    axes.axhline(0, color=GREY, lw=0.7)
    axes.plot(at, line, color=VERMILLION if outside else BLACK, lw=1.3, drawstyle="steps-mid")
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.2g}".replace("-", "−"))
