"""What the data taught: the prior of one population quantity against its posterior."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from lymphokin.pages import wording
from lymphokin.pages.drawing import BLACK, BLUE, GREY, log_ticks, round_numbers, styled

_WIDE = 4.0
"""ratio of the prior's 95 % to its 5 % quantile above which a positive quantity is drawn on a
logarithmic axis"""
_KDE_DRAWS = 1000


@styled
def prior_posterior(prior: NDArray[np.floating], posterior: NDArray[np.floating]) -> Figure:
    """Small picture of one population quantity; see :func:`draw_prior_posterior`."""
    figure = Figure(figsize=(2.3, 1.15))
    draw_prior_posterior(figure.add_axes((0.04, 0.19, 0.92, 0.79)), prior, posterior)
    return figure


def draw_prior_posterior(
    axes: Axes, prior: NDArray[np.floating], posterior: NDArray[np.floating]
) -> None:
    """Draw densities of the prior (dashed grey) and the posterior (blue), with intervals.

    Both are one-dimensional draws in natural units. Each density is scaled to its own peak on
    the shown axis, so that a prior much wider than its posterior stays visible. The intervals hold
    50 % (thick) and 90 % (thin).
    """
    prior, posterior = (np.asarray(d, float)[np.isfinite(d)] for d in (prior, posterior))
    axes.spines["left"].set_visible(False)
    axes.set(yticks=[], ylim=(-0.34, 1.08))
    both = np.concatenate([prior, posterior])
    low, high = np.quantile(prior, [0.05, 0.95]) if len(prior) else (1.0, 1.0)
    logarithmic = len(both) > 0 and bool(both.min() > 0 and high / low > _WIDE)
    limits = _limits(prior, posterior, logarithmic)
    for draws, colour, style, fill, depth in (
        (prior, GREY, (0, (3, 1.5)), "none", -0.25),
        (posterior, BLUE, "-", "#cfe3f1", -0.11),
    ):
        if not len(draws):
            continue
        x, height = _density(draws, limits, logarithmic)
        axes.fill_between(x, height, color=fill, lw=0)
        axes.plot(x, height, color=colour, lw=1.2, ls=style)
        q05, q25, q50, q75, q95 = np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95])
        axes.hlines(depth, q05, q95, color=colour, lw=1.0)
        axes.hlines(depth, q25, q75, color=colour, lw=3.0)
        axes.plot(q50, depth, "|", color=BLACK, ms=5, mew=1.2)
    if logarithmic:
        log_ticks(axes, "x", round_numbers(*limits, most=5))
    else:
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    axes.set_xlim(*limits)
    axes.tick_params(pad=1.5)


def describe(name: str, prior: NDArray[np.floating], posterior: NDArray[np.floating]) -> str:
    """The picture in words, for a screen reader."""

    def middle(draws: NDArray[np.floating]) -> str:
        q05, q50, q95 = np.quantile(draws, [0.05, 0.5, 0.95])
        return f"{wording.number(q50)} ({wording.number(q05)} to {wording.number(q95)})"

    return f"{name}: prior {middle(prior)}, posterior {middle(posterior)}, 90 % intervals"


def _limits(
    prior: NDArray[np.floating], posterior: NDArray[np.floating], logarithmic: bool
) -> tuple[float, float]:
    ends = [np.quantile(draws, [0.01, 0.99]) for draws in (prior, posterior) if len(draws)]
    low = float(min((e[0] for e in ends), default=0.0))
    high = float(max((e[1] for e in ends), default=1.0))
    if high <= low:
        low, high = low - abs(low) * 0.1 - 1e-9, high + abs(high) * 0.1 + 1e-9
    return (low / 1.1, high * 1.1) if logarithmic else (low, high)


def _density(
    draws: NDArray[np.floating], limits: tuple[float, float], logarithmic: bool
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Points of the shown axis and the density of `draws` there, highest value 1."""
    scale = np.log if logarithmic else np.asarray
    values = scale(draws[:: max(1, len(draws) // _KDE_DRAWS)])
    x = np.linspace(scale(limits[0]), scale(limits[1]), 100)
    if len(values) < 3 or np.ptp(values) == 0:
        height = np.exp(-0.5 * ((x - values.mean()) / (np.ptp(x) / 100)) ** 2)
    else:
        height = gaussian_kde(values)(x)
    return (np.exp(x) if logarithmic else x), height / max(height.max(), 1e-300)
