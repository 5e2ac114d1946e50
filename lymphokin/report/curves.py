"""Curves over time: one patient's fitted counts with bands, measurements and treatment."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
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
from lymphokin.pages.within_limits import MARKERS, draw_bars, kinds

BANDS = {BLUE: ("#d3e5f2", "#8fbfe0"), GREEN: ("#cfeae1", "#83cdb5")}
"""Colour of the median to the colours of the 90 % and the 50 % band."""
_QUANTILES = ("q05", "q25", "q50", "q75", "q95")
_SIZE = (2.3, 1.62)
_TOLERANCE = 0.01
"""error of a drawn curve on the log scale: a hundredth of its value, a third of a point"""
COUNT_TICKS: list[float] = [0.05, 0.1, 0.2, 0.5, GRADE2_LIMIT, 1.5, 3, 6, 12, 25, 50, 100]
"""1e9/L"""
_PULSE_GAP = 2.0
"""days without a dose after which the next one begins a new pulse"""
DRUG_COLOURS = (ORANGE, "#CC79A7", "#56B4E9")
"""Colours of the drugs of a cohort, in order."""
LESION_COLOURS = (GREEN, BLUE, VERMILLION, "#CC79A7", GREY)
"""Colours of the lesions of a patient, in order."""
STRIP = 0.055
"""Height of a drug's strip, as a share of the axes."""


