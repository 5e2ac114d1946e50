"""An answer in words, the same in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lymphokin.pages.wording import of_100, percent, points_range
from lymphokin.whatif.answers import BETTER_BY, Difference, Estimate, Notice, ScheduleAnswer

TITLE = "Lymphopenia 6 weeks after radiotherapy, of 100 patients like this one (90 % interval)"


def estimate_in_words(estimate: Estimate) -> str:
    """``27 (13 to 48)``: a number of 100 patients with its 90 % interval."""
    return f"{of_100(estimate.p)} ({of_100(estimate.low)} to {of_100(estimate.high)})"


def risk_rows(answer: ScheduleAnswer) -> dict[str, str]:
    """What the model says about one schedule, by what it is."""
    fitted, zero = answer.fitted, answer.gamma_zero
    rows = {
        "grade >= 2, measured": estimate_in_words(fitted.planned.grade2.measured),
        "grade >= 2, true count": estimate_in_words(fitted.planned.grade2.true),
        "grade >= 3, measured": estimate_in_words(fitted.planned.grade3.measured),
        "grade 4, measured": estimate_in_words(fitted.planned.grade4.measured),
        "without ATRA": estimate_in_words(fitted.no_atra.grade2.measured),
        "without treatment": estimate_in_words(fitted.no_treatment.grade2.measured),
    }
    if zero is not None:
        rows["with gamma = 0"] = estimate_in_words(zero.planned.grade2.measured)
    alc = fitted.planned.alc
    rows["count at the visit (90 %)"] = f"{alc.q50:.2f} ({alc.q05:.2f}-{alc.q95:.2f})"
    rows["visit on day"] = str(answer.endpoint_day)
    return rows


def headline(difference: Difference) -> str:
    """Under which schedule how many fewer of 100 patients have grade >= 2."""
    size = abs(difference.of_100)
    if difference.verdict == "same":
        return "A and B: the same risk of grade >= 2"
    if not size:
        return "A and B: the same number of 100 patients with grade >= 2"
    lower, higher = ("B", "A") if difference.of_100 > 0 else ("A", "B")
    unclear = "no clear difference, " if difference.verdict == "unclear" else ""
    return f"{lower} instead of {higher}: {unclear}{size} fewer of 100 patients with grade >= 2"


def difference_in_words(difference: Difference) -> str:
    """The difference with its interval, and how likely which schedule is better by how much."""
    interval = points_range(difference.low, difference.high)
    sentence = f"A - B: {difference.of_100:+d} of 100 (90 % interval {interval})"
    if difference.assumption:
        return f"{sentence}. {difference.assumption}."
    a, b = (p or 0.0 for p in (difference.probability_a_better, difference.probability_b_better))
    return (
        f"{sentence}; a risk lower by {100 * BETTER_BY:.0f} of 100 or more has probability "
        f"{percent(a)} under A, {percent(b)} under B."
    )


def notice_in_words(notice: Notice, *, place: bool) -> str:
    """A warning with its severity and, if wanted, the input that it is about."""
    field = f" ({notice.field})" if place and notice.field else ""
    return f"{notice.severity.capitalize()}{field}: {notice.text}"


def html_table(columns: Sequence[str], answers: Sequence[ScheduleAnswer]) -> str:
    """Answers side by side as an HTML table."""
    head = "".join(f"<th>{escape(text)}</th>" for text in ("", *columns))
    rows = [risk_rows(answer) for answer in answers]
    body = "".join(
        f"<tr><th>{escape(label)}</th>"
        + "".join(f"<td>{escape(row[label])}</td>" for row in rows)
        + "</tr>"
        for label in rows[0]
    )
    return f"<table><caption>{escape(TITLE)}</caption><tr>{head}</tr>{body}</table>"
