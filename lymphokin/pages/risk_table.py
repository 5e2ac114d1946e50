"""The table of patients' risks that terminals and notebooks show."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from lymphokin.pages import wording

MOST_ROWS = 30
"""Of more patients only the highest risks are shown."""
COLUMNS = ("patient", "arm", "counts used", "risk", "90 % interval", "happened")


class RiskTable(NamedTuple):
    """Cells as a reader sees them, and what must be read with them."""

    title: str
    rows: list[tuple[str, ...]]
    """one per patient, in :data:`COLUMNS`"""
    notes: list[str]


def risk_table(
    patients: pd.DataFrame, counts_until: float | None, rest: str, synthetic: bool
) -> RiskTable:
    """Write each patient's risk with its interval, and what happened.

    Args:
        patients: of a forecast, with the patient's id as index.
        counts_until: last day whose counts the forecast used; None: all before the endpoint visit.
        rest: how to see all patients, where not all are shown.
        synthetic: whether patients or population are made up.
    """
    until = "before the endpoint visit" if counts_until is None else f"up to day {counts_until:g}"
    title = "SYNTHETIC DATA. " if synthetic else ""
    title += f"Risk of grade >= 2 lymphopenia 6 weeks after radiotherapy, from counts {until}"
    shown, notes = patients, []
    if len(patients) > MOST_ROWS:
        shown = patients.nlargest(MOST_ROWS, "p_grade2_measured", keep="first")
        notes.append(f"The {MOST_ROWS} highest risks of {len(patients):,} patients. {rest}")
    outside = patients["extrapolation"].map(wording.stated)
    if outside.any():
        number = wording.patients(int(outside.sum()))
        notes.append(f"* outside what the model has seen ({number}); why: column extrapolation")
    rows = [_row(str(name), row) for name, row in shown.iterrows()]
    return RiskTable(title, rows, notes)


def _row(name: str, row: pd.Series) -> tuple[str, ...]:
    happened = "no count"
    if wording.stated(row["observed_alc"]):
        grade = "grade >= 2" if row["observed_grade2"] else "no"
        happened = f"{grade} ({wording.count(row['observed_alc'])})"
    mark = " *" if wording.stated(row["extrapolation"]) else ""
    return (
        name,
        str(row["arm"]) if wording.stated(row["arm"]) else "",
        f"{row['n_counts_used']:.0f}",
        wording.percent(row["p_grade2_measured"]) + mark,
        wording.percent_range(row["p_grade2_q05"], row["p_grade2_q95"]),
        happened,
    )