@styled
def lymphocyte_curve(
    bands: pd.DataFrame | None,
    counts: pd.DataFrame,
    counts_until: float,
    forecast: Mapping[Hashable, Any],
    fraction_days: np.ndarray,
    doses: Sequence[np.ndarray],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> Figure:
    """Small picture of one patient's lymphocytes; arguments as of :func:`draw_lymphocytes`.

    `limits`: (days, counts) of the axes.
    """
    figure, axes = _empty(limits, COUNT_TICKS)
    draw_lymphocytes(axes, bands, counts, counts_until, forecast, fraction_days, doses)
    return figure


def draw_lymphocytes(
    axes: Axes,
    bands: pd.DataFrame | None,
    counts: pd.DataFrame,
    counts_until: float,
    forecast: Mapping[Hashable, Any] | None,
    fraction_days: np.ndarray,
    doses: Sequence[np.ndarray],
) -> None:
    """Draw one patient's lymphocytes, treatment and the grade 2 limit on logarithmic axes.

    Args:
        axes: their limits are set already.
        bands: index day, columns q05..q95 (1e9/L), or None without a fit.
        counts: day, value, censored, lower, upper; those up to and including `counts_until` are
            filled. Results within limits are drawn as `lymphokin.pages.within_limits` says.
        counts_until: last day whose counts the forecast used.
        forecast: endpoint_day and alc_q05..alc_q95 of the measured count there, or None.
        fraction_days: days of the fractions.
        doses: days of the doses of each drug that somebody got, in the order of DRUG_COLOURS.
    """
    axes.axhline(GRADE2_LIMIT, color=BLACK, lw=0.8, ls=(0, (4, 2)), zorder=2.4)
    _bands(axes, bands, BLUE)
    if forecast is not None and np.isfinite(forecast["endpoint_day"]):
        end = forecast["endpoint_day"]
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
    _doses(axes, doses)


@styled
def quantity_curve(
    bands: Mapping[int, pd.DataFrame],
    samples: pd.DataFrame,
    doses: Sequence[np.ndarray],
    limits: tuple[tuple[float, float], tuple[float, float]],
    other_tube: str = "",
) -> Figure:
    """A quantity of one patient beside lymphocytes, or of each of the patient's lesions.

    Args:
        bands: by lesion, 0 for the patient's: index day, columns q05..q95.
        samples: day, value, censored, lower, upper, tube; lesion where lesions are distinguished.
        doses: as of :func:`draw_lymphocytes`.
        limits: (days, values) of the axes; values are logarithmic.
        other_tube: samples from such a tube are open squares.
    """
    figure, axes = _empty(limits, [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000])
    for lesion, own in sorted(bands.items()):
        colour = _lesion_colour(lesion)
        if lesion == 0:
            _bands(axes, own, GREEN)
            continue
        own = own[["q05", "q50", "q95"]]
        own = own.iloc[_corners(own)]
        days = own.index.to_numpy(float)
        axes.fill_between(days, own["q05"], own["q95"], color=colour, alpha=0.2, lw=0, zorder=1.2)
        axes.plot(days, own["q50"], color=colour, lw=1.2, zorder=2)
        axes.text(days[-1], own["q50"].iloc[-1], f" {lesion}", color=colour, va="center", size=7)
    other = samples["tube"] == other_tube if other_tube else np.zeros(len(samples), bool)
    of_lesion = samples.get("lesion", pd.Series(0, samples.index)).fillna(0).astype(int)
    for lesion, rows in samples.groupby(of_lesion):
        own, colour = other[of_lesion == lesion], _lesion_colour(int(str(lesion)))
        _measurements(axes, rows[~own], np.ones(int((~own).sum()), bool), "o", colour)
        _measurements(axes, rows[own], np.zeros(int(own.sum()), bool), "s", colour)
    _doses(axes, doses)
    return figure


def _lesion_colour(lesion: int) -> str:
    """Colour of a lesion by its number; black of what is the patient's."""
    return LESION_COLOURS[(lesion - 1) % len(LESION_COLOURS)] if lesion else BLACK


def _doses(axes: Axes, doses: Sequence[np.ndarray]) -> None:
    """The pulses of each drug at the top, one strip below the other."""
    for place, (days, colour) in enumerate(zip(doses, cycle(DRUG_COLOURS), strict=False)):
        top = 1.0 - STRIP * place
        for begin, finish in pulses(days):
            axes.axvspan(begin, finish, top - STRIP, top, color=colour, lw=0, zorder=3)


def quantile_bands(curves: xr.Dataset, quantity: str) -> dict[str, pd.DataFrame]:
    """Collect the quantiles of a quantity over time by patient: index day, columns q05..q95.

    Args:
        curves: dims patient and day, variables ``alc_q05`` ... for quantity "alc".
        quantity: patients without finite values of it are absent.
    """
    names = [f"{quantity}_{q}" for q in _QUANTILES]
    if any(name not in curves for name in names):
        return {}
    values = np.stack([curves[n].transpose("patient", "day").to_numpy() for n in names], axis=-1)
    days = pd.Index(curves["day"].to_numpy().astype(float), name="day")
    return {
        str(patient): pd.DataFrame(own, index=days, columns=list(_QUANTILES)).dropna()
        for patient, own in zip(curves["patient"].to_numpy(), values, strict=True)
        if np.isfinite(own).all(axis=1).any()
    }


def days_of(events: pd.DataFrame) -> dict[str, np.ndarray]:
    """Collect the days of a table of events by patient."""
    return {str(i): rows["day"].to_numpy(float) for i, rows in events.groupby("id", sort=False)}


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
    for curve in bands.values():
        days += [curve.index[0], curve.index[-1]]
        values += [curve["q05"].min(), curve["q95"].max()]
    for rows in observed.values():
        days += [rows["day"].min(), rows["day"].max()]
        values += [rows["value"].min(), rows["value"].max()]
        between = rows[kinds(rows)["between"]]
        values += [between["lower"].min(), between["upper"].max()]
    kept = np.array([v for v in values if np.isfinite(v) and v > 0])
    low, high = max(kept.min(), at_least[0] / 30), min(kept.max(), at_least[1] * 30)
    return (min(days) - 2, max(days) + 2), (low / 1.3, high * 1.35)


def _empty(
    limits: tuple[tuple[float, float], tuple[float, float]], ticks: list[float]
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE)
    axes = figure.add_axes((0.135, 0.125, 0.85, 0.86))
    set_scales(axes, limits, ticks)
    axes.tick_params(pad=1.5)
    return figure, axes


def set_scales(
    axes: Axes, limits: tuple[tuple[float, float], tuple[float, float]], ticks: list[float]
) -> None:
    """Days across in whole weeks, and a logarithmic axis upwards with some of the `ticks`."""
    shown = [t for t in ticks if limits[1][0] < t < limits[1][1]]
    log_ticks(axes, "y", shown if len(shown) < 8 else shown[::2])
    axes.set(xlim=limits[0], ylim=limits[1])
    span = limits[0][1] - limits[0][0]
    step = next((s for s in (14, 28, 56, 84, 168) if span / s < 6), span)
    axes.xaxis.set_major_locator(FixedLocator(np.arange(0, limits[0][1], step).tolist()))


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


def _measurements(
    axes: Axes, rows: pd.DataFrame, filled: np.ndarray, marker: str, colour: str = BLACK
) -> None:
    for kind, which in kinds(rows).items():
        for solid in (True, False):
            chosen = rows[which & (filled == solid)]
            if not len(chosen):
                continue
            face = colour if solid else "white"
            if kind == "between":
                draw_bars(axes, chosen["day"].to_numpy(float), chosen, color=colour, facecolor=face,
                          zorder=4, clip_on=False)  # fmt: skip
                continue
            axes.plot(
                chosen["day"],
                chosen["value"].clip(*axes.get_ylim()),
                marker if kind == "measured" else MARKERS[kind][0],
                ms=3.6 if kind == "measured" else 4.4,
                mew=0.9,
                color=colour,
                mfc=face,
                zorder=4,
                clip_on=False,
            )
