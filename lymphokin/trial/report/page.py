"""The design report as one HTML text: no script, nothing fetched."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from lymphokin.pages.drawing import inline_svg
from lymphokin.pages.environment import page_environment
from lymphokin.trial.report.contents import TARGET, DesignContents
from lymphokin.trial.space.figures import heat_map, risk_curves


def render_design_report(contents: DesignContents) -> str:
    """The report; the same contents give the same text."""
    environment = page_environment(
        "lymphokin.trial.report",
        exactly=lambda p: f"{100 * p:.2f} %",
        plain=lambda value: f"{value:g}",
        days=_days,
    )
    return environment.get_template("design.html.j2").render(
        c=contents,
        analysis=contents.design.analysis,
        test_label=contents.exact.test.label,
        target=TARGET,
        boundary=_boundary(contents),
        figures=_figures(contents),
    )


def _days(first: float, last: float) -> str:
    return f"{first:g}" if first == last else f"{first:g}-{last:g}"


def _boundary(contents: DesignContents) -> list[tuple[int, int]]:
    """Control events, and the most treated events that still reject, where any do."""
    return [(c, t) for c, t in enumerate(contents.exact.boundary) if t is not None]


def _figures(contents: DesignContents) -> dict[str, Markup]:
    label = contents.exact.test.label
    drawn: dict[str, tuple[Any, str]] = {
        "rates": (
            heat_map(contents.rates, "treated rate", "control rate",
                     f"Power in %, {label} (framed: 85 or more)", TARGET),
            "Exact power by control and treated rate; the numbers are in the table below it",
        ),
        "sizes": (
            heat_map(contents.sizes, "treated rate", "patients per arm",
                     f"Power in %, control rate {contents.control:g} (framed: 85 or more)",
                     TARGET),
            "Exact power by patients per arm and treated rate",
        ),
    }  # fmt: skip
    if contents.model is not None:
        planned = contents.design.plan["endpoint_days_after_last_fraction"]
        drawn["risk"] = (
            risk_curves(contents.model.timing, planned),
            "Share of patients with grade 2 or worse by day after radiotherapy, without ATRA and "
            "with ATRA from different days",
        )
        drawn["timing"] = (
            heat_map(contents.model.timing_power, "endpoint, days after the last fraction",
                     "first day of ATRA", "Power in % at the expected rates"),
            "Power by first day of ATRA and day of the endpoint",
        )  # fmt: skip
    return {name: inline_svg(figure, name, text) for name, (figure, text) in drawn.items()}
