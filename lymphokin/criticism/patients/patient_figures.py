"""Pictures of differences between patients and of the replicated endpoint."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lymphokin.criticism.data.endpoint_check import EndpointCheck
from lymphokin.criticism.data.visual_check_figure import INNER
from lymphokin.criticism.patients.random_effects import SHRUNKEN, RandomEffects
from lymphokin.pages.drawing import BLACK, BLUE, GREY, PALE, VERMILLION, styled
from lymphokin.pages.wording import shortened

PAIRS = 6
MOST_NAMES = 8
"""Categories of a covariate whose names can be read beside each other."""
_ROW = 0.2


@styled
def shrinkage_figure(effects: RandomEffects) -> Figure:
    """Shrinkage of each random effect, the least first, with the line above which means mislead."""
    shrinkage = effects.shrinkage().sort_values()
    figure = Figure(figsize=(5.2, 0.6 + _ROW * len(shrinkage)), layout="constrained")
    axes = figure.add_subplot()
    place = np.arange(len(shrinkage))
    axes.hlines(place, 0, 100 * shrinkage, color=PALE, lw=4)
    far = (shrinkage > SHRUNKEN).to_numpy()
    for rows, face in ((~far, BLACK), (far, "white")):
        axes.plot(100 * shrinkage[rows], place[rows], "o", color=BLACK, mfc=face, ms=5)
    axes.axvline(100 * SHRUNKEN, color=VERMILLION, lw=1.2, ls=(0, (4, 2)))
    axes.set_yticks(place, labels=list(shrinkage.index))
    axes.set(ylim=(len(shrinkage) - 0.5, -0.5), xlim=(min(0, 110 * shrinkage.min()), 100))
    axes.set_xlabel("shrinkage (%)")
    return figure


@styled
def covariate_figure(effects: RandomEffects, patients: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """The closest pairs of a random effect and a covariate: posterior mean and 50 % interval."""
    pairs = table.head(PAIRS)
    rows = -(-len(pairs) // 3)
    figure = Figure(figsize=(7.2, 2.2 * rows), layout="constrained")
    grid = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes in grid[len(pairs) :]:
        axes.set_axis_off()
    for axes, pair in zip(grid, pairs.to_dict("records"), strict=False):
        eta = effects.eta[:, effects.names.index(pair["effect"])]
        values = patients[pair["covariate"]]
        complete = values.notna().to_numpy() & np.isfinite(eta).all(axis=0)
        _pair(axes, eta[:, complete], values[complete])
        axes.set_title(f"p = {pair['p_adjusted']:.2g}", loc="left", size=8)
        categories = 0 if pd.api.types.is_numeric_dtype(values) else values.nunique()
        many = f", {categories} categories" if categories > MOST_NAMES else ""
        axes.set_xlabel(f"{pair['covariate']}{many}")
        axes.set_ylabel(f"{shortened(pair['effect'], 22)} (SD)")
    return figure


def _pair(axes: Axes, eta: np.ndarray, values: pd.Series) -> None:
    if not pd.api.types.is_numeric_dtype(values):
        names = sorted(values.unique())
        spread = np.linspace(-0.25, 0.25, len(values))
        at = np.asarray([names.index(v) for v in values]) + spread
        shown = names if len(names) <= MOST_NAMES else []
        axes.set_xticks(range(len(shown)), labels=[shortened(str(n), 12) for n in shown])
        axes.tick_params(axis="x", rotation=90 if len(names) > 3 else 0)
    else:
        at = values.to_numpy(float)
    low, high = np.quantile(eta, (0.25, 0.75), axis=0)
    axes.axhline(0, color=GREY, lw=0.7)
    axes.vlines(at, low, high, color=INNER, lw=1.4)
    axes.plot(at, eta.mean(axis=0), "o", color=BLACK, ms=2.6)


@styled
def endpoint_figure(checks: list[EndpointCheck]) -> Figure:
    """Replicated numbers of patients with grade >= 2 in each arm, and the number that happened."""
    figure = Figure(figsize=(3.4 * len(checks), 2.3), layout="constrained")
    grid = figure.subplots(1, len(checks), squeeze=False)[0]
    for axes, check in zip(grid, checks, strict=True):
        values = np.arange(check.patients + 1)
        for drawn, style in ((check.new, "bars"), (check.same, "line")):
            share = 100 * np.bincount(drawn, minlength=len(values)) / len(drawn)
            if style == "bars":
                axes.bar(values, share, width=0.85, color=INNER)
            else:
                axes.step(values, share, where="mid", color=BLUE, lw=1.3)
        axes.axvline(check.events, color=VERMILLION, lw=2)
        axes.set_title(f"{check.arm}: {check.events} of {check.patients}", loc="left", size=8.5)
        axes.set_xlabel("patients with grade ≥ 2 at the endpoint")
        axes.set_xlim(-0.7, check.patients + 0.7)
        axes.xaxis.get_major_locator().set_params(integer=True)
    grid[0].set_ylabel("simulated trials (%)")
    return figure
