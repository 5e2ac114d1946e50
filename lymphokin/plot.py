"""Pictures of fits and forecasts, drawn on Matplotlib axes of the caller's or on new ones.

The same functions draw the figures of the report. Readers with any colour vision can
distinguish the colours.
"""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from lymphokin.pages import wording
from lymphokin.pages.drawing import styled
from lymphokin.predict import Forecast
from lymphokin.quantities import OBSERVABLES, shown_unit
from lymphokin.report.curves import (
    COUNT_TICKS,
    axis_limits,
    days_of,
    draw_lymphocytes,
    quantile_bands,
    set_scales,
)
from lymphokin.report.of_fit import parameter_draws
from lymphokin.report.prior_posterior import draw_prior_posterior
from lymphokin.report.risk_forest import draw_risks, forest_layout
from lymphokin.report.survival import draw_survival
from lymphokin.run import Fit

MOST_ROWS = 50
"""Patients that :func:`risks` draws, the highest risks of more."""
ACROSS = 4
"""Quantities side by side in :func:`prior_posterior`."""
LETTERS = 36
"""Letters of a line above such a picture."""


@styled
def curves(
    fit: Fit, patient: str, *, ax: Axes | None = None, forecast: Forecast | None = None
) -> Axes:
    """Draw one patient's lymphocyte counts over time with the fitted curve.

    Median, 50 % and 90 % equal-tailed intervals of the true count, fitted to all counts of the
    patient; measurements (a triangle at a limit points to where a count beyond it lies, a bar joins
    the limits that a count lies between); fractions at the foot, pulses of drugs at the top; the
    dashed line is 0.8, below which a count is grade 2.

    Args:
        fit: a fit.
        patient: one of its patients, by name.
        ax: axes to draw on; None: new ones.
        forecast: adds the forecast of the count at the endpoint visit (red, 50 % and 90 %); counts
            that it did not use are open.

    Returns:
        the axes: days from the first fraction against counts in 10⁹/L, logarithmic.

    Raises:
        ValueError: when the fit or the forecast has no such patient.

    Example:
        >>> fit = lk.open_run(run_folder)
        >>> axes = lk.plot.curves(fit, fit.cohort.patients.index[0])
        >>> axes.get_ylabel()
        'lymphocytes (10⁹/L)'
    """
    cohort = fit.cohort
    _require(patient, cohort.patients.index, "the fit")
    if forecast is not None:
        _require(patient, forecast.patients.index, "the forecast")
    rows = cohort.observations
    rows = rows[(rows["quantity"] == "alc") & (rows["id"] == patient) & rows["value"].notna()]
    bands = quantile_bands(fit.curves[0], "alc").get(patient)
    axes = ax if ax is not None else pyplot.subplots(figsize=(6.0, 3.6), facecolor="white")[1]
    fitted = {} if bands is None else {patient: bands}
    set_scales(axes, axis_limits(fitted, {patient: rows} if len(rows) else {}, (0.3, 2.5)),
               COUNT_TICKS)  # fmt: skip
    until, row = np.inf, None
    if forecast is not None:
        row = forecast.patients.loc[patient].to_dict()
        last = forecast.counts_until
        until = np.nextafter(row["endpoint_day"], -np.inf) if last is None else last
    nothing = np.array([])
    fractions = days_of(cohort.fractions)
    doses = [days_of(cohort.doses_of(d)) for d in fit.model.drugs if len(cohort.doses_of(d))]
    draw_lymphocytes(
        axes,
        bands,
        rows,
        np.inf if np.isnan(until) else until,
        row,
        fractions.get(patient, nothing),
        [days.get(patient, nothing) for days in doses],
    )
    axes.set(xlabel="days from the first fraction", ylabel=OBSERVABLES["alc"].axis)
    axes.set_title(f"{_synthetic(cohort.synthetic)}{patient}", loc="left")
    return axes


