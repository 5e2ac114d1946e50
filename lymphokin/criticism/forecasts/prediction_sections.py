"""The page of held-out forecasts: scores beside benchmarks, calibration, decisions."""

from __future__ import annotations

import numpy as np

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE
from lymphokin.criticism.forecasts.intervals import Estimate
from lymphokin.criticism.forecasts.later_counts import COUNT_CRPS, COUNT_PLACE, COVERAGE
from lymphokin.criticism.forecasts.prediction_figures import (
    calibration_figure,
    decision_figure,
    score_figure,
)
from lymphokin.criticism.forecasts.prediction_quality import BENCHMARKS, MODEL, PredictionQuality
from lymphokin.criticism.forecasts.prediction_verdicts import (
    AGAINST,
    CALIBRATED,
    JUDGED,
    LATER,
    REFITTED,
    prediction_verdicts,
)
from lymphokin.criticism.sections import Drawing, Section, Table, of_checks
from lymphokin.pages import wording
from lymphokin.verdict import Verdict

MEASURES = {
    "brier": "Brier score",
    "log_score": "log score",
    "crps": "CRPS of the count (10⁹/L)",
    "auc": "AUC",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
}
BENCHMARK_TERMS = (
    ("baseline only", "logistic regression on the mean of the counts before treatment"),
    (
        "last count carried forward",
        "the last known count, with the change that other patients had from theirs",
    ),
    ("rate of the arm", "share of the other patients of the arm with the event"),
)
SCORE_TERMS = (
    ("Brier score", "mean squared distance of risk and outcome; 0.25 for always 50 %; lower wins"),
    ("log score", "minus ln of the probability given to the outcome; 0.69 for always 50 %"),
    ("CRPS", "distance between the forecast distribution and the measured count; lower wins"),
    ("AUC", "probability that of two patients the one with the event had the higher risk"),
)


FOLD_TERMS = (
    ("baseline only", "line of the fold in the value before treatment, both as logarithms"),
    (
        "last count carried forward",
        "the last known fold, 1 before treatment, with the change that other patients had from "
        "theirs",
    ),
    BENCHMARK_TERMS[-1],
)


def _measures(quality: PredictionQuality) -> dict[str, str]:
    """Scores, and what they are called."""
    return MEASURES | ({"crps": "CRPS of the fold"} if _of_fold(quality) else {})


def _of_fold(quality: PredictionQuality) -> bool:
    return quality.endpoint is not None and quality.endpoint.of_fold


def prediction_sections(quality: PredictionQuality) -> list[Section]:
    """All sections of the page, in order."""
    verdicts = prediction_verdicts(quality)
    return [
        beside_benchmarks(quality, verdicts),
        _calibration(quality, verdicts),
        decisions(quality),
        *([] if quality.later is None else [_later(quality, verdicts)]),
        who_is_judged(verdicts),
    ]


def beside_benchmarks(quality: PredictionQuality, verdicts: tuple[Verdict, ...]) -> Section:
    return Section(
        "scores",
        "Beside the benchmarks",
        "The same patients, the same counts, and no forecast has seen the outcome.",
        of_checks(verdicts, AGAINST),
        (
            Drawing.of(
                "Scores over the days",
                score_figure(quality),
                "s",
                "Brier and log score of the model and three benchmarks by day",
                "Above: mean scores; below: model minus benchmark in the same patients, with 90 % "
                "intervals. A good one: the black line is lowest and falls from day to day, and "
                "the bars below lie under the line at 0.",
            ),
        ),
        terms=(FOLD_TERMS if _of_fold(quality) else BENCHMARK_TERMS) + SCORE_TERMS,
        tables=(_scores(quality), _differences(quality)),
    )


def _calibration(quality: PredictionQuality, verdicts: tuple[Verdict, ...]) -> Section:
    return Section(
        "calibration",
        "Do risks come true?",
        "Among patients given a risk of 30 %, three in ten should have the event.",
        of_checks(verdicts, CALIBRATED),
        (
            Drawing.of(
                "Calibration",
                calibration_figure(quality),
                "c",
                "Observed share of patients with grade 2 or worse against predicted risk, by day",
                "Dots: the model’s risk and the observed share in up to five groups of patients, "
                "with exact 90 % intervals; ticks: every patient, above with and below without "
                "the event. A good one: intervals cross the dashed line, without a flat or steep "
                "slope through them, and the ticks move to the corners from day to day.",
            ),
        ),
    )


