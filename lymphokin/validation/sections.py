"""The page of a validation: what holds, for whom, beside which rules, and how sure that is.

Every section says which items of TRIPOD+AI (Collins et al. 2024, doi:10.1136/bmj-2023-078378) it
answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.cases import Cases
from lymphokin.criticism.forecasts.later_counts import (
    COUNT_CRPS,
    COUNT_PLACE,
    COUNT_RATIO,
    COVERAGE,
)
from lymphokin.criticism.forecasts.looks import Look
from lymphokin.criticism.forecasts.prediction_quality import MODEL, PredictionQuality
from lymphokin.criticism.forecasts.prediction_sections import (
    beside_benchmarks,
    decisions,
    number,
)
from lymphokin.criticism.sections import Drawing, Section, Table
from lymphokin.pages.wording import fixed
from lymphokin.validation.cases import in_words
from lymphokin.validation.figures import calibration_curves, counts_figure
from lymphokin.validation.judgement import AT_A_LOOK, look_in_words
from lymphokin.validation.measures import ENDPOINT_COVERAGE, EXPECTED, ICI, SCALED_BRIER
from lymphokin.validation.precision import Precision
from lymphokin.verdict import Verdict

CALIBRATION = {
    EXPECTED: "observed / expected",
    "calibration_intercept": "calibration in the large",
    "calibration_slope": "calibration slope",
    ICI: "mean distance of the curve",
    "brier": "Brier score",
    SCALED_BRIER: "scaled Brier score",
    "log_score": "log score",
    "auc": "AUC",
}
COUNTS = {
    COUNT_PLACE: "mean place (PIT)",
    COUNT_RATIO: "measured over forecast",
    COVERAGE[0.50]: "in 50 % intervals",
    COVERAGE[0.90]: "in 90 % intervals",
    COUNT_CRPS: "CRPS (10⁹/L)",
    ENDPOINT_COVERAGE[0.90]: "endpoint’s number in 90 % interval",
}


def _answers(items: str) -> str:
    return f"TRIPOD+AI items {items}."


def validation_sections(
    quality: PredictionQuality,
    looks: Mapping[float, Look],
    cases: Cases,
    verdicts: tuple[Verdict, ...],
    groups: pd.DataFrame,
    precisions: list[Precision],
    differences: tuple[tuple[str, str, str], ...],
    between: pd.DataFrame | None,
    seed: int,
) -> list[Section]:
    """All sections, in order."""
    sections = [
        _verdict(verdicts),
        patients_section(
            f"{in_words(cases)} {cases.endpoint.meaning}. Nothing of them was known to the model "
            "but their records up to each look. " + _answers("5a, 8a, 11, 12a, 16, 20a, 20b, 20c"),
            differences,
        ),
        _calibration(quality, seed),
        _counts(quality, looks),
        _named(beside_benchmarks(quality, ()), "12e, 23a"),
        _named(decisions(quality), "12e, 23a"),
    ]
    if len(groups):
        sections.append(_groups(groups))
    sections.append(_precision(precisions, quality))
    if between is not None:
        sections.append(_between(between))
    return [*sections, _next()]


def _named(section: Section, items: str) -> Section:
    return replace(section, text=f"{section.text} {_answers(items)}")


def _verdict(verdicts: tuple[Verdict, ...]) -> Section:
    return Section(
        "verdict",
        "May it be used here?",
        "The rule: a fault is called at a look when observed over expected events, the calibration "
        "slope, the mean place of later counts in their forecasts or the share of them in 90 % "
        "intervals differs from what is right, or the log score from that of a rule made of these "
        "very patients, by more than chance would bring one time in ten over all faults and looks "
        "together (Bonferroni). No fault: the model holds, as far as these patients can show. A "
        "fault: update it first. It is not used here where it ranks patients worse than their "
        "baselines do, or its 90 % intervals hold less than half of the later counts. "
        + _answers("12e, 12f, 24, 25"),
        tuple(v for v in verdicts if v.check == AT_A_LOOK),
        (),
    )


def patients_section(text: str, differences: tuple[tuple[str, str, str], ...]) -> Section:
    """Who is judged, and how these patients differ from those whom the model has seen."""
    table = Table(
        "These patients, and what the model has seen",
        ("", "here: median (5 to 95 %)", "seen by the model"),
        differences,
    )
    return Section(
        "patients",
        "Who is judged",
        text,
        (),
        (),
        tables=(table,),
    )


def _calibration(quality: PredictionQuality, seed: int) -> Section:
    rows = [
        (look_in_words(day), *(number(quality.score(day, m)) for m in CALIBRATION))
        for day in quality.days()
    ]
    return Section(
        "calibration",
        "Do risks come true?",
        "Among patients given a risk of 30 %, three in ten should have the event. Intervals hold "
        f"90 %. {_answers('12e, 23a')}",
        (),
        (
            Drawing.of(
                "Calibration",
                calibration_curves(quality, seed),
                "vc",
                "Observed share of patients with the event against predicted risk, by look",
                "Black: smooth curve (loess, span 0.75) with its 90 % band over patients; blue: "
                "groups with exact 90 % intervals; ticks: every patient, above with and below "
                "without the event. A good one: the band holds the dashed line.",
            ),
        ),
        tables=(Table("Numbers with 90 % intervals", ("", *CALIBRATION.values()), tuple(rows)),),
    )


def _counts(quality: PredictionQuality, looks: Mapping[float, Look]) -> Section:
    rows = []
    for day, look in looks.items():
        numbers = [number(quality.score(day, m)) for m in COUNTS]
        patients = look.counts["id"].nunique()
        rows.append((look_in_words(day), f"{len(look.counts)} of {patients}", *numbers))
    return Section(
        "counts",
        "Do later counts fall where they were forecast?",
        "Every lymphocyte count after a look, beside its forecast as the laboratory would measure "
        f"it. Intervals are over patients. {_answers('12e, 23a')}",
        (),
        (
            Drawing.of(
                "Later counts",
                counts_figure(looks),
                "vk",
                "Measured against forecast counts, and their places in the forecasts, by look",
                "Left: every count; above the line it was higher than its median forecast. Right: "
                "flat where forecasts are right; high at both ends where intervals are too narrow, "
                "in the middle where they are too wide, at one end where counts are off to that "
                "side. The counts of one patient go together, so small steps mean nothing.",
            ),
        ),
        tables=(
            Table(
                "Numbers with 90 % intervals",
                ("", "counts of patients", *COUNTS.values()),
                tuple(rows),
            ),
        ),
    )


def _groups(groups: pd.DataFrame) -> Section:
    names = (EXPECTED, "brier", COVERAGE[0.90])
    rows = []
    for row in groups.to_dict("records"):
        cells = []
        for name in names:
            value, low, high = (row[name + part] for part in ("", "_q05", "_q95"))
            shown = f"{fixed(value)} ({fixed(low)}, {fixed(high)})"
            cells.append("–" if np.isnan(value) else shown)
        label = f"{row['by']} {row['group']}, day {row['day']:g}"
        rows.append((label, str(row["patients"]), str(row["events"]), *cells))
    columns = ("", "patients", "events", "observed / expected", "Brier score", "in 90 % intervals")
    return Section(
        "groups",
        "By centre, site and arm",
        "Differences between small groups are mostly chance: look at the intervals. "
        + _answers("14, 23a, 23b"),
        (),
        (),
        tables=(Table("Groups with 90 % intervals", columns, tuple(rows)),),
    )


def _precision(precisions: list[Precision], quality: PredictionQuality) -> Section:
    rows = []
    for p in precisions:
        numbers = (fixed(p.standard_error, 3), fixed(p.width), f"{p.wanted:g}")
        rows.append((p.measure, *numbers, fixed(p.patients, 0)))
    n = len(quality.judged(quality.days()[0], MODEL))
    columns = ("", "standard error", "95 % width here", "width aimed at", "patients for that")
    return Section(
        "precision",
        f"How sure can {n} patients make it?",
        "Riley et al. 2021 (doi:10.1002/sim.9025), for the risks of the first look. The standard "
        f"error of observed over expected is that of its logarithm. {_answers('10, 26')}",
        (),
        (),
        tables=(Table("Precision", columns, tuple(rows)),),
    )


def _between(between: pd.DataFrame) -> Section:
    rows = []
    for row in between.to_dict("records"):
        cells = [fixed(row[m], 3) for m in (EXPECTED, "brier", "log_score", "crps", "auc")]
        cells.append(fixed(row[COVERAGE[0.90]], 2))
        rows.append((f"{row['model']}, day {row['day']:g}", *cells, str(row["verdict"])))
    columns = ("", "observed / expected", "Brier score", "log score", "CRPS", "AUC",
               "in 90 % intervals", "verdict")  # fmt: skip
    return Section(
        "models",
        "Every calibrated model",
        "The same patients and looks. Choosing the best of several by these numbers flatters it: "
        f"judge the chosen one on patients that did not choose it. {_answers('12c, 23a')}",
        (),
        (),
        tables=(Table("Models", columns, tuple(rows)),),
    )


def _next() -> Section:
    return Section(
        "next",
        "What next",
        "Where the verdict is “update first”, learn from these patients and judge the update on "
        "patients left out in turn. A verdict speaks of the patients, doses and laboratory of this "
        "table; a new machine, another dose measure or other patients ask for a new one. The page "
        "does not answer the items of TRIPOD+AI on title, ethics, funding, registration and the "
        f"involvement of patients. {_answers('24, 26, 27c')}",
        (),
        (),
    )
