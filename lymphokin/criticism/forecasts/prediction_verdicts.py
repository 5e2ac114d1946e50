"""What the scores of held-out forecasts say in words, the bad news first."""

from __future__ import annotations

import numpy as np

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE, BASELINE
from lymphokin.criticism.forecasts.intervals import Estimate
from lymphokin.criticism.forecasts.later_counts import COUNT_PLACE, COVERAGE
from lymphokin.criticism.forecasts.prediction_quality import BENCHMARKS, PredictionQuality
from lymphokin.infer.diagnostics import RHAT_BAD
from lymphokin.pages.wording import fixed
from lymphokin.verdict import FINE, LOOK, WRONG, Verdict

AGAINST = "held-out forecasts against"
CALIBRATED = "calibration of held-out forecasts"
JUDGED = "patients that can be judged"
REFITTED = "chains agree"
LATER = "every later count"
GROSSLY_NARROW = 0.75
"""Share of later counts in 90 % intervals below which these are no intervals (judgement)."""
FEW_EVENTS = 10
"""With fewer patients with or without the event scores say next to nothing (judgement)."""


def interval(estimate: Estimate, digits: int = 2) -> str:
    """A number with its interval in words."""
    low, high = estimate.q05, estimate.q95
    if not np.isfinite([low, high]).all():
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} (90 % interval {low:.{digits}f} to {high:.{digits}f})"


def with_event(quality: PredictionQuality) -> str:
    """What happened to patients with the event, in words that follow their number."""
    asked = quality.endpoint
    return "with grade ≥ 2" if asked is None or asked.on_a_day else f"with {asked.name}"


def of_day(day: float) -> str:
    """The subject of a verdict."""
    return f"counts to day {day:g}"


def prediction_verdicts(quality: PredictionQuality) -> tuple[Verdict, ...]:
    """One verdict per day and benchmark, per day on calibration, and on who could be judged."""
    of_event = quality.endpoint is not None and quality.endpoint.of_event
    rules = (ARM_RATE,) if of_event else BENCHMARKS
    verdicts = [_against(quality, day, name) for day in quality.days() for name in rules]
    calibrated = _event_calibrated if of_event else _calibrated
    verdicts += [calibrated(quality, day) for day in quality.days()]
    verdicts += [_judged(quality, day) for day in quality.days()]
    if quality.later is not None and len(quality.later):
        verdicts += [_later(quality, day) for day in quality.days()]
    return (*verdicts, *_refitted(quality))


def _against(quality: PredictionQuality, day: float, benchmark: str) -> Verdict:
    brier, log = (
        quality.score(day, measure, against=benchmark) for measure in ("brier", "log_score")
    )
    worse = [np.isposinf(e.value) or e.q05 > 0 for e in (brier, log)]
    better = [e.q95 < 0 for e in (brier, log)]
    level = WRONG if any(worse) else FINE if all(better) else LOOK
    comparison = {
        FINE: f"better than {benchmark} on both scores",
        LOOK: f"not shown to be better than {benchmark}",
        WRONG: f"worse than {benchmark}",
    }[level]
    scores = (
        f"Brier score {brier.value:+.3f} ({brier.q05:+.3f} to {brier.q95:+.3f}), "
        f"log score {log.value:+.3f} ({log.q05:+.3f} to {log.q95:+.3f})"
    ).replace("-", "−")
    sentence = f"The model is {comparison}: {scores}, below 0 where the model is better."
    numbers = {
        f"{name}_{part}": value
        for name, estimate in (("brier", brier), ("log_score", log))
        for part, value in zip(("difference", "q05", "q95"), estimate, strict=True)
    }
    return Verdict(f"{AGAINST} {benchmark}", of_day(day), level, sentence, _finite(numbers))


def _calibrated(quality: PredictionQuality, day: float) -> Verdict:
    intercept = quality.score(day, "calibration_intercept")
    said = f"intercept {interval(intercept)} (0 is right)"
    undetermined = "risks separate the outcomes, so it has no slope"
    return _calibration(quality, day, ("intercept", intercept, 0.0), said, undetermined)


def _event_calibrated(quality: PredictionQuality, day: float) -> Verdict:
    """Does an event in time happen as often as forecast, and to whom it is forecast?"""
    ratio = quality.score(day, "observed_over_expected")
    said = f"observed over expected {interval(ratio)}"
    undetermined = "the outcomes do not determine it"
    return _calibration(quality, day, ("observed_over_expected", ratio, 1.0), said, undetermined)


def _calibration(
    quality: PredictionQuality,
    day: float,
    average: tuple[str, Estimate, float],
    said: str,
    no_slope: str,
) -> Verdict:
    """Are risks right on average, by a number whose right value is known, and spread rightly?"""
    (name, estimate, right), slope = average, quality.score(day, "calibration_slope")
    faults = []
    if estimate.q05 > right or estimate.q95 < right:
        faults.append(f"risks are too {'low' if estimate.q05 > right else 'high'} on average")
    if slope.q05 > 1 or slope.q95 < 1:
        faults.append(f"risks are too {'timid' if slope.q05 > 1 else 'extreme'}")
    fault = " and ".join(faults) or "no fault shown"
    without = "" if np.isfinite(slope.value) else f"; {no_slope}"
    sentence = (
        f"{fault[0].upper()}{fault[1:]}: {said}, slope {interval(slope)} (1 is right){without}."
    )
    numbers = {name: estimate.value, "slope": slope.value}
    return Verdict(CALIBRATED, of_day(day), LOOK if faults else FINE, sentence, _finite(numbers))


