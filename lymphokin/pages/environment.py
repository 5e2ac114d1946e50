"""The one Jinja environment of all pages: escaped, strict, with the shared style and wording."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jinja2

from lymphokin.pages import wording

_FILTERS = (
    "fixed",
    "counted",
    "percent",
    "percent_range",
    "points",
    "points_range",
    "some",
    "number",
    "count",
    "day",
    "symbol",
    "arm",
)


@cache
def page_environment(package: str, **filters: Callable[..., Any]) -> jinja2.Environment:
    """The environment of a room's pages, whose templates extend ``page.html.j2``.

    It is kept, and its templates with it: compiling them takes a tenth of the time of a report.

    Args:
        package: dotted name of the package that holds the templates, such as
            ``"lymphokin.report"``. The style sheet of all pages is found beside them.
        filters: filters of this room, beside those of :mod:`lymphokin.pages.wording`.
    """
    parent, _, folder = package.rpartition(".")
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(parent, folder), jinja2.PackageLoader("lymphokin", "pages")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"synthetic": False, "cautions": ()}
    environment.filters |= {name: getattr(wording, name) for name in _FILTERS} | filters
    return environment
