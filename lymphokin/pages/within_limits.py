"""How a result that is known only within limits is drawn: a triangle that points to where it lies,
at its limit, or a bar from one limit to the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

type Mask = NDArray[np.bool_]

MARKERS = {"below": ("v", "<"), "above": ("^", ">")}
"""Triangles at the limit, for results drawn upwards and across."""

KEYS = {
    "below": "below a limit, drawn at it",
    "above": "above a limit, drawn at it",
    "between": "between two limits: bar",
}
"""Words of a picture's key."""


def kinds(rows: pd.DataFrame) -> dict[str, Mask]:
    """Which results are measured, below a limit, above one, or between two.

    Args:
        rows: `censored`, and the limits `lower` (0: none) and `upper` (infinity: none) of results
            that are.
    """
    censored = rows["censored"].to_numpy(bool)
    above = censored & np.isinf(rows["upper"].to_numpy(float))
    between = censored & ~above & (rows["lower"].to_numpy(float) > 0)
    below = censored & ~above & ~between
    return {"measured": ~censored, "below": below, "above": above, "between": between}


def there_are(rows: pd.DataFrame) -> list[str]:
    """The kinds of results within limits that `rows` hold, in the order of `KEYS`."""
    return [kind for kind, which in kinds(rows).items() if kind in KEYS and which.any()]


def draw_bars(
    axes: Axes, at: NDArray[np.float64], rows: pd.DataFrame, across: bool = False, **style: Any
) -> None:
    """Draw results between two limits as bars within the axes.

    Args:
        axes: with limits set.
        at: place of each on the other axis.
        rows: `lower` and `upper`.
        across: the results run along the horizontal axis.
        style: of the lines; open ones are `facecolor="white"`.
    """
    low, high = (axes.get_xlim if across else axes.get_ylim)()
    lower, upper = (rows[name].clip(low, high) for name in ("lower", "upper"))
    lines = axes.hlines if across else axes.vlines
    width = style.pop("lw", 2.4)
    face = style.pop("facecolor", None)
    lines(at, lower, upper, lw=width, **style)
    if face is not None:
        style["color"] = face
        lines(at, lower, upper, lw=0.5 * width, **style)
