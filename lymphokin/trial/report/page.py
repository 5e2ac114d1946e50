"""The design report as one HTML text: no script, nothing fetched."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from lymphokin.pages.drawing import inline_svg
from lymphokin.pages.environment import page_environment
from lymphokin.pages.wording import plain
from lymphokin.trial.digits import probability
from lymphokin.trial.exact import Design
from lymphokin.trial.report.contents import DesignContents
from lymphokin.trial.space.figures import heat_map, risk_curves


def render_design_report(contents: DesignContents) -> str:
    """The report; the same contents give the same text."""
    environment = page_environment(
        "lymphokin.trial.report",
        rate=_rate,
        probability=probability,
        plain=_plain,
        days=_days,
    )
    return environment.get_template("design.html.j2").render(
        c=contents,
        analysis=contents.design.analysis,
        test_label=contents.exact.test.label,
        arms=_arms,
        boundary=_boundary(contents),
        figures=_figures(contents),
    )


def _plain(value: float) -> str:
    return f"{value:g}"


def _rate(share: float) -> str:
    """An assumed or computed rate, in per cent."""
    return f"{plain(100 * share)} %"


def _arms(design: Design | None) -> str:
    """Patients of both arms."""
    return f"{design.n_treated} + {design.n_control}" if design else "none"


def _days(first: float, last: float) -> str:
    return f"{first:g}" if first == last else f"{first:g}-{last:g}"


def _boundary(contents: DesignContents) -> list[tuple[int, int]]:
    """Control events, and the most treated events that still reject, where any do."""
    return [(c, t) for c, t in enumerate(contents.exact.boundary) if t is not None]


def _figures(contents: DesignContents) -> dict[str, Markup]:
    label, assumed = contents.exact.test.label, contents.assumed
    framed = f"(framed: {100 * assumed.power:g} or more)"
    equal = contents.design.n_treated == contents.design.n_control
    of_sizes = "patients per arm" if equal else "patients, treated + control"
    drawn: dict[str, tuple[Any, str]] = {
        "rates": (
            heat_map(contents.rates, "treated rate", "control rate",
                     f"Power in %, {label} {framed}", assumed.power),
            "Exact power by control and treated rate",
        ),
        "sizes": (
            heat_map(contents.sizes, "treated rate", of_sizes,
                     f"Power in %, control rate {plain(assumed.control_rate)} {framed}",
                     assumed.power),
            f"Exact power by {of_sizes} and treated rate",
        ),
    }  # fmt: skip
    model = contents.model
    if model and model.timing is not None and model.timing_power is not None:
        planned = contents.design.judged.last_visit
        drug = contents.design.drug_label
        drawn["risk"] = (
            risk_curves(model.timing, planned, drug),
            "Share of patients with grade 2 or worse by day after radiotherapy, without "
            f"{drug} and with {drug} from different days",
        )
        drawn["timing"] = (
            heat_map(model.timing_power, "endpoint, days after the last fraction",
                     f"first day of {drug}", "Power in % at the expected rates"),
            f"Power by first day of {drug} and day of the endpoint",
        )  # fmt: skip
    return {name: inline_svg(figure, name, text) for name, (figure, text) in drawn.items()}
