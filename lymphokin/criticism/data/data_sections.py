"""What the page shows of the data: fit, residuals, predictive checks and prediction errors."""

from __future__ import annotations

from lymphokin.criticism.data.data_checks import DataChecks
from lymphokin.criticism.data.residual_figures import (
    goodness_of_fit_figure,
    trend_figure,
    uniformity_figure,
)
from lymphokin.criticism.data.visual_check import NAME, Kind
from lymphokin.criticism.data.visual_check_figure import visual_check_figure
from lymphokin.criticism.sections import Drawing, Section, of_checks
from lymphokin.verdict import Verdict

_VISUAL_KEY = (
    "Dots: records; triangles: records below their limit of quantification, drawn at it. Black: "
    "measured percentiles (5 and 95 % dashed, open; median solid, filled). Bands: where the same "
    "percentile of a simulated trial lies with 90 % probability (dark: median); white: its middle. "
    "Red rings: measured percentiles outside their band. "
)
_MINUS = "; “A minus B” is the difference of the arms’ trends"


def _visual_good(kind: Kind, by_arm: bool) -> str:
    """What a good picture of a kind looks like."""
    match kind:
        case "as measured":
            return (
                "A good one: black runs inside its bands, with about one ring in ten percentiles "
                f"and no run of them at one end{' or in one arm' if by_arm else ''}."
            )
        case "relative to baseline":
            return (
                "Every value is divided by the geometric mean of the patient’s own before "
                "treatment, measured and simulated alike: differences between patients then widen "
                f"the bands less, and a wrong course{' or a wrong arm' if by_arm else ''} shows "
                "sooner. A good one looks as above."
            )
        case "prediction-corrected":
            return (
                "All patients together, each moved to the typical prediction of its visit "
                f"(Bergstrand 2011), so that differences of dose{', arm' if by_arm else ''} and "
                "covariates do not widen the bands. A good one looks as above."
            )


def data_sections(data: list[DataChecks]) -> list[Section]:
    """The sections about the measured quantities, in order."""
    return [_goodness(data), _trends(data), _visual(data), _errors(data)]


def _replaced(d: DataChecks) -> str:
    """What is drawn for records above a limit or between two; empty where there are none."""
    if not d.within_limits:
        return ""
    return (f"Records above a limit or between two ({d.within_limits}) stand as random replicates "
            "of their patient within the limits. ")  # fmt: skip


def _verdicts(data: list[DataChecks], *checks: str) -> tuple[Verdict, ...]:
    return of_checks([v for d in data for v in d.verdicts], *checks)


def _goodness(data: list[DataChecks]) -> Section:
    drawings = [
        Drawing.of(
            d.observable.records,
            goodness_of_fit_figure(d.goodness_of_fit, d.observable),
            f"g-{d.observable.name}",
            f"Observed against predicted {d.observable.records}",
            "Left: against the prediction for a typical patient with the same course and "
            "covariates; right: against the prediction for the patient. Dashed: identity; thick "
            "blue line: trend; triangles: below the limit of quantification. "
            + _replaced(d)
            + "A good one: the trend lies on the dashed line, and the right cloud is much narrower "
            "than the left.",
        )
        for d in data
    ]
    text = (
        "How far the data lie from the predictions. How each patient is fitted, one by one, "
        "stands in the run’s report."
    )
    verdicts = _verdicts(data, "observed against predicted")
    return Section("goodness", "Observed against predicted", text, verdicts, tuple(drawings))


def _trends(data: list[DataChecks]) -> Section:
    drawings = [
        Drawing.of(
            d.observable.records,
            trend_figure(d.trends, d.observable),
            f"t-{d.observable.name}",
            f"Residuals of {d.observable.records} against time and prediction, with trends",
            "Red line: smooth trend; band: where it lies with 90 % probability at each place if "
            f"there is none{_MINUS if d.by_arm else ''}. Individual residuals are averages over "
            "posterior draws and so look narrower than the model’s noise. A good one: the red line "
            "stays in its band nearly everywhere and the cloud is equally wide from left to right.",
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
        "residuals",
        "Residuals and their trends",
        text,
        _verdicts(data, "scatter of", "trend of"),
        tuple(drawings),
    )


def _visual(data: list[DataChecks]) -> Section:
    drawings = []
    for d in data:
        for checks in d.visual:
            kind = checks[0].kind
            name = f"{d.observable.records}, {kind}"
            drawings.append(
                Drawing.of(
                    name,
                    visual_check_figure(checks, d.observable),
                    f"v-{d.observable.name}-{kind[:2]}",
                    f"Visual predictive check of {name}",
                    _VISUAL_KEY + _replaced(d) + _visual_good(kind, d.by_arm),
                )
            )
    text = (
        "Could the measured trial have been one of the trials that the model simulates? Every "
        "posterior draw gives new patients with the same courses, visits and limits of "
        "quantification. Visits are read off the days of the records. The bands hold what is not "
        "known of the population, too; the verdicts compare the distance from what each draw "
        "expects, of the measured trial and of those simulated from the draw."
    )
    verdicts = _verdicts(data, NAME)
    return Section("visual", "Visual predictive checks", text, verdicts, tuple(drawings))


def _errors(data: list[DataChecks]) -> Section:
    errors = {d.observable.records: d.errors for d in data}
    drawing = Drawing.of(
        "Distribution of the errors",
        uniformity_figure(errors),
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
    verdicts = _verdicts(data, "prediction distribution errors")
    return Section("errors", "Prediction distribution errors", text, verdicts, (drawing,))
