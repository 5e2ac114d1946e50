"""What a page says of forecasts of an event in time: calibration, scores, later counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE
from lymphokin.criticism.forecasts.event_quality import EXPECTED, SLOPE, in_groups
from lymphokin.criticism.forecasts.later_counts import COUNT_PLACE, COUNT_RATIO, COVERAGE
from lymphokin.criticism.forecasts.prediction_figures import of_predicted_risk, panels_of_days
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality
from lymphokin.criticism.forecasts.prediction_sections import number
from lymphokin.criticism.forecasts.prediction_verdicts import AGAINST, CALIBRATED, LATER
from lymphokin.criticism.forecasts.pseudo_values import FEWEST_OF_ARM
from lymphokin.criticism.sections import Drawing, Section, Table, of_checks
from lymphokin.pages.drawing import BLACK, BLUE, styled
from lymphokin.verdict import Verdict

MEASURES = {
    EXPECTED: "observed / expected",
    SLOPE: "calibration slope",
    "brier": "Brier score",
    "log_score": "log score",
    "auc": "AUC",
}
COUNTS = {
    COUNT_PLACE: "mean place (PIT)",
    COUNT_RATIO: "measured over forecast",
    COVERAGE[0.90]: "in 90 % intervals",
}


def sections_of_event(
    quality: PredictionQuality, verdicts: tuple[Verdict, ...], named: Callable[[float], str]
) -> list[Section]:
    """Sections of the page, each with those of the verdicts that are about it.

    Args:
        quality: of :func:`lymphokin.criticism.forecasts.event_quality.event_quality`.
        verdicts: of the check; none where they stand elsewhere.
        named: what a look is called, by its day.
    """
    found = [_calibration(quality, verdicts, named), _beside(quality, verdicts, named)]
    if quality.later is not None and len(quality.later):
        found.append(_counts(quality, quality.later, verdicts, named))
    return found


def _calibration(
    quality: PredictionQuality, verdicts: tuple[Verdict, ...], named: Callable[[float], str]
) -> Section:
    rows = [
        (named(day), *(number(quality.score(day, m)) for m in MEASURES)) for day in quality.days()
    ]
    return Section(
        "calibration",
        "Do risks come true?",
        "Among patients given a risk of 30 %, three in ten should have the event by the last day. "
        "Intervals hold 90 %.",
        of_checks(verdicts, CALIBRATED),
        (
            Drawing.of(
                "Calibration",
                calibration_in_groups(quality),
                "ve",
                "Observed share of patients with the event against predicted risk, by look",
                "Groups of patients with similar risk: the share with the event by the last day, "
                "estimated from all their records (Turnbull; Kaplan and Meier where times are "
                "known), with 90 % intervals; a group is left out where too few are followed so "
                "far. Ticks: every patient’s risk. A good one: intervals cross the dashed line.",
            ),
        ),
        tables=(Table("Numbers with 90 % intervals", ("", *MEASURES.values()), tuple(rows)),),
    )


@styled
def calibration_in_groups(quality: PredictionQuality) -> Figure:
    """Observed share against predicted risk in groups of patients, by look."""
    days = quality.days()
    figure, panels = panels_of_days(days, 2.45)
    for axes, day in zip(panels, days, strict=True):
        groups, risk = in_groups(quality, day), quality.judged(day, MODEL)["risk"]
        of_predicted_risk(axes, top=1.06)
        x = groups["predicted"]
        axes.vlines(x, groups["observed_q05"], groups["observed_q95"], color=BLUE, lw=1.4)
        axes.plot(x, groups["observed"], "o", color=BLUE, ms=5)
        axes.plot(risk, np.full(len(risk), -0.06), "|", color=BLACK, ms=6, mew=0.8)
    panels[0].set_ylabel("with the event (%)")
    return figure


def _beside(
    quality: PredictionQuality, verdicts: tuple[Verdict, ...], named: Callable[[float], str]
) -> Section:
    rows = []
    for day in quality.days():
        for name, against in ((MODEL, ""), (ARM_RATE, ""), (MODEL, ARM_RATE)):
            shown = f"{name} less {against}" if against else name
            numbers = (number(quality.score(day, m, name, against)) for m in ("brier", "log_score"))
            rows.append((f"{named(day)}, {shown}", *numbers))
    return Section(
        "scores",
        "Beside the share of the arm",
        "The same patients. The rule gives each the share of the other patients of the arm with "
        "the event, which it knows from these very patients; lower scores win. Arms of fewer than "
        f"{FEWEST_OF_ARM} patients are taken together, and with the largest arm where they are "
        "fewer so, too.",
        of_checks(verdicts, AGAINST),
        (),
        tables=(
            Table("Scores with 90 % intervals", ("", "Brier score", "log score"), tuple(rows)),
        ),
    )


def _counts(
    quality: PredictionQuality,
    later: pd.DataFrame,
    verdicts: tuple[Verdict, ...],
    named: Callable[[float], str],
) -> Section:
    rows = []
    for day in quality.days():
        own = later[later["look"] == day]
        numbers = (number(quality.score(day, m)) for m in COUNTS)
        counted = f"{len(own)} of {own['id'].nunique()}"
        rows.append((named(day), counted, *numbers))
    columns = ("", "counts of patients", *COUNTS.values())
    return Section(
        "counts",
        "Do later counts fall where they were forecast?",
        "Every lymphocyte count after a look, beside its forecast as the laboratory would measure "
        "it. Intervals are over patients.",
        of_checks(verdicts, LATER),
        (),
        tables=(Table("Numbers with 90 % intervals", columns, tuple(rows)),),
    )