def _judged(quality: PredictionQuality, day: float) -> Verdict:
    left_out = quality.left_out(day)
    row = quality.scores[quality.scores["day"] == day].iloc[0]
    patients, events = int(row["patients"]), int(row["events"])
    sentence = f"{patients} patients, {events} {with_event(quality)}"
    if left_out:
        why = (
            "one fit cannot be turned into a fit without them"
            if quality.refits is None
            else "too few draws of the population explain their records"
        )
        sentence += (
            f"; {len(left_out)} left out, for the model and the benchmarks alike, because {why}: "
            f"{', '.join(left_out)}"
        )
    few = min(events, patients - events) < FEW_EVENTS
    sentence += "; too few of one outcome to say much." if few else "."
    numbers = {"patients": patients, "events": events, "left_out": len(left_out)}
    return Verdict(JUDGED, of_day(day), LOOK if left_out or few else FINE, sentence, numbers)


def _later(quality: PredictionQuality, day: float) -> Verdict:
    """Do all later counts fall where they were forecast?"""
    place, coverage = (quality.score(day, m) for m in (COUNT_PLACE, COVERAGE[0.90]))
    faults = []
    if place.q05 > 0.5 or place.q95 < 0.5:
        faults.append(f"counts are {'higher' if place.q05 > 0.5 else 'lower'} than forecast")
    if coverage.q05 > 0.9 or coverage.q95 < 0.9:
        faults.append(f"intervals are too {'wide' if coverage.q05 > 0.9 else 'narrow'}")
    fault = " and ".join(faults) or "no fault shown"
    sentence = (
        f"{fault[0].upper()}{fault[1:]}: mean place of a later count in its forecast "
        f"{interval(place)} (0.5 is right), share in 90 % intervals {interval(coverage)}."
    )
    level = WRONG if coverage.q95 < GROSSLY_NARROW else LOOK if faults else FINE
    numbers = {"place": place.value, "coverage_90": coverage.value}
    return Verdict(LATER, of_day(day), level, sentence, _finite(numbers))


def _refitted(quality: PredictionQuality) -> list[Verdict]:
    """Per fold, whether the chains of its fit agree."""
    if quality.refits is None:
        return []
    verdicts = []
    for number, row in enumerate(quality.refits.itertuples(), start=1):
        numbers = {"rhat_max": row.rhat_max, "ess_bulk_min": row.ess_bulk_min}
        sentence = (
            f"Fitted without {row.patients} patients: largest R-hat {fixed(row.rhat_max, 3)}, "
            f"smallest bulk effective sample size {fixed(row.ess_bulk_min, 0)}, {row.divergences} "
            "divergences."
        )
        level = FINE if row.rhat_max <= RHAT_BAD else LOOK  # type: ignore[operator]
        verdicts.append(Verdict(REFITTED, f"fold {number}", level, sentence, _finite(numbers)))  # type: ignore[arg-type]
    return verdicts


def _finite(numbers: dict[str, float]) -> dict[str, float]:
    """Numbers that JSON can hold."""
    return {name: float(value) for name, value in numbers.items() if np.isfinite(value)}


def read_first(quality: PredictionQuality) -> list[str]:
    """What must be read before any score."""
    loud = []
    first = quality.days()[0]
    of_event = quality.endpoint is not None and quality.endpoint.of_event
    against = _against(quality, first, ARM_RATE if of_event else BASELINE)
    if against.level != FINE and of_event:
        loud.append(f"With records up to day {first:g}: {against.sentence}")
    elif against.level != FINE:
        what = "is worse than" if against.level == WRONG else "is not shown to beat"
        loud.append(
            f"With counts up to day {first:g} the model {what} a logistic regression on the "
            f"baseline count alone. {against.sentence}"
        )
    most = max(quality.days(), key=lambda day: len(quality.left_out(day)))
    if left_out := quality.left_out(most):
        loud.append(
            f"Up to {len(left_out)} patients are not judged (day {most:g}): leaving them out by "
            "weights fails (Pareto k above 0.7). They are the patients that the fit leans on most, "
            "so scores without them may flatter model and benchmarks; fits without each part of "
            "the patients (folds) judge them too."
            if quality.refits is None
            else f"Up to {len(left_out)} patients are not judged (day {most:g}): too few draws of "
            "the population can explain their counts (Pareto k above 0.7)."
        )
    disagree = [v.subject for v in _refitted(quality) if v.level != FINE]
    if disagree:
        loud.append(
            f"In {', '.join(disagree)} the chains did not agree (R-hat above {RHAT_BAD}): their "
            "patients' forecasts rest on a fit that is not finished."
        )
    if any(_judged(quality, day).sentence.endswith("much.") for day in quality.days()):
        loud.append(
            f"Fewer than {FEW_EVENTS} patients with or without the event are judged: "
            "intervals are wide, and their own reliability is poor."
        )
    return loud
