"""Courses over time: one patient's fitted counts with bands, measurements and treatment."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from lymphokin.pages.drawing import (
    BLACK,
    BLUE,
    GRADE2_LIMIT,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    log_ticks,
    styled,
)

BANDS = {BLUE: ("#d3e5f2", "#8fbfe0"), GREEN: ("#cfeae1", "#83cdb5")}
"""Colour of the median to the colours of the 90 % and the 50 % band."""
_SIZE = (2.3, 1.62)
_TOLERANCE = 0.01
"""error of a drawn curve on the log scale: a hundredth of its value, a third of a point"""
_PULSE_GAP = 2.0
"""days without ATRA after which the next dose begins a new pulse"""


@styled
def lymphocyte_course(
    bands: pd.DataFrame | None,
    counts: pd.DataFrame,
    counts_until: float,
    forecast: Mapping[Hashable, Any],
    fraction_days: np.ndarray,
    dose_days: np.ndarray,
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> Figure:
    """Lymphocytes of one patient, logarithmic, with the grade 2 limit.

    `bands`: index day, columns q05..q95 (1e9/L), or None without a fit. `counts`: day, value,
    censored; those up to and including `counts_until` are filled. `forecast`: endpoint_day and
    alc_q05..alc_q95 of the measured count there. `limits`: (days, counts) of the axes.
    """
    figure, axes = _empty(limits, [0.05, 0.1, 0.2, 0.5, GRADE2_LIMIT, 1.5, 3, 6, 12, 25, 50, 100])
    axes.axhline(GRADE2_LIMIT, color=BLACK, lw=0.8, ls=(0, (4, 2)), zorder=2.4)
    _bands(axes, bands, BLUE)
    end = forecast["endpoint_day"]
    if np.isfinite(end):
        axes.axvline(end, color=GREY, lw=0.7, ls=":", zorder=1)
        for width, colour, low, high in (
            (4.4, "white", "alc_q05", "alc_q95"),
            (1.5, VERMILLION, "alc_q05", "alc_q95"),
            (3.6, VERMILLION, "alc_q25", "alc_q75"),
        ):
            axes.vlines(end, forecast[low], forecast[high], color=colour, lw=width, zorder=2.6)
    _measurements(axes, counts, (counts["day"] <= counts_until).to_numpy(), "o")
    foot = axes.get_xaxis_transform()
    axes.vlines(fraction_days, 0, 0.075, transform=foot, color=BLACK, lw=1.0, zorder=3)
    for begin, finish in pulses(dose_days):
        axes.axvspan(begin, finish, 0.945, 1.0, color=ORANGE, lw=0, zorder=3)
    return figure


@styled
def mdsc_course(
    bands: pd.DataFrame | None,
    samples: pd.DataFrame,
    dose_days: np.ndarray,
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> Figure:
    """MDSC of one patient, logarithmic. `samples`: day, value, censored, tube (EDTA is open)."""
    figure, axes = _empty(limits, [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000])
    _bands(axes, bands, GREEN)
    edta = samples["tube"] == "edta"
    _measurements(axes, samples[~edta], np.ones(int((~edta).sum()), bool), "o")
    _measurements(axes, samples[edta], np.zeros(int(edta.sum()), bool), "s")
    for begin, finish in pulses(dose_days):
        axes.axvspan(begin, finish, 0.945, 1.0, color=ORANGE, lw=0, zorder=3)
    return figure


def pulses(dose_days: np.ndarray) -> list[tuple[float, float]]:
    """First and last day of each run of doses; a dose lasts a day."""
    days = np.sort(np.asarray(dose_days, float))
    if not len(days):
        return []
    runs = np.split(days, np.flatnonzero(np.diff(days) > _PULSE_GAP) + 1)
    return [(float(run[0]), float(run[-1]) + 1.0) for run in runs]


def axis_limits(
    bands: dict[str, pd.DataFrame], observed: dict[str, pd.DataFrame], at_least: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Common (days, values) limits of all panels: measurements and 90 % bands, with a margin."""
    days, values = [0.0], [*at_least]
    for course in bands.values():
        days += [course.index[0], course.index[-1]]
        values += [course["q05"].min(), course["q95"].max()]
    for rows in observed.values():
        days += [rows["day"].min(), rows["day"].max()]
        values += [rows["value"].min(), rows["value"].max()]
    kept = np.array([v for v in values if np.isfinite(v) and v > 0])
    low, high = max(kept.min(), at_least[0] / 30), min(kept.max(), at_least[1] * 30)
    return (min(days) - 2, max(days) + 2), (low / 1.3, high * 1.35)


def _empty(
    limits: tuple[tuple[float, float], tuple[float, float]], ticks: list[float]
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE)
    axes = figure.add_axes((0.135, 0.125, 0.85, 0.86))
    shown = [t for t in ticks if limits[1][0] < t < limits[1][1]]
    log_ticks(axes, "y", shown if len(shown) < 8 else shown[::2])
    axes.set(xlim=limits[0], ylim=limits[1])
    span = limits[0][1] - limits[0][0]
    step = next((s for s in (14, 28, 56, 84, 168) if span / s < 6), span)
    axes.xaxis.set_major_locator(FixedLocator(np.arange(0, limits[0][1], step).tolist()))
    axes.tick_params(pad=1.5)
    return figure, axes


def _bands(axes: Axes, bands: pd.DataFrame | None, colour: str) -> None:
    if bands is None or not len(bands):
        return
    bands = bands.iloc[_corners(bands)]
    days = bands.index.to_numpy(float)
    for fill, low, high in zip(BANDS[colour], ("q05", "q25"), ("q95", "q75"), strict=True):
        axes.fill_between(days, bands[low], bands[high], color=fill, lw=0, zorder=1.2)
    axes.plot(days, bands["q50"], color=colour, lw=1.2, zorder=2)


def _corners(bands: pd.DataFrame) -> list[int]:
    """Rows that suffice to draw all curves within `_TOLERANCE` (Douglas and Peucker 1973)."""
    days = bands.index.to_numpy(float)
    curves = np.log(bands.to_numpy(float).clip(1e-12))
    kept, open_spans = {0, len(days) - 1}, [(0, len(days) - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:
            continue
        share = (days[first : last + 1] - days[first]) / (days[last] - days[first])
        straight = curves[first] + share[:, None] * (curves[last] - curves[first])
        error = np.abs(curves[first : last + 1] - straight).max(axis=1)
        worst = first + int(error.argmax())
        if error.max() > _TOLERANCE:
            kept.add(worst)
            open_spans += [(first, worst), (worst, last)]
    return sorted(kept)


def _measurements(axes: Axes, rows: pd.DataFrame, filled: np.ndarray, marker: str) -> None:
    for censored in (False, True):
        for solid in (True, False):
            chosen = rows[(rows["censored"].to_numpy() == censored) & (filled == solid)]
            if len(chosen):
                axes.plot(
                    chosen["day"],
                    chosen["value"].clip(*axes.get_ylim()),
                    "v" if censored else marker,
                    ms=4.4 if censored else 3.6,
                    mew=0.9,
                    color=BLACK,
                    mfc=BLACK if solid else "white",
                    zorder=4,
                    clip_on=False,
                )
