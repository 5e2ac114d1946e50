"""What the page of checks shows: sections of verdicts, figures and what a good one looks like."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from lymphokin.criticism.criticise import Criticism, DataChecks
from lymphokin.criticism.residual_figures import (
    goodness_of_fit_figure,
    trend_figure,
    uniformity_figure,
)
from lymphokin.criticism.verdict import Verdict, worst
from lymphokin.criticism.visual_check import NAME, Kind
from lymphokin.criticism.visual_check_figure import visual_check_figure
from lymphokin.criticism.words import MEASURED
from lymphokin.report.drawing import inline_svg

_VISUAL_KEY = (
    "Dots: records; triangles: records below their limit of quantification, drawn at it. Black: "
    "measured percentiles (5 and 95 % dashed, open; median solid, filled). Bands: where the same "
    "percentile of a simulated trial lies with 90 % probability (dark: median); white: its middle. "
    "Red rings: measured percentiles outside their band. "
)
_VISUAL_GOOD: dict[Kind, str] = {
    "as measured": "A good one: black runs inside its bands, with about one ring in ten "
    "percentiles and no run of them at one end or in one arm.",
    "relative to baseline": "Every value is divided by the geometric mean of the patient’s own "
    "before treatment, measured and simulated alike: differences between patients then widen the "
    "bands less, and a wrong course or a wrong arm shows sooner. A good one looks as above.",
    "prediction-corrected": "All patients together, each moved to the typical prediction of its "
    "visit (Bergstrand 2011), so that differences of dose, arm and covariates do not widen the "
    "bands. A good one looks as above.",
}


@dataclass(frozen=True)
class Drawing:
    """One figure under its heading, with its key and what a good one looks like."""

    heading: str
    svg: Markup
    caption: str
    width: float
    """inches that the figure was drawn for"""

    @classmethod
    def of(cls, heading: str, figure: Figure, name: str, alternative: str, caption: str) -> Drawing:
        """A figure as it stands on the page; ``name`` is unique there."""
        width = float(figure.get_size_inches()[0])
        return cls(heading, inline_svg(figure, name, alternative), caption, width)


@dataclass(frozen=True)
class Section:
    """One group of checks."""

    name: str
    heading: str
    text: str
    verdicts: tuple[Verdict, ...]
    drawings: tuple[Drawing, ...]

    @property
    def level(self) -> str:
        """The worst of the section's verdicts."""
        return worst(self.verdicts)


def sections_of(found: Criticism) -> list[Section]:
    """All sections of the page, in order."""
    data = list(found.data.values())
    return [_goodness(data), _trends(data), _visual(data), _errors(data)]


def _those(data: list[DataChecks], *checks: str) -> tuple[Verdict, ...]:
    return tuple(v for d in data for v in d.verdicts if v.check.startswith(checks))


def _goodness(data: list[DataChecks]) -> Section:
    drawings = [
        Drawing.of(
            MEASURED[d.quantity],
            goodness_of_fit_figure(d.goodness_of_fit),
            f"g-{d.quantity}",
            f"Observed against predicted {MEASURED[d.quantity]}",
            "Left: against the prediction for a typical patient with the same course and "
            "covariates; right: against the prediction for the patient. Dashed: identity; blue: "
            "trend; triangles: below the limit of quantification. A good one: the trend lies on "
            "the dashed line, and the right cloud is much narrower than the left.",
        )
        for d in data
    ]
    text = (
        "How far the data lie from the predictions. How each patient is fitted, one by one, "
        "stands in the run’s report."
    )
    verdicts = _those(data, "observed against predicted")
    return Section("goodness", "Observed against predicted", text, verdicts, tuple(drawings))


def _trends(data: list[DataChecks]) -> Section:
    drawings = [
        Drawing.of(
            MEASURED[d.quantity],
            trend_figure(d.trends),
            f"t-{d.quantity}",
            f"Residuals of {MEASURED[d.quantity]} against time and prediction, with trends",
            "Red: smooth trend; band: where it lies with 90 % probability at each place if there "
            "is none. Individual residuals are averages over posterior draws and so look narrower "
            "than the model’s noise. A good one: the red line stays in its band nearly everywhere "
            "and the cloud is equally wide from left to right.",
        )
        for d in data
        if d.trends
    ]
    text = (
        "What is left after the prediction, in standard deviations: individual residuals around "
        "the patient’s own prediction, population residuals (normal scores of the prediction "
        "distribution errors) around what the model expects of a new patient."
    )
    return Section(
        "residuals", "Residuals and their trends", text, _those(data, "trend of"), tuple(drawings)
    )


def _visual(data: list[DataChecks]) -> Section:
    drawings = []
    for d in data:
        for checks in d.visual:
            kind = checks[0].kind
            name = f"{MEASURED[d.quantity]}, {kind}"
            drawings.append(
                Drawing.of(
                    name,
                    visual_check_figure(checks),
                    f"v-{d.quantity}-{kind[:2]}",
                    f"Visual predictive check of {name}",
                    _VISUAL_KEY + _VISUAL_GOOD[kind],
                )
            )
    text = (
        "Could the measured trial have been one of the trials that the model simulates? Every "
        "posterior draw gives new patients with the same courses, visits and limits of "
        "quantification. Visits are read off the days of the records."
    )
    verdicts = _those(data, NAME)
    return Section("visual", "Visual predictive checks", text, verdicts, tuple(drawings))


def _errors(data: list[DataChecks]) -> Section:
    found = {d.quantity: d.errors for d in data}
    drawing = Drawing.of(
        "Distribution of the errors",
        uniformity_figure(found),
        "n",
        "Difference of the errors’ distribution from uniform",
        "Black: share of errors below a value, minus that value; band: where the whole line of "
        "independent uniform numbers stays with 95 % probability (Säilynoja 2022). A good one: the "
        "line stays in the band. A hill on the left or a valley on the right means data below what "
        "the model expects; an S means spread that is too wide or too narrow.",
    )
    text = (
        "Where each record lies among its simulations, after records of one patient were "
        "decorrelated: uniform between 0 and 1 if the model is right. The fit has seen these "
        "records, so a good fit is closer to uniform than the bands ask for."
    )
    verdicts = _those(data, "prediction distribution errors")
    return Section("errors", "Prediction distribution errors", text, verdicts, (drawing,))
