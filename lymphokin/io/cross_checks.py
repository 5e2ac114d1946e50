"""Independent numbers of an event table compared with each other, and with what is plausible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.csv_text import restored
from lymphokin.io.checks import Doses
from lymphokin.io.records import Mask, Records
from lymphokin.io.sheet import NO_MOMENT, Sheet
from lymphokin.plausible.identifiers import names_no_patient, spelling
from lymphokin.plausible.words import OF_DRUGS, OF_OBSERVABLES
from lymphokin.quantities import HOURS_PER_DAY

_LOWEST_TYPICAL_ALC = 0.2  # 1e9/L; below it (CTCAE grade 4) a count near nothing is possible
_LEAST_PATIENTS = 3  # whose median is compared
_LEAST_LEVELS = 5  # of a drug, of which the highest is compared
_SAME_TIME = 1 / 86_400  # days within which two doses are given at one time
_COUNTED = 1e-12


def check_plausible(records: Records, doses: Doses, patients: pd.DataFrame, sheet: Sheet) -> None:
    """Compare the numbers of an event table with the ranges of `lymphokin.plausible`.

    Rows with a wrong cell are left out, and so are the courses of their patients: what is wrong
    already would be reported again by all that it is compared with.
    """
    right = ~sheet.troubled & (records.patient >= 0)
    _identities(records, patients, sheet)
    _days(records, doses, right, sheet)
    _hours(records, right, sheet)
    _courses(records, doses, patients, right, sheet)
    for drug in OF_DRUGS:
        _drug(drug, records, doses, patients, right, sheet)
    _counts(records, patients, right, sheet)
    _levels(records, right, sheet)
    _covariates(records, patients, sheet)


def _identities(records: Records, patients: pd.DataFrame, sheet: Sheet) -> None:
    """Identifiers that look like one patient, and names that look like one arm or centre."""
    for check, hints in odd_identifiers(records.ids).items():
        number = np.array([1.0 if name in hints else np.nan for name in records.ids])
        rows = _on_first_rows(records, number)
        sheet.judge(check, rows, "ID", lambda word, hints=hints: hints[restored(word)])
    for column in ("ARM", "CENTRE"):
        names = patients[column.lower()]
        same = _twins(names.dropna().unique())
        first = names.isin(list(same)) & ~names.duplicated()
        number = np.where(first, 1.0, np.nan)
        stated = np.where(pd.isna(records.covariates[column]), np.nan, 1.0)
        sheet.judge("similar_names", _on_first_rows(records, number, stated), column,
                    lambda word, same=same: f"the same as {same.get(word, '')}?")  # fmt: skip


def odd_identifiers(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Identifiers that are spelt like an earlier one, or name no patient, with a hint.

    By the name of the check of plausibility that they do not pass.
    """
    first: dict[tuple[str, ...], str] = {}
    same = {name: first.setdefault(key, name) for name in names if (key := spelling(name))}
    return {
        "similar_ids": {name: f"the same patient as {other}?" for name, other in same.items()
                        if other != name},
        "no_identifier": {name: "several persons, or a row that sums up the others?"
                          for name in names if names_no_patient(name)},
    }  # fmt: skip


def _twins(names: Iterable[str]) -> dict[str, str]:
    """Names that an earlier one differs from only in case, blanks or leading zeros, with it."""
    first: dict[str, str] = {}
    twins: dict[str, str] = {}
    for name in names:
        key = re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s_]+", "", name)).lower()
        if first.setdefault(key, name) != name:
            twins[name] = first[key]
    return twins


def _days(records: Records, doses: Doses, right: Mask, sheet: Sheet) -> None:
    """Times far from the first fraction, also of repeated doses."""
    last = records.day.copy()
    np.fmax.at(last, doses.record, doses.day)
    far = np.where(np.abs(last) > np.abs(records.day), last, records.day)
    sheet.judge("visit_day", np.where(right, far, np.nan), "TIME", "hours? another year?")


_USUAL_HOURS = (6.0, 8.0, 12.0, 24.0, 48.0)
"""Hours between doses given four times, three times, twice or once a day, or every other day."""
_LEAST_TIMES = 3