@styled
def risks(forecast: Forecast, *, ax: Axes | None = None) -> Axes:
    """Draw each patient's risk of grade >= 2 with its 90 % interval, the highest risk first.

    A filled marker had a reported count below 0.8 at the endpoint visit, an open one had not, a
    cross none that shows which. `*` marks a patient outside what the model has seen, `†` one who
    was grade 2 or worse before treatment, `‡` one whose weights are unreliable. Of more than 50
    patients the highest risks are drawn.

    Args:
        forecast: of :meth:`lymphokin.Fit.forecast`.
        ax: axes to draw on, with room for names at the left and numbers at the right; None: new
            ones of the right size.

    Returns:
        the axes: risk in % against patients.

    Example:
        >>> fit = lk.open_run(run_folder)
        >>> axes = lk.plot.risks(fit.forecast(counts_until=14))
        >>> axes.get_xlabel()
        'risk of grade ≥ 2 (%)'
    """
    table = forecast.patients.rename_axis("id").reset_index()
    table = table.sort_values("p_grade2_measured", ascending=False, kind="stable")
    shown = table.head(MOST_ROWS)
    axes = ax
    if axes is None:
        size, place = forest_layout(shown)
        axes = pyplot.figure(figsize=size, facecolor="white").add_axes(place)
    draw_risks(axes, shown)
    if forecast.synthetic:
        axes.annotate("SYNTHETIC DATA", (1, 0), (10, -22), xycoords="axes fraction",
                      textcoords="offset points", ha="left")  # fmt: skip
    if len(shown) < len(table):
        axes.text(0, -0.3, f"the {len(shown)} highest of {len(table):,}", transform=axes.transAxes)
    return axes


@styled
def survival(fit: Fit, event: str = "", *, ax: Axes | None = None) -> Axes:
    """Draw how many patients an event has spared over time, by arm.

    Line and band: median and 90 % equal-tailed interval of what the population makes of new
    patients with the same treatment. Dashed: the estimate from the records alone, which slopes
    where an event lies between two visits.

    Args:
        fit: a fit of a model with a hazard.
        event: which of its events; empty where there is only one.
        ax: axes to draw on; None: new ones.

    Returns:
        the axes: days from the first fraction against the share in %.

    Raises:
        ModelError: when the model has no hazard of that event.

    Example:
        >>> axes = lk.plot.survival(fit, "progression")
        >>> axes.get_ylabel()
        'share without progression (%)'
    """
    found = fit.survival(event)
    axes = ax if ax is not None else pyplot.subplots(figsize=(6.0, 3.6), facecolor="white")[1]
    draw_survival(axes, found)
    axes.set_title(f"{_synthetic(found.synthetic)}{found.label}", loc="left")
    return axes


@styled
def prior_posterior(fit: Fit, *, ax: Axes | None = None) -> Axes:
    """Draw prior (dashed grey) and posterior (blue) of every population quantity.

    One small picture per quantity, in its own unit, what was learnt best first; each density is
    scaled to its own peak. Bars hold 50 % (thick) and 90 % (thin) of the probability.

    Args:
        fit: a fit.
        ax: axes whose place the pictures take; None: new ones.

    Returns:
        the axes; the pictures are its ``child_axes``.

    Example:
        >>> fit = lk.open_run(run_folder)
        >>> axes = lk.plot.prior_posterior(fit)
        >>> len(axes.child_axes) == len(fit.summary)
        True
    """
    table = fit.summary.sort_values("contraction", ascending=False, kind="stable")
    draws = parameter_draws(fit.draws, fit.summary["name"])
    down = -(-len(table) // ACROSS)
    axes = ax
    if axes is None:
        axes = pyplot.figure(figsize=(10.0, 1.6 * down + 0.3), facecolor="white").add_axes(
            (0.02, 0.0, 0.96, 1 - 0.3 / (1.6 * down + 0.3))
        )
    axes.set_axis_off()
    axes.set_title(f"{_synthetic(fit.cohort.synthetic)}prior (dashed) and posterior", loc="left")
    for place, row in enumerate(table.to_dict("records")):
        left, top = place % ACROSS, place // ACROSS
        bounds = ((left + 0.06) / ACROSS, 1 - (top + 0.85) / down, 0.88 / ACROSS, 0.5 / down)
        small = axes.inset_axes(bounds)
        draw_prior_posterior(small, *draws[row["name"]])
        unit = shown_unit(str(row["unit"])) if wording.stated(row["unit"]) else ""
        title = str(row["name"]).replace("_", " ")
        if wording.stated(row["symbol"]):
            title = f"{title}, {wording.symbol(row['symbol'])}"
        title = f"{title} ({unit})" if unit not in ("", "1") else title
        small.set_title(fill(title, LETTERS), loc="left", pad=2, size=7.5)
    return axes


def _require(patient: str, names: object, owner: str) -> None:
    known = [str(name) for name in names]  # type: ignore[attr-defined]
    if patient not in known:
        raise ValueError(f"{owner} has no patient {patient!r}; it has {wording.some(known)}")


def _synthetic(synthetic: bool) -> str:
    return "SYNTHETIC DATA. " if synthetic else ""
