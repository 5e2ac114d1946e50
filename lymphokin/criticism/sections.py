"""What the page of checks shows: sections of verdicts, figures and what a good one looks like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from lymphokin.criticism.criticise import Criticism, DataChecks
from lymphokin.criticism.data.residual_figures import (
    goodness_of_fit_figure,
    trend_figure,
    uniformity_figure,
)
from lymphokin.criticism.data.visual_check import NAME, Kind
from lymphokin.criticism.data.visual_check_figure import visual_check_figure
from lymphokin.criticism.patients.patient_figures import (
    covariate_figure,
    endpoint_figure,
    shrinkage_figure,
)
from lymphokin.criticism.teaching.composites import COURSE
from lymphokin.criticism.teaching.teaching_figures import (
    information_figure,
    sensitivity_figure,
    within_prior_figure,
)
from lymphokin.pages.drawing import inline_svg
from lymphokin.quantities import records_of
from lymphokin.verdict import Verdict, worst

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
class Table:
    """Numbers in rows under their names; the first cell of a row names it."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One group of checks."""

    name: str
    heading: str
    text: str
    verdicts: tuple[Verdict, ...]
    drawings: tuple[Drawing, ...]
    terms: tuple[tuple[str, str], ...] = ()
    """words and their meaning, after the text"""
    tables: tuple[Table, ...] = ()

    @property
    def level(self) -> str:
        """The worst of the section's verdicts."""
        return worst(self.verdicts)


def sections_of(found: Criticism) -> list[Section]:
    """All sections of the page, in order."""
    data = list(found.data.values())
    of_data = [_goodness(data), _trends(data), _visual(data), _errors(data)]
    return [*of_data, _endpoint(found), _patients(found), _taught(found), _prior(found)]


def _those(data: list[DataChecks], *checks: str) -> tuple[Verdict, ...]:
    return _named([v for d in data for v in d.verdicts], *checks)


def _named(verdicts: Iterable[Verdict], *checks: str) -> tuple[Verdict, ...]:
    return tuple(v for v in verdicts if v.check.startswith(checks))


def _goodness(data: list[DataChecks]) -> Section:
    drawings = [
        Drawing.of(
            records_of(d.quantity),
            goodness_of_fit_figure(d.goodness_of_fit),
            f"g-{d.quantity}",
            f"Observed against predicted {records_of(d.quantity)}",
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
            records_of(d.quantity),
            trend_figure(d.trends),
            f"t-{d.quantity}",
            f"Residuals of {records_of(d.quantity)} against time and prediction, with trends",
            "Red: smooth trend; band: where it lies with 90 % probability at each place if there "
            "is none; “A minus B” is the difference of the arms’ trends. Individual residuals are "
            "averages over posterior draws and so look narrower than the model’s noise. A good "
            "one: the red line stays in its band nearly everywhere and the cloud is equally wide "
            "from left to right.",
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
            name = f"{records_of(d.quantity)}, {kind}"
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


def _endpoint(found: Criticism) -> Section:
    checks = found.patients.endpoint
    drawings = (
        Drawing.of(
            "Replicated endpoint",
            endpoint_figure(checks),
            "e",
            "Replicated numbers of patients with grade 2 or worse in each arm",
            "Bars: simulated trials with new patients; line: with the same patients; red: what "
            "happened. A good one: red in the middle of the bars, and near the peak of the line.",
        ),
    )
    text = (
        "How many patients of each arm would have had a reported count below 0.80 × 10⁹/L at their "
        "endpoint visit, among those with a count there."
    )
    verdicts = _named(found.patients.verdicts, "endpoint")
    return Section("endpoint", "The endpoint again", text, verdicts, drawings if checks else ())


def _patients(found: Criticism) -> Section:
    of = found.patients
    drawings = []
    if of.effects.names:
        caption = (
            "How far the patients’ posterior means are drawn together, compared with the SD "
            "between patients. Open: above 30 %. A good one: filled for whatever is said of single "
            "patients; many open ones are no fault of the model, but nothing to show patient by "
            "patient."
        )
        drawings.append(
            Drawing.of("Shrinkage", shrinkage_figure(of.effects), "s", "Shrinkage", caption)
        )
    if len(of.covariates):
        caption = (
            "The closest pairs: posterior mean and 50 % interval of each patient’s random effect "
            "in SDs, over the covariate; p counts all pairs (Holm). A good one: no slope, and "
            "categories that overlap. A slope is a covariate that the model should have."
        )
        figure = covariate_figure(of.effects, of.patients, of.covariates)
        name = "Random effects against covariates"
        drawings.append(Drawing.of(name, figure, "r", name, caption))
    text = (
        "What the model leaves to chance between patients. Covariates are judged on draws of the "
        "random effects, not on their shrunken means; where patients were randomised, a difference "
        "between arms is an effect of treatment that the model misses."
    )
    verdicts = _named(of.verdicts, "shrinkage", "random effects")
    return Section("patients", "Differences between patients", text, verdicts, tuple(drawings))


def _taught(found: Criticism) -> Section:
    of = found.teaching
    drawings = (
        Drawing.of(
            "Posterior within the prior",
            within_prior_figure(of.draws),
            "w",
            "Posterior intervals of composites and parameters as per cent of their prior draws",
            f"First the {len(of.composites)} composites, then the population quantities: median, "
            "50 % (thick) and 90 % (thin) equal-tailed intervals of the posterior; grey: where the "
            "prior’s own 90 % lies. A good one: short bars inside the grey. A bar as long as the "
            "grey taught nothing; a short bar at an edge is a surprise to the prior.",
        ),
        Drawing.of(
            "Independent directions",
            information_figure(of.directions),
            "i",
            "Information of the data about independent directions of the population",
            "Directions of the population’s quantities, each named by those that make it up; right "
            "of the red line the data say more than the prior. A good one has what matters for the "
            "question on the right. A name far left is not learnt, whatever its interval looks "
            "like. Scales of differences between patients may lie too far right.",
        ),
    )
    text = (
        "Composites are combinations of parameters that data of such a trial can inform, here for "
        f"a typical patient under {COURSE}:"
    )
    terms = tuple((c.name, f"{c.meaning} ({c.unit}); learnt {c.learnt}") for c in of.composites)
    verdicts = _named(of.verdicts, "identifiable", "prior-to", "local")
    return Section("taught", "What the data taught", text, verdicts, drawings, terms)


def _prior(found: Criticism) -> Section:
    drawing = Drawing.of(
        "Power scaling",
        sensitivity_figure(found.teaching.sensitivity),
        "p",
        "Sensitivity of composites and parameters to the prior and to the data",
        "Circles: how far each result moves when the prior is made a little stronger or weaker "
        "(filled: beyond the red line); triangles: the same for the data, off the picture where "
        "large. A good one: open circles for the results that matter. A filled circle with its "
        "triangle left of the line rests on the prior alone.",
    )
    text = (
        "How far results hang on the priors, without fitting again (power scaling, Kallioinen "
        "2024). The verdict is about the composites; parameters are shown below them."
    )
    verdicts = _named(found.teaching.verdicts, "sensitivity")
    return Section("prior", "Sensitivity to the priors", text, verdicts, (drawing,))