def like_hours(interval: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where an interval in days is one that is usual in hours, else NaN."""
    return np.where(np.isin(interval, _USUAL_HOURS), 1.0, np.nan)


def interval_readings(word: str) -> str:
    """Both readings of an interval, for the message."""
    return f"every {word} days, or every {word} hours ({float(word) / HOURS_PER_DAY:.4g} days)?"


def _hours(records: Records, right: Mask, sheet: Sheet) -> None:
    """Intervals and times in days that look like hours."""
    repeated = right & records.is_dose & (records.additional > 0)
    interval = np.where(repeated, records.interval, np.nan)
    sheet.judge("interval_in_hours", like_hours(interval), "II", interval_readings)
    stated = right & (records.moment == NO_MOMENT) & records.timed & (records.day != 0)
    times = np.unique(records.day[stated])
    if len(times) >= _LEAST_TIMES and not (times % HOURS_PER_DAY).any():
        first = np.flatnonzero(stated)[:1]
        flag = np.full(len(sheet), np.nan)
        flag[first] = 1.0
        sheet.judge("times_in_hours", flag, "TIME", "hours? then divide TIME and II by 24")


def _courses(
    records: Records, doses: Doses, patients: pd.DataFrame, right: Mask, sheet: Sheet
) -> None:
    """Each patient's fractions to one lesion: their number, total dose and intervals."""
    partly = np.unique(records.patient[records.is_dose & ~right])
    whole_courses = right & ~np.isin(records.patient, partly)
    fraction = records.is_fraction[doses.record] & whole_courses[doses.record]
    record, day = doses.record[fraction], doses.day[fraction]
    table = pd.DataFrame({
        "patient": records.patient[record],
        "lesion": records.lesion[record],
        "row": record,
        "day": day,
        "gray": records.amount[record],
    })  # fmt: skip
    table = table[table["gray"] > 0].sort_values(["patient", "lesion", "day"], kind="stable")
    if table.empty:
        return
    course = table.groupby(["patient", "lesion"], sort=False)
    gap = course["day"].diff()
    table = table.assign(gap=gap.where(gap > _SAME_TIME))
    course = table.groupby(["patient", "lesion"], sort=False)
    at = course["row"].min().to_numpy()
    several = (course.size() > 2).to_numpy()
    longest = course["gap"].max().to_numpy()
    _judge(sheet, "fraction_count", at, np.asarray(course.size(), float), "ADDL")
    _judge(sheet, "total_dose", at, course["gray"].sum().to_numpy(), "AMT",
           "the dose of a course as that of each fraction?")  # fmt: skip
    _judge(sheet, "fraction_spacing", at, course["gap"].median().to_numpy(), "II",
           "II or TIME in hours?")  # fmt: skip
    _judge(sheet, "fraction_interval", at, course["gap"].min().to_numpy(), "II")
    _judge(sheet, "course_gap", at, np.where(several, longest, np.nan), "TIME")
    total = table.groupby("patient")["gray"].sum().reindex(range(len(patients))).to_numpy()
    # A fraction to lesion 0 goes to every lesion.
    immune = patients["immune_dose_gy"].to_numpy(float)
    lesions = np.fmax(patients["n_lesions"].to_numpy(float), 1)
    whole = table[table["lesion"] == 0].groupby("patient")["gray"].sum()
    whole = whole.reindex(range(len(patients))).fillna(0).to_numpy()
    given = total + whole * (np.nan_to_num(lesions, nan=1) - 1)
    ratio = np.where(immune > 0, immune / np.where(given > 0, given, np.nan), np.nan)
    stated = records.covariates["IMMUNE_DOSE_GY"]
    sheet.judge("immune_dose_per_prescribed_gy", _on_first_rows(records, ratio, stated),
                "IMMUNE_DOSE_GY", "cGy?")  # fmt: skip


def _drug(
    drug: str, records: Records, doses: Doses, patients: pd.DataFrame, right: Mask, sheet: Sheet
) -> None:
    """Doses of a drug, over the body surface where that is known, and their intervals."""
    given = right & records.is_dose_of(drug) & (records.amount > 0)
    if not given.any():
        return
    amount = np.where(given, records.amount, np.nan)
    sheet.judge(OF_DRUGS[drug]["dose"].name, amount, "AMT")
    surface = patients["bsa"].to_numpy(float)
    own = (
        np.where(records.patient >= 0, surface[records.patient], np.nan) if len(surface) else amount
    )
    per_m2 = OF_DRUGS[drug]["dose_per_m2"].name
    sheet.judge(per_m2, amount / own, "AMT", "mg/m2 for mg?")
    single = given[doses.record]
    table = pd.DataFrame({
        "patient": records.patient[doses.record[single]],
        "row": doses.record[single],
        "day": doses.day[single],
    }).sort_values(["patient", "day"], kind="stable")  # fmt: skip
    gap = table.groupby("patient")["day"].diff()
    shortest = table.assign(gap=gap[gap > _SAME_TIME]).groupby("patient").agg(
        {"row": "min", "gap": "min"})  # fmt: skip
    _judge(sheet, "dose_interval", shortest["row"].to_numpy(int), shortest["gap"].to_numpy(),
           "II", "II or TIME in days?")  # fmt: skip


def _counts(records: Records, patients: pd.DataFrame, right: Mask, sheet: Sheet) -> None:
    """Lymphocyte counts against the patient's others, the other patients and other centres."""
    counts = np.flatnonzero(right & records.is_of("alc") & ~records.censored & (records.value > 0))
    patient, value = records.patient[counts], records.value[counts]
    _judge(sheet, "count_within_patient", counts, part_of_typical(patient, value), "DV",
           "divided by 1000 once too often?")  # fmt: skip
    median = pd.Series(value).groupby(patient).median()
    first = pd.Series(counts).groupby(patient).min()
    if len(median) > 1:
        ratio = _against_others(np.asarray(median, float))
        _judge(sheet, "patient_median", first.to_numpy(), ratio, "DV",
               "another unit than the other patients' counts?")  # fmt: skip
    before = records.day[counts] <= 0
    early = pd.Series(value[before]).groupby(patient[before]).median()
    if len(early) >= _LEAST_PATIENTS:
        _judge(sheet, "usual_count", counts[before][:1], np.array([early.median()]), "DV",
               "logarithms, per cent, or another unit?")  # fmt: skip
    centre = patients["centre"].to_numpy(object)[early.index.to_numpy(int)]
    by_centre = early.groupby(centre).agg(["median", "size"])
    by_centre = by_centre[by_centre["size"] >= _LEAST_PATIENTS]
    if len(by_centre) > 1:
        ratio = _against_others(np.asarray(by_centre["median"], float))
        for name, number in zip(by_centre.index, ratio, strict=True):
            own = np.isin(patient, early.index.to_numpy(int)[centre == name])
            _judge(sheet, "centre_median", counts[own][:1], np.array([number]), "CENTRE",
                   "another unit than the other centres?")  # fmt: skip


def _levels(records: Records, right: Mask, sheet: Sheet) -> None:
    """The highest of all drug levels, where there are enough to tell."""
    for name, own in OF_OBSERVABLES.items():
        levels = np.flatnonzero(right & records.is_of(name) & (records.value > 0))
        if "highest" in own and len(levels) >= _LEAST_LEVELS:
            highest = levels[np.argmax(records.value[levels])][None]
            _judge(sheet, own["highest"].name, highest, records.value[highest], "DV",
                   "logarithms, or another unit?")  # fmt: skip


def part_of_typical(patient: NDArray[Any], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts (1e9/L) over the median of the patient's counts; NaN where that is near nothing."""
    typical = pd.Series(value).groupby(patient).transform("median").to_numpy()
    return np.where(typical > _LOWEST_TYPICAL_ALC, value / np.fmax(typical, _COUNTED), np.nan)


def _against_others(median: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each number over the median of the others."""
    order = np.argsort(median, kind="stable")
    rank = np.empty(len(median), int)
    rank[order] = np.arange(len(median))
    ordered = median[order]
    # Leaving one of n sorted numbers out moves the middle by at most one place.
    n = len(median) - 1
    low, high = (n - 1) // 2, n // 2
    others = (ordered[low + (rank <= low)] + ordered[high + (rank <= high)]) / 2
    return median / others


def _covariates(records: Records, patients: pd.DataFrame, sheet: Sheet) -> None:
    for check, column in (
        ("age", "AGE"),
        ("body_surface_area", "BSA"),
        ("target_volume", "PTV_CM3"),
        ("immune_dose", "IMMUNE_DOSE_GY"),
    ):
        numbers = patients[column.lower()].to_numpy(float)
        if column == "IMMUNE_DOSE_GY":  # 0 is said of a treatment that spares the blood
            numbers = np.where(numbers == 0, np.nan, numbers)
        sheet.judge(check, _on_first_rows(records, numbers, records.covariates[column]), column)
    lln = records.lln.copy()
    lln[pd.DataFrame({"p": records.patient, "v": lln}).duplicated().to_numpy()] = np.nan
    sheet.judge("lower_limit_of_normal", lln, "LLN")


def _judge(
    sheet: Sheet, check: str, rows: NDArray, numbers: NDArray[np.float64], column: str,
    hint: str = "",
) -> None:  # fmt: skip
    """Compare one number per given row of the table."""
    spread = np.full(len(sheet), np.nan)
    spread[rows] = numbers
    sheet.judge(check, spread, column, hint)


def _on_first_rows(
    records: Records, numbers: NDArray[np.float64], stated: NDArray | None = None
) -> NDArray[np.float64]:
    """A number per patient on the first of the patient's rows (that states it), NaN elsewhere."""
    usable: Mask = records.patient >= 0
    if stated is not None:
        usable = usable & ~np.isnan(stated)
    rows = np.flatnonzero(usable)[::-1]
    first = np.full(len(records.ids), -1)
    first[records.patient[rows]] = rows
    spread = np.full(len(records.lines), np.nan)
    spread[first[first >= 0]] = numbers[first >= 0]
    return spread
