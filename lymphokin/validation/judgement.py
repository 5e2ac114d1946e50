"""What a validation says in words: holds, update first, or do not use here. The rule is stated.

Faults of each look, every one a number with an interval:

- observed over expected events differ from 1,
- the calibration slope differs from 1,
- later counts lie too high or too low in their forecasts (their mean place, PIT, differs from 0.5),
- the 90 % intervals of later counts hold more or less than 90 %,
- the log score is worse than that of a rule made of the same patients.

A fault is called when its number is further from the right one than chance would bring it one time
in ten over all faults and looks together (Bonferroni), by the width of its interval. Without a
fault a model *holds*. With one it is *updated first*. It is *not used here* where an update cannot
mend it: it ranks these patients worse than the rule made of their baselines alone, or is grossly
off, its 90 % intervals holding less than half of the later counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import norm

from lymphokin.criticism.forecasts.benchmarks import ARM_RATE, BASELINE, CARRIED_FORWARD
from lymphokin.criticism.forecasts.intervals import Z90, Estimate
from lymphokin.criticism.forecasts.later_counts import COUNT_PLACE, COUNT_RATIO, COVERAGE
from lymphokin.criticism.forecasts.prediction_quality import PredictionQuality
from lymphokin.criticism.forecasts.prediction_verdicts import FEW_EVENTS, interval
from lymphokin.pages.wording import percent
from lymphokin.validation.measures import EXPECTED
from lymphokin.verdict import FINE, LOOK, WRONG, Verdict

HOLDS, UPDATE, DO_NOT_USE = "holds", "update first", "do not use here"
LEVELS = {HOLDS: FINE, UPDATE: LOOK, DO_NOT_USE: WRONG}
FALSE_ALARMS = 0.10
"""Probability with which a fault is called in a model that has none (judgement)."""
FAULTS = 5
GROSS = 0.5
"""Share of later counts in 90 % intervals below which not the level but the model is wrong
(judgement)."""
AT_A_LOOK = "forecasts of new patients"
RULES = (BASELINE, CARRIED_FORWARD)


def read_first(rarer: int, outside: float) -> list[str]:
    """What limits a validation: few patients with the rarer outcome, a share of them unlike those
    behind the model.
    """
    found = []
    if rarer < FEW_EVENTS:
        found.append(
            f"Only {rarer} patients had the rarer of the two outcomes: intervals are wide, and "
            "no fault shown does not mean that there is none."
        )
    if outside > 0:
        found.append(
            f"{percent(outside)} of the patients lie outside what the model has seen in "
            "dose, course, baseline or drug: the table below says where."
        )
    return found


def reach(looks: int) -> float:
    """How many half-widths of a 90 % interval a number may lie from the right one."""
    return float(norm.ppf(1 - FALSE_ALARMS / (2 * FAULTS * looks))) / Z90


def beyond(estimate: Estimate, right: float, looks: int) -> int:
    """-1 or 1 where a number is too low or too high beyond chance, else 0."""
    value, low, high = estimate
    if not np.isfinite(estimate).all():
        return 0
    half = value - low if value > right else high - value
    far = abs(value - right) > reach(looks) * half
    return int(np.sign(value - right)) if far else 0


def faults_of(quality: PredictionQuality, day: float) -> dict[str, str]:
    """The faults of a look by name, each in words."""
    looks, found = len(quality.days()), {}
    expected = quality.score(day, EXPECTED)
    if side := beyond(expected, 1.0, looks):
        words = "more" if side > 0 else "fewer"
        found["risks on average"] = (
            f"{words} patients had the event than forecast: observed over expected "
            f"{interval(expected)}"
        )
    slope = quality.score(day, "calibration_slope")
    if side := beyond(slope, 1.0, looks):
        words = "timid" if side > 0 else "extreme"
        found["spread of the risks"] = f"risks are too {words}: calibration slope {interval(slope)}"
    place = quality.score(day, COUNT_PLACE)
    if side := beyond(place, 0.5, looks):
        words = "higher" if side > 0 else "lower"
        found["level of the counts"] = (
            f"later counts are {words} than forecast: mean place in their forecasts "
            f"{interval(place)} (0.5 is right), measured over forecast median "
            f"{interval(quality.score(day, COUNT_RATIO))}"
        )
    coverage = quality.score(day, COVERAGE[0.90])
    if side := beyond(coverage, 0.90, looks):
        words = "wide" if side > 0 else "narrow"
        found["width of the intervals"] = (
            f"intervals are too {words}: those of 90 % hold {percent(coverage.value)} of the later "
            f"counts ({percent(coverage.q05)} to {percent(coverage.q95)})"
        )
    for rule in rules_of(quality):
        difference = quality.score(day, "log_score", against=rule)
        if beyond(difference, 0.0, looks) > 0 or np.isposinf(difference.value):
            found[f"worse than {rule}"] = (
                f"the rule “{rule}”, made of these very patients, is better: log score "
                f"{interval(difference)} (below 0 where the model is better)"
            )
    return found


def rules_of(quality: PredictionQuality) -> tuple[str, ...]:
    """The rules made of the same patients: of an event in time the share of the arm alone."""
    return (ARM_RATE,) if _of_event(quality) else RULES


def _of_event(quality: PredictionQuality) -> bool:
    return quality.endpoint is not None and quality.endpoint.of_event


def ranks_worse(quality: PredictionQuality, day: float) -> Estimate | None:
    """The AUC less that of the baseline rule where the model ranks patients worse than it."""
    if _of_event(quality):
        return None
    difference = quality.score(day, "auc", against=BASELINE)
    return difference if beyond(difference, 0.0, len(quality.days())) < 0 else None


def conclusion(quality: PredictionQuality, day: float) -> tuple[str, list[str]]:
    """What to do at a look, and why.

    Args:
        quality: with the rows of :func:`lymphokin.validation.measures.further_scores`.
        day: of the look.
    """
    reasons = list(faults_of(quality, day).values())
    final = []
    if (difference := ranks_worse(quality, day)) is not None:
        final.append(
            "it ranks these patients worse than their baselines do, which an update cannot mend: "
            f"AUC less that of the rule {interval(difference)}"
        )
    if beyond(quality.score(day, COVERAGE[0.90]), GROSS, len(quality.days())) < 0:
        final.append("it is grossly off: less than half of the later counts lie in 90 % intervals")
    if final:
        return DO_NOT_USE, final + reasons
    return (UPDATE, reasons) if reasons else (HOLDS, [])


def worst_of(conclusions: Mapping[float, tuple[str, Sequence[str]]]) -> str:
    """The conclusion over all looks: the worst of them."""
    order = (HOLDS, UPDATE, DO_NOT_USE)
    return max((word for word, _ in conclusions.values()), key=order.index)


def verdicts_of(quality: PredictionQuality) -> tuple[Verdict, ...]:
    """One verdict per look."""
    verdicts = []
    for day in quality.days():
        word, reasons = conclusion(quality, day)
        better = [
            r for r in rules_of(quality) if quality.score(day, "log_score", against=r).q95 < 0
        ]
        beats = f"; shown to be better than {' and '.join(better)}" if better else ""
        sentence = (
            "; ".join(reasons) if reasons else f"no fault shown in {_numbers(quality, day)}{beats}"
        )
        numbers = {
            name: quality.score(day, measure).value
            for name, measure in (
                ("observed_over_expected", EXPECTED),
                ("calibration_slope", "calibration_slope"),
                ("count_place", COUNT_PLACE),
                ("count_coverage_90", COVERAGE[0.90]),
            )
        }
        finite = {name: float(v) for name, v in numbers.items() if np.isfinite(v)}
        text = f"{word[0].upper()}{word[1:]}: {sentence}."
        verdicts.append(Verdict(AT_A_LOOK, look_in_words(day), LEVELS[word], text, finite))
    return tuple(verdicts)


def _numbers(quality: PredictionQuality, day: float) -> str:
    expected, coverage = (quality.score(day, m) for m in (EXPECTED, COVERAGE[0.90]))
    of_counts = ""
    if np.isfinite(coverage.value):
        of_counts = f", and intervals of 90 % hold {percent(coverage.value)} of the later counts"
    return f"these patients: observed over expected {interval(expected)}{of_counts}"


def look_in_words(day: float) -> str:
    """What was known at a look."""
    return "counts before treatment" if day == 0 else f"counts to day {day:g}"
