"""The small multiples: one captioned panel per patient, grouped by arm."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from lymphokin.infer.weights import UNRELIABLE_PARETO_K
from lymphokin.pages import wording
from lymphokin.pages.drawing import inline_svg
from lymphokin.quantities import Observable
from lymphokin.report.contents import ReportContents
from lymphokin.report.curves import axis_limits, days_of, lymphocyte_curve, quantity_curve
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
    fractions, doses = days_of(contents.cohort.fractions), _doses_by_drug(contents)
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
            [days.get(name, np.array([])) for days in doses],
            limits,
        )
        return _panel(patient, inline_svg(figure, f"a{number}", _alternative(patient, seen, bands)))

    return _panels(contents, contents.patients, draw)


def quantity_panels(contents: ReportContents, observable: Observable, other_tube: str) -> Panels:
    """Draw a quantity beside lymphocytes of each patient with a sample, or of some of many.

    Args:
        contents: of the report.
        observable: the quantity.
        other_tube: samples from such a tube read differently; empty where none does.
    """
    name = observable.name
    if observable.per_lesion:
        bands = contents.lesion_bands(name)
    else:
        bands = {patient: {0: own} for patient, own in contents.bands(name).items()}
    samples = contents.observed(name)
    sampled = contents.patients[contents.patients["id"].astype(str).isin(samples)]
    shown = {
        f"{i} {lesion}": own
        for i in sampled["id"].astype(str)
        for lesion, own in bands.get(i, {}).items()
    }
    values = pd.concat(samples.values())["value"].to_numpy(float)
    values = values[values > 0]
    reach = (float(values.min()), float(values.max())) if len(values) else (1.0, 10.0)
    limits, doses = axis_limits(shown, samples, reach), _doses_by_drug(contents)

    def draw(number: int, patient: Patient) -> Panel:
        own = str(patient["id"])
        seen, curves = samples[own], bands.get(own, {})
        given = [days.get(own, np.array([])) for days in doses]
        figure = quantity_curve(curves, seen, given, limits, other_tube)
        fitted = "".join(
            (f"; lesion {lesion}" if lesion else "") + _curve(curve, observable.unit)
            for lesion, curve in sorted(curves.items())
        )
        text = (
            f"Patient {own}: {len(seen)} {observable.label} samples from "
            f"{wording.number(seen['value'].min())} to {wording.number(seen['value'].max())} "
            f"{observable.unit}{fitted or _curve(None, observable.unit)}."
        )
        return _panel(patient, inline_svg(figure, f"{name}-{number}", text))

    return _panels(contents, sampled, draw)


def _doses_by_drug(contents: ReportContents) -> list[dict[str, np.ndarray]]:
    """Days of the doses of each drug that somebody got, by patient."""
    return [days_of(contents.cohort.doses_of(drug)) for drug in contents.given]


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
        outcome = "no count at the endpoint visit that shows the grade"
    else:
        grade = "grade ≥ 2" if happened else "grade < 2"
        outcome = f"measured {wording.count(patient['observed_alc'])}, {grade}"
    doubt = " ‡" if patient["pareto_k"] > UNRELIABLE_PARETO_K else ""
    risk = wording.percent(patient["p_grade2_measured"]) + doubt
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
