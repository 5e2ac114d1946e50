"""The small multiples: one captioned panel per patient, grouped by arm."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from lymphokin.pages import wording
from lymphokin.pages.drawing import inline_svg
from lymphokin.quantities import DRUG
from lymphokin.report.contents import ReportContents
from lymphokin.report.curves import axis_limits, days_of, lymphocyte_curve, mdsc_curve
from lymphokin.report.overview import arm_names, of_arm

Patient = Mapping[Hashable, Any]
"""one row of `ReportContents.patients`"""
MOST_PANELS = 90
"""Where there are more patients, at most this number gets a panel of each quantity, which keeps the
page of a large trial under 3 MB."""


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
    """Panels under one heading."""

    heading: str
    panels: list[Panel]


@dataclass(frozen=True)
class Panels:
    """Every panel of one quantity, and a sentence on patients without one, or an empty text."""

    groups: list[Group]
    left_out: str


def lymphocyte_panels(contents: ReportContents) -> Panels:
    """Draw the lymphocytes of each patient, or of some of many."""
    bands, counts = contents.bands("alc"), contents.observed("alc")
    limits = axis_limits(bands, counts, (0.3, 2.5))
    fractions, doses = days_of(contents.cohort.fractions), days_of(contents.cohort.doses_of(DRUG))
    nothing = contents.cohort.observations.iloc[:0]

    def draw(number: int, patient: Patient) -> Panel:
        name = str(patient["id"])
        seen = counts.get(name, nothing)
        until = contents.counts_until
        used = np.nextafter(patient["endpoint_day"], -np.inf) if until is None else until
        figure = lymphocyte_curve(
            bands.get(name),
            seen,
            np.inf if np.isnan(used) else used,
            patient,
            fractions.get(name, np.array([])),
            doses.get(name, np.array([])),
            limits,
        )
        return _panel(patient, inline_svg(figure, f"a{number}", _alternative(patient, seen, bands)))

    return _panels(contents, contents.patients, draw)


def mdsc_panels(contents: ReportContents) -> Panels:
    """Draw the MDSC of each patient with a sample, or of some of many."""
    bands, samples = contents.bands("mdsc"), contents.observed("mdsc")
    sampled = contents.patients[contents.patients["id"].astype(str).isin(samples)]
    shown = {i: bands[i] for i in sampled["id"].astype(str) if i in bands}
    limits = axis_limits(shown, samples, (3.0, 100.0))
    doses = days_of(contents.cohort.doses_of(DRUG))

    def draw(number: int, patient: Patient) -> Panel:
        name = str(patient["id"])
        seen = samples[name]
        figure = mdsc_curve(bands.get(name), seen, doses.get(name, np.array([])), limits)
        text = (
            f"Patient {name}: {len(seen)} MDSC samples from {wording.number(seen['value'].min())} "
            f"to {wording.number(seen['value'].max())} cells/uL"
            f"{_curve(bands.get(name), 'cells/uL')}."
        )
        return _panel(patient, inline_svg(figure, f"m{number}", text))

    return _panels(contents, sampled, draw)


def _panels(
    contents: ReportContents, patients: pd.DataFrame, draw: Callable[[int, Patient], Panel]
) -> Panels:
    """A group of panels per arm; of many patients, every n-th by risk."""
    every = -(-len(patients) // MOST_PANELS)
    groups, number = [], 0
    for name in arm_names(contents):
        rows = of_arm(patients, name)
        if not len(rows):
            continue
        by_risk = rows["p_grade2_measured"].to_numpy(float).argsort(kind="stable")
        shown = rows.iloc[np.sort(by_risk[:: max(every, 1)])]
        part = f"{len(shown)} of " if every > 1 else ""
        panels = [draw(number + i, row) for i, row in enumerate(shown.to_dict("records"))]
        arm = f"{name}: " if contents.several_arms else ""
        groups.append(Group(f"{arm}{part}{wording.patients(len(rows))}", panels))
        number += len(shown)
    if every <= 1:
        return Panels(groups, "")
    return Panels(
        groups,
        f"{number} of {len(patients)} patients are shown: in each arm every {_ordinal(every)} in "
        "the order of risk. In Python, lymphokin.plot.curves draws any other.",
    )


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


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
    curve = _curve(bands.get(str(patient["id"])), "in 1e9/L")
    forecast = "; no forecast"
    if np.isfinite(patient["alc_q50"]):
        middle, low, high = (wording.count(patient[f"alc_{q}"]) for q in ("q50", "q05", "q95"))
        forecast = f"; forecast {middle} ({low} to {high})"
        if np.isfinite(patient["endpoint_day"]):
            forecast += f" on day {wording.day(patient['endpoint_day'])}"
    return f"Patient {patient['id']}, {wording.arm(patient['arm'])}: {seen}{curve}{forecast}."


def _curve(bands: pd.DataFrame | None, unit: str) -> str:
    if bands is None or not len(bands):
        return "; no fitted curve"
    middle = bands["q50"]
    start, low, end = (
        wording.number(v, 2) for v in (middle.iloc[0], middle.min(), middle.iloc[-1])
    )
    return (
        f"; fitted median {start} at the start, lowest {low} on day "
        f"{wording.day(float(middle.index[int(middle.argmin())]))}, {end} at the end, {unit}"
    )
