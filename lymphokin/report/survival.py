"""How many patients an event has spared, over time: the population's curve and the records' own."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.pages import wording
from lymphokin.pages.drawing import BLUE, GREY, ORANGE, VERMILLION, styled
from lymphokin.predict.survival import Survival
from lymphokin.predict.turnbull import Steps

COLOURS = (BLUE, ORANGE, VERMILLION, GREY)


@styled
def survival_figure(survival: Survival) -> Figure:
    """Draw the survival curves of a report."""
    figure = Figure(figsize=(6.4, 3.4))
    draw_survival(figure.add_axes((0.1, 0.15, 0.87, 0.8)), survival)
    return figure


def draw_survival(axes: Axes, survival: Survival) -> None:
    """Draw the share of patients without the event: per arm the population's median and 90 %
    interval, and in steps the estimate from the records alone.

    An event that lies between two visits may have happened anywhere in between: there the steps
    slope.

    Args:
        axes: axes to draw on.
        survival: of :meth:`lymphokin.Fit.survival`.
    """
    arms = list(dict.fromkeys(survival.curves["arm"]))
    first, last = float(survival.curves["day"].min()), float(survival.curves["day"].max())
    for colour, arm in zip(COLOURS * len(arms), arms, strict=False):
        own = survival.curves[survival.curves["arm"] == arm]
        label = wording.arm(arm) if len(arms) > 1 else None
        axes.fill_between(own["day"], own["q05"], own["q95"], color=colour, alpha=0.2, lw=0)
        axes.plot(own["day"], own["q50"], color=colour, lw=1.6, label=label)
        if arm in survival.observed:
            steps = _staircase(survival.observed[arm], first, last)
            axes.plot(*steps, color=colour, lw=1.2, ls="--")
    axes.set(xlim=(first, last), ylim=(0, 1.02))
    axes.set(xlabel="days from the first fraction", ylabel=f"share without {survival.label} (%)")
    axes.yaxis.set_major_formatter(lambda share, _: wording.points(share))
    if len(arms) > 1:
        axes.legend(frameon=False)


def _staircase(steps: Steps, first: float, last: float) -> tuple[np.ndarray, np.ndarray]:
    """Days and shares of an estimate's corners, from the first day to the last."""
    falls = np.isfinite(steps.end) & (steps.end <= last)
    days = np.stack([steps.begin[falls], steps.end[falls]], axis=1).ravel()
    levels = np.concatenate([[1.0], steps.survival[falls]])
    days = np.concatenate([[first], days, [last]])
    return days, np.repeat(levels, 2)
