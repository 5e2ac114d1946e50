"""Pictures of held-out forecasts: calibration, scores over the days, decisions."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE, BASELINE, CARRIED_FORWARD
from lymphokin.criticism.forecasts.calibration import grouped
from lymphokin.criticism.forecasts.prediction_quality import (
    BENCHMARKS,
    MODEL,
    PredictionQuality,
    outcomes,
)
from lymphokin.criticism.forecasts.scores import net_benefit
from lymphokin.pages.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, styled

STYLES: dict[str, dict[str, Any]] = {
    MODEL: {"color": BLACK, "marker": "o", "ls": "-", "lw": 1.8},
    BASELINE: {"color": BLUE, "marker": "s", "ls": (0, (5, 2)), "lw": 1.2},
    CARRIED_FORWARD: {"color": VERMILLION, "marker": "^", "ls": (0, (1.5, 1.5)), "lw": 1.2},
    ARM_RATE: {"color": GREEN, "marker": "D", "ls": (0, (6, 2, 1, 2)), "lw": 1.2},
}
THRESHOLDS = np.linspace(0.02, 0.80, 79)
_COLUMNS = 3


def panels_of_days(days: list[float], height: float) -> tuple[Figure, list[Axes]]:
    """A figure with one panel per day, three in a row."""
    rows = -(-len(days) // _COLUMNS)
    figure = Figure(figsize=(7.2, height * rows), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(days) :]:
        axes.set_axis_off()
    for axes, day in zip(grid, days, strict=False):
        axes.set_title(f"counts to day {day:g}", loc="left", size=8.5)
    return figure, list(grid[: len(days)])


def of_predicted_risk(axes: Axes, top: float) -> None:
    """Axes of an observed share against a predicted risk, in percent; a line says what is right.

    Below 0, and above 1 up to ``top``, is room for marks of single patients.
    """
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 2)))
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.12, top), aspect="equal")
    axes.set_xticks([0, 0.5, 1], labels=["0", "50", "100"])
    axes.set_yticks([0, 0.5, 1], labels=["0", "50", "100"])
    axes.set_xlabel("predicted risk (%)")


@styled
def calibration_figure(quality: PredictionQuality) -> Figure:
    """Observed share against predicted risk in groups of patients, and every patient's outcome."""
    days = quality.days()
    figure, panels = panels_of_days(days, 2.45)
    for axes, day in zip(panels, days, strict=True):
        table = quality.judged(day, MODEL)
        risk, happened = table["risk"].to_numpy(), outcomes(table)
        groups = grouped(risk, happened)
        x, y = groups["predicted"], groups["observed"]
        of_predicted_risk(axes, top=1.12)
        axes.vlines(x, groups["observed_q05"], groups["observed_q95"], color=BLUE, lw=1.4)
        axes.plot(x, y, "o", color=BLUE, ms=5)
        for outcome, place in ((True, 1.06), (False, -0.06)):
            risks = risk[happened == outcome]
            axes.plot(risks, np.full(len(risks), place), "|", color=BLACK, ms=6, mew=0.8)
    for axes in panels[::_COLUMNS]:
        axes.set_ylabel("with grade ≥ 2 (%)")
    return figure


@styled
def score_figure(quality: PredictionQuality) -> Figure:
    """Brier and log score over the days, and the model's difference from each benchmark."""
    days = np.asarray(quality.days())
    figure = Figure(figsize=(7.2, 5.0), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True)
    beside = (days[1:] - days[:-1]).min() if len(days) > 1 else 7.0
    for (top, below), measure in zip(grid.T, ("brier", "log_score"), strict=True):
        for name, style in STYLES.items():
            value = [quality.score(day, measure, name).value for day in days]
            top.plot(days, value, ms=4, label=name, **style)
        below.axhline(0, color=GREY, lw=0.9)
        for place, name in zip(count(-1), BENCHMARKS, strict=False):
            at = days + 0.16 * beside * place
            differences = [quality.score(day, measure, against=name) for day in days]
            colour, marker = STYLES[name]["color"], STYLES[name]["marker"]
            low, high = ([getattr(e, q) for e in differences] for q in ("q05", "q95"))
            below.vlines(at, low, high, color=colour, lw=1.4)
            below.plot(at, [e.value for e in differences], marker, color=colour, ms=4)
        words = "Brier score" if measure == "brier" else "log score"
        top.set_ylabel(words)
        top.set_ylim(bottom=0)
        below.set_ylabel(f"model minus benchmark, {words}")
        below.set_xlabel("counts known to day")
        below.set_xticks(days)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False
    )
    return figure


@styled
def decision_figure(quality: PredictionQuality) -> Figure:
    """Net benefit of acting above a threshold of risk, beside acting on all and on nobody."""
    days = quality.days()
    figure, panels = panels_of_days(days, 2.2)
    for axes, day in zip(panels, days, strict=True):
        happened = outcomes(quality.judged(day, MODEL))
        everybody = net_benefit(np.ones(len(happened)), happened, THRESHOLDS)
        axes.axhline(0, color=GREY, lw=0.9)
        axes.plot(100 * THRESHOLDS, everybody, color=ORANGE, lw=1.2, label="act on everybody")
        for name, style in STYLES.items():
            if name == ARM_RATE:
                continue  # it ranks patients of an arm the wrong way round by construction
            risk = quality.judged(day, name)["risk"].to_numpy()
            drawn: dict[str, Any] = style | {"marker": ""}
            axes.plot(
                100 * THRESHOLDS, net_benefit(risk, happened, THRESHOLDS), label=name, **drawn
            )
        axes.set(xlim=(0, 80), ylim=(-0.06, 1.1 * max(happened.mean(), 0.1)))
        axes.set_xlabel("act from a risk of (%)")
    for axes in panels[::_COLUMNS]:
        axes.set_ylabel("net benefit")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False
    )
    return figure
