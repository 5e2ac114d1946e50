"""An answer in words, the same in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from lymphokin.pages.wording import day, joined, of_100, percent
from lymphokin.whatif.answers import Difference, Estimate, Notice, ScheduleAnswer
from lymphokin.whatif.judging import JudgedBy


def title(endpoint: JudgedBy) -> str:
    """What the rows of a table are about."""
    unit = "of 100 patients like this one" if endpoint.unit == "of 100" else endpoint.unit
    return f"{endpoint.meaning}, {unit} (90 % interval over the population alone)"


def estimate_in_words(estimate: Estimate) -> str:
    """``27 (13 to 48)``: a number, or patients of 100, with its 90 % interval."""
    shown = of_100 if estimate.of_100 is not None else _number
    return f"{shown(estimate.p)} ({shown(estimate.low)} to {shown(estimate.high)})"


def _number(value: float) -> str:
    return f"{value:g}"


def risk_rows(answer: ScheduleAnswer, endpoint: JudgedBy) -> dict[str, str]:
    """What the model says about one schedule, by what it is."""
    if not endpoint.on_a_day:
        return _course_rows(answer)
    fitted, zero = answer.fitted, answer.gamma_zero
    rows = {
        "grade >= 2, measured": estimate_in_words(fitted.planned.grade2.measured),
        "grade >= 2, true count": estimate_in_words(fitted.planned.grade2.true),
        "grade >= 3, measured": estimate_in_words(fitted.planned.grade3.measured),
        "grade 4, measured": estimate_in_words(fitted.planned.grade4.measured),
        **_without_drugs(answer, fitted.no_drug.grade2.measured),
        "without treatment": estimate_in_words(fitted.no_treatment.grade2.measured),
    }
    if zero is not None:
        rows["with gamma = 0"] = estimate_in_words(zero.planned.grade2.measured)
    alc = fitted.planned.alc
    rows["count at the visit (90 %)"] = f"{alc.q50:.2f} ({alc.q05:.2f}-{alc.q95:.2f})"
    rows["visit on day"] = str(answer.endpoint_day)
    return rows


def _without_drugs(answer: ScheduleAnswer, estimate: Estimate) -> dict[str, str]:
    """The row of the schedule without its drugs; none for a model that takes none."""
    labels = [given.label for given in answer.given]
    return {f"without {joined(labels)}": estimate_in_words(estimate)} if labels else {}


def _course_rows(answer: ScheduleAnswer) -> dict[str, str]:
    """Rows of an endpoint of a window."""
    judged = answer.judged
    rows = {
        "as planned": estimate_in_words(judged.planned),
        **_without_drugs(answer, judged.no_drug),
        "without treatment": estimate_in_words(judged.no_treatment),
    }
    if judged.without_link is not None:
        rows["with gamma = 0"] = estimate_in_words(judged.without_link)
    if judged.spread is not None:
        low, middle, high = (f"{v:g}" for v in (judged.spread.q05, judged.spread.q50,
                                                judged.spread.q95))  # fmt: skip
        rows["its number (90 % of patients)"] = f"{middle} ({low}-{high})"
    rows["from day to day"] = " to ".join(day(d) for d in judged.window)
    return rows


def headline(difference: Difference, endpoint: JudgedBy) -> str:
    """How many fewer or more of 100 patients have it under B instead of A, or how many days."""
    what, chance = endpoint.happens, difference.of_100 is not None
    if difference.verdict == "same":
        return f"A and B: the same {'risk' if chance else 'number'} of {what}"
    if difference.verdict == "unclear":
        return f"B instead of A: no clear difference in {'the risk of ' if chance else ''}{what}"
    counted = f"of 100 patients with {what}" if chance else what
    enough = difference.better_by * (100 if chance else 1)
    small = abs(difference.shown) < enough
    ending = f", less than the {enough:g} that count as a difference" if small else ""
    return f"B instead of A: {change_in_words(difference.shown)} {counted}{ending}"


def difference_in_words(difference: Difference, endpoint: JudgedBy) -> str:
    """The difference with its interval, and how likely which schedule is better by how much."""
    chance, unit = difference.of_100 is not None, endpoint.unit
    ends = (100 * v if chance else v for v in (difference.low, difference.high))
    low, high = (change_in_words(round(v, 2)) for v in ends)
    change = change_in_words(difference.shown)
    sentence = f"B instead of A: {change} {unit} (90 % interval {low} to {high})"
    if difference.assumption:
        return f"{sentence}. {difference.assumption}."
    a, b = (p or 0.0 for p in (difference.probability_a_better, difference.probability_b_better))
    enough = f"{100 * difference.better_by:.0f}" if chance else f"{difference.better_by:g}"
    return (
        f"{sentence}; a {'risk' if chance else 'number'} lower by {enough} {unit} or more has "
        f"probability {percent(a)} under A, {percent(b)} under B."
    )


def change_in_words(difference: float) -> str:
    """``9 fewer``: A minus B as what B instead of A changes."""
    side = "" if not difference else " fewer" if difference > 0 else " more"
    return f"{abs(difference):g}{side}"


def assumptions_in_words(answers: Mapping[str, ScheduleAnswer]) -> list[str]:
    """What the numbers of schedules, by their names, rest on that nobody has seen in people."""
    said = {name: answer.assumption for name, answer in answers.items() if answer.assumption}
    return [f"{name}: {text}." if name else f"{text}." for name, text in said.items()]


def notice_in_words(notice: Notice, *, place: bool) -> str:
    """A warning with its severity and, if wanted, the input that it is about."""
    field = f" ({notice.field})" if place and notice.field else ""
    return f"{notice.severity.capitalize()}{field}: {notice.text}"


def html_table(
    columns: Sequence[str], answers: Sequence[ScheduleAnswer], endpoint: JudgedBy
) -> str:
    """Answers side by side as an HTML table."""
    head = "".join(f"<th>{escape(text)}</th>" for text in ("", *columns))
    rows = [risk_rows(answer, endpoint) for answer in answers]
    body = "".join(
        f"<tr><th>{escape(label)}</th>"
        + "".join(f"<td>{escape(row[label])}</td>" for row in rows)
        + "</tr>"
        for label in rows[0]
    )
    return f"<table><caption>{escape(title(endpoint))}</caption><tr>{head}</tr>{body}</table>"
