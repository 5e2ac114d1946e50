"""The table of patients' risks that terminals and notebooks show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from lymphokin.pages import wording

MOST_ROWS = 30
"""Of more patients only the highest risks are shown."""
COLUMNS = ("patient", "arm", "counts used", "risk", "90 %, population", "happened")
OF_THE_POPULATION = (
    "90 %, population: how far the risk may be off because the population is not known exactly. "
    "What is not known of the patient is inside the risk itself, so a patient's own true risk "
    "often lies outside."
)
"""What the interval beside a risk covers: measured, it held a new patient's own true risk in 20 to
28 of 100 cases."""


USUAL = "grade >= 2 lymphopenia 6 weeks after radiotherapy"
"""The default endpoint in words."""


class RiskTable(NamedTuple):
    """Cells as a reader sees them, and what must be read with them."""

    title: str
    columns: Sequence[str]
    rows: list[tuple[str, ...]]
    """one per patient, a cell per column"""
    notes: list[str]


def risk_table(
    patients: pd.DataFrame,
    counts_until: float | None,
    rest: str,
    synthetic: bool,
    what: str = USUAL,
) -> RiskTable:
    """Write each patient's risk with its interval, and what happened.

    Args:
        patients: of a forecast, with the patient's id as index; ``unreliable`` marks a row.
        counts_until: last day whose counts the forecast used; None: all before the endpoint visit.
        rest: how to see all patients, where not all are shown; empty: all are shown.
        synthetic: whether patients or population are made up.
        what: the endpoint in words.
    """
    until = "before the endpoint visit" if counts_until is None else f"up to day {counts_until:g}"
    title = f"{_synthetic(synthetic)}Risk of {what}, from counts {until}"
    shown, notes = _highest(patients, "p_grade2_measured", "risks", rest)
    rows = [_row(str(name), row) for name, row in shown.iterrows()]
    return RiskTable(title, COLUMNS, rows, [*notes, OF_THE_POPULATION])


def curve_table(
    patients: pd.DataFrame,
    name: str,
    meaning: str,
    counts_until: float | None,
    rest: str,
    synthetic: bool,
    *,
    of_fold: bool = False,
) -> RiskTable:
    """Write what is forecast of each patient's curve: what happens, and what visits show of it.

    Args:
        patients: of a forecast, with the patient's id as index.
        name: of the endpoint, which its columns begin with.
        meaning: the endpoint in words.
        counts_until: last day whose counts the forecast used; None: all before the window begins,
            of a fold all before the day that is compared.
        rest: how to see all patients, where not all are shown.
        synthetic: whether patients or population are made up.
        of_fold: whether it is the value of a day over that before treatment.
    """
    first = "before that day" if of_fold else "before its first day"
    until = first if counts_until is None else f"up to day {counts_until:g}"
    event = f"p_{name}_true" in patients
    shown, notes = _highest(patients, f"{name}_true_q50", "values", rest)
    used, true, seen = ("counts used", "true curve", "on visits")
    if of_fold:
        used, true, seen = ("records used", "true fold", "as measured")
    columns = ["patient", "arm", used, true, "90 % interval"]
    columns += [seen, "90 % interval", *(["probability"] if event else []), "happened"]
    rows = []
    for patient, row in shown.iterrows():
        mark = _marks(row)
        cells = [str(patient), _arm(row), f"{row['n_counts_used']:.0f}"]
        for kind in ("true", "measured"):
            low, middle, high = (row.get(f"{name}_{kind}_{q}") for q in ("q05", "q50", "q95"))
            cells += [wording.number(middle), wording.number_range(low, high)]
        cells[3] += mark
        cells += [wording.percent(row[f"p_{name}_true"])] if event else []
        observed = row[f"observed_{name}"]
        cells.append(wording.number(observed) if wording.stated(observed) else "not known")
        rows.append(tuple(cells))
    what = "records" if of_fold else "counts"
    title = f"{_synthetic(synthetic)}{meaning}. Forecast from {what} {until}"
    return RiskTable(title, columns, rows, notes)


def event_table(
    patients: pd.DataFrame,
    name: str,
    meaning: str,
    counts_until: float | None,
    rest: str,
    synthetic: bool,
) -> RiskTable:
    """Write how probable an event is in each patient; arguments as of :func:`curve_table`."""
    until = "before its first day" if counts_until is None else f"up to day {counts_until:g}"
    shown, notes = _highest(patients, f"p_{name}", "probabilities", rest)
    columns = ["patient", "arm", "visits used", "probability", "90 %, population", "happened"]
    words = {1.0: "yes", 0.0: "no"}
    rows = [
        (
            str(patient),
            _arm(row),
            f"{row['n_counts_used']:.0f}",
            wording.percent(row[f"p_{name}"]) + _marks(row),
            wording.percent_range(row[f"p_{name}_q05"], row[f"p_{name}_q95"]),
            words.get(row[f"observed_{name}"], "not known"),
        )
        for patient, row in shown.iterrows()
    ]
    title = f"{_synthetic(synthetic)}{meaning}. Forecast from records {until}"
    return RiskTable(title, columns, rows, [*notes, OF_THE_POPULATION])


def _synthetic(synthetic: bool) -> str:
    return "SYNTHETIC DATA. " if synthetic else ""


def _highest(
    patients: pd.DataFrame, column: str, what: str, rest: str
) -> tuple[pd.DataFrame, list[str]]:
    """The patients that are shown, and what must be said of the others."""
    shown, notes = patients, []
    if rest and len(patients) > MOST_ROWS:
        shown = patients.nlargest(MOST_ROWS, column, keep="first")
        notes.append(f"The {MOST_ROWS} highest {what} of {len(patients):,} patients. {rest}")
    outside = patients["extrapolation"].map(wording.stated)
    if outside.any():
        number = wording.patients(int(outside.sum()))
        notes.append(f"* outside what the model has seen ({number}); why: column extrapolation")
    if "unreliable" in patients and patients["unreliable"].any():
        notes.append("‡ unreliable: the counts disagree too much with the fit for reweighting")
    return shown, notes


def _marks(row: pd.Series) -> str:
    """What must be known where a patient's number stands."""
    outside = "*" if wording.stated(row["extrapolation"]) else ""
    unreliable = "‡" if row.get("unreliable", False) else ""
    return f" {outside}{unreliable}" if outside or unreliable else ""


def _arm(row: pd.Series) -> str:
    return str(row["arm"]) if wording.stated(row["arm"]) else ""


def _row(name: str, row: pd.Series) -> tuple[str, ...]:
    happened = "not known"
    if wording.stated(row["observed_alc"]):
        grade = "grade >= 2" if row["observed_grade2"] else "no"
        happened = f"{grade} ({wording.count(row['observed_alc'])})"
    mark = _marks(row)
    return (
        name,
        _arm(row),
        f"{row['n_counts_used']:.0f}",
        wording.percent(row["p_grade2_measured"]) + mark,
        wording.percent_range(row["p_grade2_q05"], row["p_grade2_q95"]),
        happened,
    )