def decisions(quality: PredictionQuality) -> Section:
    return Section(
        "decisions",
        "Would acting on the risk help?",
        "Net benefit: patients with the event who are acted on, less those without it weighed by "
        "the odds of the threshold, per patient (Vickers and Elkin 2006, "
        "doi:10.1177/0272989X06295361).",
        (),
        (
            Drawing.of(
                "Decision curves",
                decision_figure(quality),
                "d",
                "Net benefit against the threshold of risk, by day",
                "A good one: the black line is at least as high as every other, also as acting on "
                "everybody (orange) and on nobody (0), at the thresholds that someone would use. "
                "One patient moves a curve by about one part in the number of patients, so small "
                f"steps mean nothing. The {ARM_RATE} is left out: a rate learnt from the others "
                "falls where a patient has the event.",
            ),
        ),
    )


def _later(quality: PredictionQuality, verdicts: tuple[Verdict, ...]) -> Section:
    assert quality.later is not None
    rows = []
    for day in quality.days():
        own = quality.later[quality.later["look"] == day]
        measures = (COUNT_PLACE, COVERAGE[0.50], COVERAGE[0.90], COUNT_CRPS)
        numbers = (number(quality.score(day, m)) for m in measures)
        rows.append((f"day {day:g}", f"{len(own)} of {own['id'].nunique()}", *numbers))
    columns = ("", "counts of patients", "mean place (PIT)", "in 50 % intervals",
               "in 90 % intervals", "CRPS (10⁹/L)")  # fmt: skip
    return Section(
        "later",
        "Do all later counts fall where they were forecast?",
        "Every lymphocyte count after a day, not only that of one visit, beside its forecast as "
        "the laboratory would measure it. The mean place is 0.5 where forecasts are right. "
        "Intervals are over patients.",
        of_checks(verdicts, LATER),
        (),
        tables=(Table("Numbers with 90 % intervals", columns, tuple(rows)),),
    )


def who_is_judged(verdicts: tuple[Verdict, ...]) -> Section:
    """Who is left out, and why."""
    return Section(
        "judged",
        "Who is judged",
        "Patients with a count before treatment and a known outcome of the endpoint; of an event, "
        "those in whom it has not been seen and is looked for later. On each day, those are left "
        "out whose importance weights fail (Pareto k above 0.7, Vehtari et al. 2024).",
        of_checks(verdicts, JUDGED) + of_checks(verdicts, REFITTED),
        (),
    )


LARGEST = 1e6
"""Scores from which decimals say nothing: those of forecasts that were certain and wrong."""


def number(estimate: Estimate) -> str:
    """An estimate with its interval in a table; a dash where there is none."""
    if np.isnan(estimate.value):
        return "–"
    value, low, high = (
        wording.fixed(v, 3) if np.isfinite(v) and abs(v) < LARGEST else wording.number(v)
        for v in estimate
    )
    return value if np.isnan(estimate.q05) else f"{value} ({low}, {high})"


def _scores(quality: PredictionQuality) -> Table:
    rows = [
        (f"day {day:g}, {name}", *(number(quality.score(day, m, name)) for m in _measures(quality)))
        for day in quality.days()
        for name in (MODEL, *BENCHMARKS)
    ]
    return Table("Scores with 90 % intervals", ("", *_measures(quality).values()), tuple(rows))


def _differences(quality: PredictionQuality) -> Table:
    measures = list(_measures(quality).items())[:4]
    rows = [
        (
            f"day {day:g}, {name}",
            *(number(quality.score(day, m, against=name)) for m, _ in measures),
        )
        for day in quality.days()
        for name in BENCHMARKS
    ]
    caption = "Model minus benchmark, paired by patient, with 90 % intervals"
    return Table(caption, ("", *(words for _, words in measures)), tuple(rows))
