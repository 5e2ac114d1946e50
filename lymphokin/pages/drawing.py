"""How every figure looks, and how it becomes an SVG inside the page.

Colours are Okabe and Ito's, which readers with any colour vision can distinguish; shapes and
lightness carry the same distinctions, so that a grey print says the same.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lymphokin.endpoint import GRADE_BELOW

BLACK, GREY, PALE = "#1a1a1a", "#767676", "#c9c9c9"
BLUE, GREEN, ORANGE, VERMILLION = "#0072B2", "#009E73", "#E69F00", "#D55E00"
GRADE2_LIMIT = GRADE_BELOW[2]
"""1e9/L: a reported lymphocyte count below it is CTCAE v5 grade 2 or worse."""

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "text.parse_math": False,
    "text.color": BLACK,
    "svg.fonttype": "none",
    "svg.hashsalt": "lymphokin",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.labelsize": 8.0,
    "axes.labelcolor": BLACK,
    "axes.unicode_minus": True,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.solid_capstyle": "butt",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def _house_style() -> Iterator[None]:
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def styled[**P, R](draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run a figure function in the report's style, whatever the caller's settings."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with _house_style():
            return draw(*args, **kwargs)

    return inside


def save_figure(figure: Figure, path: Path, format: str | None = None) -> None:
    """Write `figure` to a file in the report's style, on white; `path` ends with its kind."""
    with _house_style():
        figure.savefig(path, format=format, dpi=200, facecolor="white")


def inline_svg(figure: Figure, name: str, alternative: str) -> Markup:
    """`figure` as an `<svg>` element for a page.

    `name` is unique on the page and keeps the ids of its parts apart from other figures';
    `alternative` is what a screen reader says instead.
    """
    file = io.StringIO()
    with _house_style():
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = text[text.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', text)
    body = text[text.index(">") + 1 :].strip()
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', body))
    body = re.sub(r"<[^>]+>", lambda tag: _slim(tag[0], name, used), body)
    body = re.sub(r">\s+<", "><", body.replace("<defs/>", ""))
    label = escape(alternative, quote=True)
    return Markup(
        f'<svg class="plot" viewBox="{box[1] if box else ""}" role="img" aria-label="{label}">'
        + body
    )


def _slim(tag: str, name: str, used: set[str]) -> str:
    """One SVG tag with a tenth of a point of precision and ids that are unique on the page."""
    tag = re.sub(r"\d+\.\d+", _rounded, tag)
    tag = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", tag)
    tag = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", tag).replace("xlink:href", "href")
    tag = re.sub(r"font-family: [^;\"]+", "font-family: inherit", tag)
    tag = re.sub(r"\s+", " ", tag)
    if tag.startswith("<path") and " C " not in tag and " Q " not in tag:
        tag = tag.replace(" L ", " ")
    return tag


def _rounded(match: re.Match[str]) -> str:
    value = float(match[0])
    return f"{value:.{1 if value >= 10 else 2}f}".rstrip("0").rstrip(".")


def log_ticks(axes: Axes, which: str, ticks: list[float]) -> None:
    """Logarithmic axis `which` ("x" or "y") with plain numbers at `ticks` and no minor ticks."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def round_numbers(low: float, high: float, most: int = 7) -> list[float]:
    """At most `most` round numbers between two positive ones, for a logarithmic axis."""
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for leading in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [d * 10.0**e for e in exponents for d in leading if low <= d * 10.0**e <= high]
        if len(found) <= most:
            return found
    return found[:: -(-len(found) // most)]
