"""Pictures of a validation: calibration, and where counts lie in their forecasts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.criticism.forecasts.calibration import grouped
from lymphokin.criticism.forecasts.looks import Look, unreliable
from lymphokin.criticism.forecasts.prediction_figures import of_predicted_risk, panels_of_days
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality, outcomes
from lymphokin.pages.drawing import BLACK, BLUE, GREY, PALE, VERMILLION, log_ticks, styled
from lymphokin.validation.smooth import smooth_curve

BINS = 10
COUNT_TICKS = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]


@styled
def calibration_curves(quality: PredictionQuality, seed: int) -> Figure:
    """Observed share against predicted risk: smooth with a band, in groups, and every patient."""
    days = quality.days()
    figure, grid = panels_of_days(days, 2.45)
    for axes, day in zip(grid, days, strict=True):
        table = quality.judged(day, MODEL)
        risk, happened = table["risk"].to_numpy(float), outcomes(table)
        curve, groups = smooth_curve(risk, happened, seed), grouped(risk, happened)
        of_predicted_risk(axes, top=1.12)
        axes.fill_between(curve.risk, curve.low, curve.high, color=PALE, lw=0)
        axes.plot(curve.risk, curve.observed, color=BLACK, lw=1.6)
        axes.vlines(
            groups["predicted"], groups["observed_q05"], groups["observed_q95"], color=BLUE, lw=1.2
        )
        axes.plot(groups["predicted"], groups["observed"], "o", color=BLUE, ms=4)
        for outcome, place in ((True, 1.06), (False, -0.06)):
            own = risk[happened == outcome]
            axes.plot(own, np.full(len(own), place), "|", color=BLACK, ms=6, mew=0.8)
    grid[0].set_ylabel("with the event (%)")
    return figure


@styled
def counts_figure(looks: Mapping[float, Look]) -> Figure:
    """Measured later counts against forecast medians, and where they lie in their forecasts."""
    figure = Figure(figsize=(7.2, 2.3 * len(looks)), layout="constrained")
    rows = figure.subplots(len(looks), 2, squeeze=False, width_ratios=(1.0, 1.15))
    for (left, right), (day, look) in zip(rows, looks.items(), strict=True):
        counts = look.counts[~unreliable(look.counts["pareto_k"].to_numpy(float))]
        _against_median(left, counts["q50"].to_numpy(), counts["value"].to_numpy())
        left.set_title(f"counts to day {day:g}", loc="left", size=8.5)
        shares = np.histogram(counts["pit"], BINS, (0, 1))[0] / max(len(counts), 1)
        right.bar(np.arange(BINS) / BINS + 0.5 / BINS, 100 * shares, 0.9 / BINS, color=PALE)
        right.axhline(100 / BINS, color=VERMILLION, lw=1.2, ls=(0, (4, 2)))
        right.set(xlim=(0, 1), xlabel="place in the forecast distribution (PIT)")
        right.set_ylabel("later counts (%)")
        left.set_ylabel("measured (10⁹/L)")
    rows[-1][0].set_xlabel("forecast median (10⁹/L)")
    return figure


def _against_median(axes: Axes, median: np.ndarray, value: np.ndarray) -> None:
    both = np.concatenate([median, value])
    low, high = both.min() * 0.9, both.max() * 1.1
    axes.plot([low, high], [low, high], color=GREY, lw=0.9, ls=(0, (4, 2)))
    axes.plot(median, value, "o", color=BLUE, ms=2.6, alpha=0.6, mew=0)
    for which in ("x", "y"):
        log_ticks(axes, which, [t for t in COUNT_TICKS if low <= t <= high])
    axes.set(xlim=(low, high), ylim=(low, high))
