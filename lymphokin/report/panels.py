"""The small multiples: one captioned panel per patient, grouped by arm."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from lymphokin.pages import wording
from lymphokin.pages.drawing import inline_svg
from lymphokin.report.contents import ReportContents
from lymphokin.report.courses import axis_limits, lymphocyte_course, mdsc_course
from lymphokin.report.overview import arm_names, of_arm

Patient = Mapping[Hashable, Any]
"""one row of `ReportContents.patients`"""
FOLD_ABOVE = 120
"""more patients than this are folded away in groups of `_GROUP`"""
_GROUP = 48


@dataclass(frozen=True)
class Panel:
    """One patient's picture and the words above it."""

    id: str
    arm: str
    risk: str
    outcome: str
    happened: bool
    svg: Markup


@dataclass(frozen=True)
class Group:
    """Panels under one heading; `folded` groups are closed until the reader opens them."""

    heading: str
    folded: bool
    panels: list[Panel]


def lymphocyte_panels(contents: ReportContents) -> list[Group]:
    """One panel for each patient of `contents.patients`."""
    bands, counts = contents.bands("alc"), contents.observed("alc")
    limits = axis_limits(bands, counts, (0.3, 2.5))
    fractions, doses = _days(contents.cohort.fractions), _days(contents.cohort.doses)
    nothing = contents.cohort.observations.iloc[:0]

    def draw(number: int, patient: Patient) -> Panel:
        name = str(patient["id"])
        seen = counts.get(name, nothing)
        until = contents.counts_until
        used = np.nextafter(patient["endpoint_day"], -np.inf) if until is None else until
        figure = lymphocyte_course(
            bands.get(name),
            seen,
            np.inf if np.isnan(used) else used,
            patient,
            fractions.get(name, np.array([])),
            doses.get(name, np.array([])),
            limits,
        )
        return _panel(patient, inline_svg(figure, f"a{number}", _alternative(patient, seen, bands)))

    return _groups(contents, contents.patients, draw)


def mdsc_panels(contents: ReportContents) -> list[Group]:
    """One panel for each patient with an MDSC sample."""
    bands, samples = contents.bands("mdsc"), contents.observed("mdsc")
    sampled = contents.patients[contents.patients["id"].astype(str).isin(samples)]
    shown = {i: bands[i] for i in sampled["id"].astype(str) if i in bands}
    limits = axis_limits(shown, samples, (3.0, 100.0))
    doses = _days(contents.cohort.doses)

    def draw(number: int, patient: Patient) -> Panel:
        name = str(patient["id"])
        seen = samples[name]
        figure = mdsc_course(bands.get(name), seen, doses.get(name, np.array([])), limits)
        text = (
            f"Patient {name}: {len(seen)} MDSC samples from {wording.number(seen['value'].min())} "
            f"to {wording.number(seen['value'].max())} cells/uL"
            f"{_course(bands.get(name), 'cells/uL')}."
        )
        return _panel(patient, inline_svg(figure, f"m{number}", text))

    return _groups(contents, sampled, draw)


def _groups(
    contents: ReportContents, patients: pd.DataFrame, draw: Callable[[int, Patient], Panel]
) -> list[Group]:
    folded = len(patients) > FOLD_ABOVE
    groups, number = [], 0
    for name in arm_names(contents):
        rows = of_arm(patients, name)
        size = _GROUP if folded else max(len(rows), 1)
        for start in range(0, len(rows), size):
            part = rows.iloc[start : start + size]
            place = f", {start + 1} to {start + len(part)} of {len(rows)}" if folded else ""
            heading = f"{name}{place or f': {wording.patients(len(rows))}'}"
            panels = [draw(number + i, row) for i, row in enumerate(part.to_dict("records"))]
            groups.append(Group(heading, folded, panels))
            number += len(part)
    return groups


def _panel(patient: Patient, svg: Markup) -> Panel:
    happened = wording.stated(patient["observed_grade2"]) and bool(patient["observed_grade2"])
    if pd.isna(patient["observed_alc"]):
        outcome = "no count at the endpoint visit"
    else:
        grade = "grade ≥ 2" if happened else "grade < 2"
        outcome = f"measured {wording.count(patient['observed_alc'])}, {grade}"
    risk = wording.percent(patient["p_grade2_measured"])
    return Panel(str(patient["id"]), wording.arm(patient["arm"]), risk, outcome, happened, svg)


def _alternative(patient: Patient, counts: pd.DataFrame, bands: dict[str, pd.DataFrame]) -> str:
    if len(counts):
        low, high = (wording.count(v) for v in (counts["value"].min(), counts["value"].max()))
        seen = f"{len(counts)} lymphocyte counts from {low} to {high}"
    else:
        seen = "no lymphocyte count"
    course = _course(bands.get(str(patient["id"])), "in 1e9/L")
    return f"Patient {patient['id']}, {wording.arm(patient['arm'])}: {seen}{course}."


def _course(bands: pd.DataFrame | None, unit: str) -> str:
    if bands is None or not len(bands):
        return "; no fitted course"
    middle = bands["q50"]
    start, low, end = (
        wording.number(v, 2) for v in (middle.iloc[0], middle.min(), middle.iloc[-1])
    )
    return (
        f"; fitted median {start} at the start, lowest {low} on day "
        f"{wording.day(float(middle.index[int(middle.argmin())]))}, {end} at the end, {unit}"
    )


def _days(table: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(i): rows["day"].to_numpy(float) for i, rows in table.groupby("id", sort=False)}
