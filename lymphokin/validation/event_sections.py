"""The page of a validation of an event in time: what holds, for whom, and beside which rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE
from lymphokin.criticism.forecasts.event_cases import EventCases
from lymphokin.criticism.forecasts.event_quality import EXPECTED, SLOPE, in_groups
from lymphokin.criticism.forecasts.later_counts import COUNT_PLACE, COUNT_RATIO, COVERAGE
from lymphokin.criticism.forecasts.prediction_figures import panels_of_days
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality
from lymphokin.criticism.forecasts.prediction_sections import number
from lymphokin.criticism.sections import Drawing, Section, Table
from lymphokin.pages.drawing import BLACK, BLUE, GREY, styled
from lymphokin.pages.wording import fixed
from lymphokin.validation.judgement import AT_A_LOOK, look_in_words
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


def event_sections(
    quality: PredictionQuality,
    cases: EventCases,
    verdicts: tuple[Verdict, ...],
    groups: pd.DataFrame,
    differences: tuple[tuple[str, str, str], ...],
    patients: str,
) -> list[Section]:
    """All sections, in order."""
    found = [
        _verdict(verdicts),
        _patients(cases, differences, patients),
        _calibration(quality, cases),
        _beside(quality),
    ]
    if quality.later is not None and len(quality.later):
        found.append(_counts(quality, quality.later))
    return [*found, _groups(groups)] if len(groups) else found


def _verdict(verdicts: tuple[Verdict, ...]) -> Section:
    return Section(
        "verdict",
        "May it be used here?",
        "The rule: a fault is called at a look when observed over expected events, the calibration "
        "slope, the mean place of later counts in their forecasts or the share of them in 90 % "
        "intervals differs from what is right, or the log score from that of the share of the "
        "other patients of the arm, by more than chance would bring one time in ten over all "
        "faults and looks together (Bonferroni). No fault: the model holds, as far as these "
        "patients can show. A fault: update it first. It is not used here where its 90 % intervals "
        "hold less than half of the later counts. TRIPOD+AI items 12e, 12f, 24, 25.",
        tuple(v for v in verdicts if v.check == AT_A_LOOK),
        (),
    )


def _patients(
    cases: EventCases, differences: tuple[tuple[str, str, str], ...], patients: str
) -> Section:
    table = Table(
        "These patients, and what the model has seen",
        ("", "here: median (5 to 95 %)", "seen by the model"),
        differences,
    )
    return Section(
        "patients",
        "Who is judged",
        f"{patients} {cases.endpoint.meaning}. At a look, patients are judged in whom the event "
        "has not been seen so far and is looked for later. Who is not followed to the end counts "
        "by a pseudo-value (Andersen, Klein and Rosthoj 2003, doi:10.1093/biomet/90.1.15): when "
        "somebody looks must have nothing to do with the event. TRIPOD+AI items 5a, 8a, 11, 12a, "
        "20a, 20b.",
        (),
        (),
        tables=(table,),
    )


def _calibration(quality: PredictionQuality, cases: EventCases) -> Section:
    rows = [
        (look_in_words(day), *(number(quality.score(day, m)) for m in MEASURES))
        for day in quality.days()
    ]
    return Section(
        "calibration",
        "Do risks come true?",
        "Among patients given a risk of 30 %, three in ten should have the event by the last day. "
        "Intervals hold 90 %. TRIPOD+AI items 12e, 23a.",
        (),
        (
            Drawing.of(
                "Calibration",
                calibration_in_groups(quality, cases),
                "ve",
                "Observed share of patients with the event against predicted risk, by look",
                "Groups of patients with similar risk: the share with the event by the last day, "
                "estimated from all their records (Turnbull; Kaplan and Meier where times are "
                "known), with 90 % intervals. Ticks: every patient’s risk. A good one: intervals "
                "cross the dashed line.",
            ),
        ),
        tables=(Table("Numbers with 90 % intervals", ("", *MEASURES.values()), tuple(rows)),),
    )


@styled
def calibration_in_groups(quality: PredictionQuality, cases: EventCases) -> Figure:
    """Observed share against predicted risk in groups of patients, by look."""
    days = quality.days()
    figure, panels = panels_of_days(days, 2.45)
    for axes, day in zip(panels, days, strict=True):
        groups, risk = in_groups(quality, cases, day), quality.judged(day, MODEL)["risk"]
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 2)))
        x = groups["predicted"]
        axes.vlines(x, groups["observed_q05"], groups["observed_q95"], color=BLUE, lw=1.4)
        axes.plot(x, groups["observed"], "o", color=BLUE, ms=5)
        axes.plot(risk, np.full(len(risk), -0.06), "|", color=BLACK, ms=6, mew=0.8)
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.12, 1.06), aspect="equal")
        axes.set_xticks([0, 0.5, 1], labels=["0", "50", "100"])
        axes.set_yticks([0, 0.5, 1], labels=["0", "50", "100"])
        axes.set_xlabel("predicted risk (%)")
    panels[0].set_ylabel("with the event (%)")
    return figure


def _beside(quality: PredictionQuality) -> Section:
    rows = []
    for day in quality.days():
        for name, against in ((MODEL, ""), (ARM_RATE, ""), (MODEL, ARM_RATE)):
            shown = f"{name} less {against}" if against else name
            numbers = (number(quality.score(day, m, name, against)) for m in ("brier", "log_score"))
            rows.append((f"{look_in_words(day)}, {shown}", *numbers))
    return Section(
        "scores",
        "Beside the share of the arm",
        "The same patients. The rule gives each the share of the other patients of the arm with "
        "the event, which it knows from these very patients; lower scores win. TRIPOD+AI items "
        "12e, 23a.",
        (),
        (),
        tables=(
            Table("Scores with 90 % intervals", ("", "Brier score", "log score"), tuple(rows)),
        ),
    )


def _counts(quality: PredictionQuality, later: pd.DataFrame) -> Section:
    rows = []
    for day in quality.days():
        own = later[later["look"] == day]
        numbers = (number(quality.score(day, m)) for m in COUNTS)
        counted = f"{len(own)} of {own['id'].nunique()}"
        rows.append((look_in_words(day), counted, *numbers))
    columns = ("", "counts of patients", *COUNTS.values())
    return Section(
        "counts",
        "Do later counts fall where they were forecast?",
        "Every lymphocyte count after a look, beside its forecast as the laboratory would measure "
        "it. Intervals are over patients. TRIPOD+AI items 12e, 23a.",
        (),
        (),
        tables=(Table("Numbers with 90 % intervals", columns, tuple(rows)),),
    )


def _groups(groups: pd.DataFrame) -> Section:
    rows = []
    for row in groups.to_dict("records"):
        cells = []
        for name in (EXPECTED, "brier"):
            value, low, high = (row[name + part] for part in ("", "_q05", "_q95"))
            shown = f"{fixed(value)} ({fixed(low)}, {fixed(high)})"
            cells.append("–" if np.isnan(value) else fixed(value) if np.isnan(low) else shown)
        label = f"{row['by']} {row['group']}, day {row['day']:g}"
        rows.append((label, str(row["patients"]), str(row["events"]), *cells))
    columns = ("", "patients", "seen with the event", "observed / expected", "Brier score")
    return Section(
        "groups",
        "By centre, site and arm",
        "Differences between small groups are mostly chance: look at the intervals. TRIPOD+AI "
        "items 14, 23a, 23b.",
        (),
        (),
        tables=(Table("Groups with 90 % intervals", columns, tuple(rows)),),
    )
