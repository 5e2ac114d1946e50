"""Organ doses and dose-volume histograms from tables (CSV or workbook) into immune doses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.dose.agreement import check_body_volume, check_parts
from lymphokin.dose.course import CourseDose, course_dose
from lymphokin.dose.histogram import Histogram, from_cumulative, from_differential
from lymphokin.dose.organs import OrganDose, combine
from lymphokin.dose.structure_names import (
    BODY,
    IGNORED,
    Part,
    is_target,
    known_organs,
    match_name,
    plain,
)
from lymphokin.io.convert.datasets import Dataset, read_dataset
from lymphokin.io.cross_checks import odd_identifiers
from lymphokin.io.number_format import Written
from lymphokin.io.problems import BadInput, Findings

_CENTIGRAY = 0.01
_NUMBERS = ("MEAN_DOSE_GY", "MEAN_DOSE_CGY", "DOSE_GY", "DOSE_CGY", "VOLUME_CM3", "VOLUME_PERCENT",
            "FRACTIONS", "PRESCRIBED_GY")  # fmt: skip


def table_doses(
    path: Path,
    own_names: Mapping[str, Part] | None = None,
    accept: Mapping[str, str] | None = None,
) -> list[CourseDose]:
    """Immune dose of every patient of a table of organ doses or histograms.

    Mean doses: ORGAN and MEAN_DOSE_GY (or MEAN_DOSE_CGY), a row per organ; VOLUME_CM3 where parts
    are to be joined or the body is listed. Histograms: ORGAN, DOSE_GY (or DOSE_CGY), VOLUME_CM3
    (or VOLUME_PERCENT), a row per point, KIND cumulative (default) or differential. Both: ID
    (default: one patient), SEX, FRACTIONS and PRESCRIBED_GY if known; the doses are compared with
    the prescription. `accept`: checks of plausibility to accept, by name with the reason. Raises
    BadInput with every problem.
    """
    data = read_dataset(path)
    found = Findings(data.file, accept)
    organ = next((n for n in ("ORGAN", "STRUCTURE", "ROI") if n in data), None)
    if organ is None:
        found.add(None, "ORGAN", None, "a column ORGAN")
    mean = next((n for n in ("MEAN_DOSE_GY", "MEAN_DOSE_CGY") if n in data), None)
    points = next((n for n in ("DOSE_GY", "DOSE_CGY") if n in data), None)
    if mean is None and points is None:
        found.add(None, "MEAN_DOSE_GY", None, "a column MEAN_DOSE_GY, or DOSE_GY of histograms")
    for column in _NUMBERS:
        if column in data and (question := data.written.get(column, Written()).question):
            found.add(None, column, question, "numbers that can be read in one way",
                      "write thousands without a mark")  # fmt: skip
    if not len(data):
        found.add(None, None, "no rows below the header", "at least one organ")
    found.raise_if_any()
    assert organ is not None
    ids = data.text("ID").replace("", "patient 1") if "ID" in data else pd.Series(
        "patient 1", index=data.frame.index)  # fmt: skip
    for check, hints in odd_identifiers(list(ids.unique())).items():
        for name, hint in hints.items():
            line = int(data.lines[ids.eq(name).to_numpy().argmax()])
            found.judge(check, 1.0, line, "ID", name, hint)
    found.raise_if_any()
    doses: list[CourseDose] = []
    problems = []
    for patient, rows in data.frame.groupby(ids.to_numpy(), sort=False).indices.items():
        own = Dataset(data.file, data.frame.iloc[rows], data.lines[rows], data.written)
        try:
            doses.append(
                _patient(str(patient), own, organ, mean, points, own_names or {}, accept or {})
            )
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    for dose in doses:
        dose.warnings += [*data.notes, *found.warnings]
        dose.accepted |= found.accepted
    return doses


def _patient(
    patient: str, data: Dataset, organ: str, mean: str | None, points: str | None,
    own_names: Mapping[str, Part], accept: Mapping[str, str],
) -> CourseDose:  # fmt: skip
    found = Findings(data.file, accept)
    named: dict[Part, list[_Named]] = {}
    unknown: list[str] = []
    targets: list[float] = []
    for name, rows in data.frame.groupby(data.text(organ), sort=False).indices.items():
        match = match_name(str(name), own_names)
        if match is None:
            unknown.append(str(name))
            if not is_target(str(name)):
                continue
        # A target serves for a comparison alone: what is wrong with it stops nothing.
        noted = found if match else Findings(data.file)
        own = Dataset(data.file, data.frame.iloc[rows], data.lines[rows], data.written)
        dose = _mean(own, mean, noted) if mean else _of_histogram(own, str(points), noted)
        if match is None:
            targets += [] if dose is None else [dose.mean_gy]
        elif dose is not None:
            one = _Named(match.rank, str(name), int(own.lines[0]), dose)
            named.setdefault(match.part, []).append(one)
    parts, not_taken = _nearest(named, organ, found)
    sex, fractions = _sex(data, found), _fractions(data, found)
    prescribed = _prescribed(data, found)
    if prescribed and fractions:
        found.judge("fraction_dose", prescribed / fractions, int(data.lines[0]), "PRESCRIBED_GY",
                    f"{prescribed:g} Gy in {fractions}", "cGy, or the dose of one?")  # fmt: skip
    if prescribed and targets:
        found.judge("target_over_prescription", max(targets) / prescribed, None, organ,
                    f"{max(targets):.4g} Gy to the target, {prescribed:g} Gy prescribed",
                    "a session or a plan missing, or cGy?")  # fmt: skip
    if not parts and not found.problems:
        found.add(None, organ, ", ".join(unknown)[:60], "at least one known organ: "
                  + ", ".join(known_organs()))  # fmt: skip
    found.raise_if_any()
    check_parts(parts, found)
    organs, remarks = combine(parts)
    check_body_volume(organs, found)
    body = organs.get(BODY)
    integral = math.nan if body is None else body.mean_gy * body.volume_cm3
    if body is not None and math.isnan(integral):
        remarks.append("the body without a volume tells no integral dose: left out")
    return course_dose(
        patient, "organs" if mean else "dvh", organs, found, sex, integral, fractions, prescribed,
        unknown=unknown, not_taken=not_taken, warnings=remarks,
        plans=[] if prescribed is None else [{"fractions": fractions, "prescribed_gy": prescribed}],
    )  # fmt: skip


class _Named(NamedTuple):
    """A dose under a name. `rank`: see `Match`; `line`: its first line."""

    rank: int
    name: str
    line: int
    dose: OrganDose


def _nearest(
    named: Mapping[Part, list[_Named]], organ: str, found: Findings
) -> tuple[dict[Part, OrganDose], list[str]]:
    """The dose of the name nearest the standard per part, and the names that were not taken."""
    parts, not_taken = {}, []
    for part, own in named.items():
        first, *others = sorted(own, key=lambda one: one.rank)
        parts[part] = first.dose
        for other in others:
            if other.rank == first.rank:
                found.add(other.line, organ, other.name, "each organ once per patient",
                          f"{first.name} is the same organ")  # fmt: skip
            else:
                not_taken.append(f"{other.name} ({first.name} is the same organ)")
    return parts, not_taken


def _numbers(data: Dataset, column: str, found: Findings) -> np.ndarray:
    """A column as numbers of 0 or more; anything else is a problem."""
    values = data.numbers(column).to_numpy()
    text = data.text(column)
    for at in np.flatnonzero(~(values >= 0)):
        found.add(int(data.lines[at]), column, text.iloc[at], "a number of 0 or more")
    return values


def _mean(data: Dataset, column: str, found: Findings) -> OrganDose | None:
    values = _numbers(data, column, found)
    if len(data) > 1:
        shown = ", ".join(data.text(column))
        found.add(int(data.lines[1]), column, shown, "each organ once per patient")
    volume = _numbers(data, "VOLUME_CM3", found)[0] if _stated(data, "VOLUME_CM3") else math.nan
    if volume == 0:
        found.add(int(data.lines[0]), "VOLUME_CM3", "0", "a volume above 0")
    gray = values[0] * (_CENTIGRAY if column.endswith("CGY") else 1.0)
    return OrganDose(float(gray), float(volume)) if gray >= 0 else None


def _of_histogram(data: Dataset, column: str, found: Findings) -> OrganDose | None:
    volume_column = "VOLUME_CM3" if "VOLUME_CM3" in data else "VOLUME_PERCENT"
    before = len(found.problems)
    dose = _numbers(data, column, found) * (_CENTIGRAY if column.endswith("CGY") else 1.0)
    volume = _numbers(data, volume_column, found)
    kinds = set(data.text("KIND").str.lower()) - {""} or {"cumulative"}
    if len(kinds) > 1 or not kinds <= {"cumulative", "differential"}:
        found.add(
            int(data.lines[0]), "KIND", ", ".join(sorted(kinds)), "cumulative or differential"
        )
    if len(found.problems) > before:
        return None
    make = from_cumulative if kinds == {"cumulative"} else from_differential
    try:
        histogram: Histogram = make(dose, volume)
    except ValueError as error:
        shown = " ".join(f"{d:g}:{v:g}" for d, v in zip(dose, volume, strict=True))
        found.add(int(data.lines[0]), volume_column, shown, str(error))
        return None
    if kinds == {"cumulative"}:
        _check_ends(dose, volume, data, volume_column, found)
    known = volume_column == "VOLUME_CM3"
    return OrganDose(histogram.mean_gy, histogram.total if known else math.nan)


def _check_ends(
    dose: np.ndarray, volume: np.ndarray, data: Dataset, column: str, found: Findings
) -> None:
    """A cumulative histogram starts with the whole volume, at 0 Gy, and goes on to the end."""
    line, end = int(data.lines[0]), int(data.lines[-1])
    percent = column == "VOLUME_PERCENT"
    if percent and not 99 <= volume.max(initial=0) <= 101:
        found.add(line, column, f"{volume.max(initial=0):g} % at most", "100 % at 0 Gy",
                  "is it in cm3?")  # fmt: skip
    elif dose[0] > 0 and not percent:
        found.add(line, column, f"a histogram from {dose[0]:g} Gy",
                  "a cumulative histogram from 0 Gy, where it has the whole volume",
                  "differential? say so in KIND")  # fmt: skip
    elif volume[0] > 0:
        found.judge("dvh_tail", volume[-1] / volume[0], end, column,
                    f"{volume[-1]:g} of {volume[0]:g} at the last dose", "was it cut?")  # fmt: skip


def _stated(data: Dataset, column: str) -> bool:
    return column in data and bool((data.text(column) != "").any())


def _sex(data: Dataset, found: Findings) -> str | None:
    stated = set(data.text("SEX").str.upper()) - {""}
    if len(stated) > 1 or not stated <= {"F", "M"}:
        found.add(
            int(data.lines[0]), "SEX", ", ".join(sorted(stated)), "F or M, the same per patient"
        )
    return stated.pop() if len(stated) == 1 else None


def _fractions(data: Dataset, found: Findings) -> int | None:
    if not _stated(data, "FRACTIONS"):
        return None
    number = _only_number(data, "FRACTIONS")
    if not (number >= 1 and number == int(number)):
        _note(data, "FRACTIONS", "one whole number of fractions per patient", found)
        return None
    found.judge("fraction_count", number, int(data.lines[0]), "FRACTIONS", f"{number:g}")
    return int(number)


def _prescribed(data: Dataset, found: Findings) -> float | None:
    """The Gy prescribed over the course, None if the table does not say."""
    if not _stated(data, "PRESCRIBED_GY"):
        return None
    gray = _only_number(data, "PRESCRIBED_GY")
    if not gray > 0:
        _note(data, "PRESCRIBED_GY", "the Gy prescribed, one number per patient", found)
        return None
    found.judge("total_dose", gray, int(data.lines[0]), "PRESCRIBED_GY", f"{gray:g}", "cGy?")
    return gray


def _only_number(data: Dataset, column: str) -> float:
    """The number that every stated cell of a column holds, NaN where there are several or none."""
    stated = data.numbers(column)[data.text(column) != ""].unique()
    return float(stated[0]) if len(stated) == 1 else math.nan


def _note(data: Dataset, column: str, expected: str, found: Findings) -> None:
    """Note the stated cells of a column as a problem."""
    cells = ", ".join(dict.fromkeys(cell for cell in data.text(column) if cell))
    found.add(int(data.lines[0]), column, cells, expected)


def read_own_names(path: Path) -> dict[str, Part]:
    """Names of structures from a table of NAME and ORGAN (and PART: whole, left, right).

    The organ `none` marks a structure that is no organ, whatever its name. Raises BadInput when an
    organ is not one that holds blood, or the body.
    """
    data = read_dataset(path)
    found = Findings(data.file)
    for column in ("NAME", "ORGAN"):
        if column not in data:
            found.add(None, column, None, f"a column {column}")
    found.raise_if_any()
    names: dict[str, Part] = {}
    parts = data.text("PART").str.lower().replace("", "whole")
    cells = zip(data.lines, data.text("NAME"), data.text("ORGAN").str.lower(), parts, strict=True)
    for line, name, organ, part in cells:
        if organ not in (*known_organs(), IGNORED):
            known = ", ".join((*known_organs(), IGNORED))
            found.add(int(line), "ORGAN", organ, "one of " + known)
        names[plain(name)] = Part(organ, part)
    found.raise_if_any()
    return names
