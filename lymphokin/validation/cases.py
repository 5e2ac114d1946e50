"""Who cannot be judged of a table of new patients, and why."""

from __future__ import annotations

from collections.abc import Collection

from lymphokin.criticism.forecasts.cases import Cases
from lymphokin.io import BadInput, Cohort
from lymphokin.io.problems import Problem
from lymphokin.pages.wording import patients as number_of_patients
from lymphokin.pages.wording import some

FEWEST = 10
"""Patients below which nothing is judged (judgement): the 90 % interval of a share of one half is
then wider than from 0.25 to 0.75."""
FEWEST_ALIKE = 2
"""Counts on the same days with the same values from which two patients are taken to be one."""


def refuse_few(cohort: Cohort, cases: Cases) -> None:
    """Refuse patients by whom nothing can be judged.

    Raises:
        BadInput: when there are too few, nobody's outcome is known, or all had the same.
    """
    file, name, judged = cohort.source or "the cohort", cases.endpoint.name, cases.patients
    why = "; ".join(f"{reason}: {count}" for reason, count in cases.left_out.items())
    if not len(judged):
        expected = f"patients with a count before treatment and an outcome of {name}"
        raise BadInput([Problem(file, None, None, "nobody", expected, why)])
    if len(judged) < FEWEST:
        expected = f"at least {FEWEST} patients whose outcome of {name} is known"
        found = number_of_patients(len(judged))
        raise BadInput([Problem(file, None, None, found, expected, why)])
    happened = judged["happened"].astype(bool)
    if happened.nunique() == 1:
        found = f"{'all' if happened.all() else 'none'} of {len(judged)} patients had it"
        expected = f"patients with and without {name}: else no risk can be judged"
        hint = "another endpoint may divide them"
        raise BadInput([Problem(file, None, None, found, expected, hint)])


def refuse_fitted(fitted: Cohort, cohort: Cohort, earlier: Collection[str] = ()) -> None:
    """Refuse a table that holds patients of the fit: what was fitted is not new.

    Patients are recognised by their lymphocyte counts, whatever their ids. Of the tables behind an
    update only the hash is known.

    Args:
        fitted: the patients of the fit.
        cohort: the new ones.
        earlier: hashes of the tables that the fit learnt from before.

    Raises:
        BadInput: naming the patients, or the table.
    """
    if cohort.sha256 and cohort.sha256 in earlier:
        expected = "patients that the fit has not seen: it has learnt from this very table before"
        raise BadInput([Problem(cohort.source, None, None, "the same file", expected)])
    known = {records for records in _counts(fitted).values() if len(records) >= FEWEST_ALIKE}
    by_id, problems = _counts(fitted), []
    rows = cohort.observations.groupby("id")["row"].min()
    for patient, records in _counts(cohort).items():
        common = len(records & by_id.get(patient, frozenset()))
        if records in known or common >= FEWEST_ALIKE:
            line = int(rows.get(patient, 0)) or None
            expected = "patients that the fit has not seen"
            problems.append(Problem(cohort.source or "the cohort", line, "ID", patient, expected))
    if problems:
        raise BadInput(problems)


def _counts(cohort: Cohort) -> dict[str, frozenset[tuple[float, float]]]:
    """Days and values of every patient's lymphocyte counts."""
    rows = cohort.observations.query("quantity == 'alc'").dropna(subset=["value"])
    return {
        str(patient): frozenset(zip(own["day"], own["value"], strict=True))
        for patient, own in rows.groupby("id", sort=False)
    }


def in_words(cases: Cases) -> str:
    """Who is judged and who is not."""
    n, events = len(cases.patients), int(cases.patients["happened"].sum())
    sentence = f"{number_of_patients(n)} judged, {events} with the event"
    if cases.left_out:
        reasons = some(f"{why} ({count})" for why, count in cases.left_out.items())
        sentence += f"; not judged: {reasons}"
    return f"{sentence}."
