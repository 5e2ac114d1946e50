"""Doses of drugs (SDTM EX): periods of treatment into single doses."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench, draft, given
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.drugs import Taken, drugs_taken
from lymphokin.io.convert.infusions import read_infusions
from lymphokin.io.convert.periods import Period, read_periods
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.io.convert.treatment_names import (
    INERT,
    OTHER,
    UNCLEAR,
    WANTED,
    Names,
    holding,
    listed,
)
from lymphokin.io.convert.treatment_rows import once_each, that_took_place
from lymphokin.lab_units import DoseUnit, dose_unit, unit_factor
from lymphokin.quantities import HOURS_PER_DAY

_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([^\d\s].*)")
"""A unit of the mapping that is an amount of its own, such as `10 mg` of a capsule."""


def read_doses(bench: Bench, data: Dataset, subjects: pd.DataFrame) -> pd.DataFrame:
    """Draft records of single doses of the drugs, in the event table's units.

    A row with start and end dates is a dose at each time of each day of it.

    Args:
        bench: The conversion.
        data: Rows of an exposure domain.
        subjects: Per subject, `bsa` (m2, for doses in mg/m2), `weight` (kg, for mg/kg) and
            `last_exposure` (a date).
    """
    *own, usual = drugs_taken(bench)
    parts = []
    for drug in own:
        rows = Names.of(drug.words).kinds(data, "EXTRT", "EXDECOD") != OTHER
        parts.append(_doses_of(bench, data.select(rows), subjects, drug))
        data = data.select(~rows)
    parts.append(_doses_of(bench, data, subjects, usual))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _doses_of(bench: Bench, data: Dataset, subjects: pd.DataFrame, drug: Taken) -> pd.DataFrame:
    """Draft records of single doses of one drug."""
    data = once_each(bench, _of_drug(bench, data, drug), "EX")
    data = _by_its_route(bench, that_took_place(bench, data, "EX"), drug)
    amount = bench.numbers(data, "EXDOSE").to_numpy()
    total = bench.numbers(data, "EXDOSTOT").to_numpy()
    zero = (amount == 0) | (np.isnan(amount) & (total == 0))
    bench.account.dropped(data.file, "a dose of 0", data.lines[zero])
    data, amount, total = data.select(~zero), amount[~zero], total[~zero]
    data, duration = read_infusions(bench, data, drug)
    periods = read_periods(bench, data, subjects["last_exposure"], drug)
    units = _units(bench, data, drug)
    amount = _single(bench, data, amount, total, units, periods)
    amount = amount * _milligrams(bench, data, units, subjects)
    doses = _unfolded(bench, data, amount, periods, duration, given(drug.name))
    return _without_coincident(bench, data, doses, drug)


def _of_drug(bench: Bench, data: Dataset, drug: Taken) -> Dataset:
    """Rows whose treatment is the drug, and no placebo of it; the others are listed."""
    words = drug.words
    names = Names.of(words)
    kinds = names.kinds(data, "EXTRT", "EXDECOD")
    texts = data.text("EXTRT")
    bench.flag(data, kinds == UNCLEAR, "EXTRT",
               f"the name of {drug.label} or of its placebo, not of both",
               f'say what it is in the mapping: [{drug.table}.treatments] "the text" = "yes", '
               '"placebo" or "no"')  # fmt: skip
    known = texts.str.upper().isin(list(names.stated)).to_numpy()
    missed = (kinds == WANTED) & holding(texts, words["not_given"]) & ~known
    bench.flag(data, missed & (bench.numbers(data, "EXDOSE").fillna(0) > 0).to_numpy(), "EXTRT",
               "the name of a treatment that was given, beside a dose",
               f'say it in the mapping: [{drug.table}.treatments] "the text" = "yes" '
               'or "no"')  # fmt: skip
    bench.account.dropped(data.file, f"not given: {listed(texts[missed])}", data.lines[missed])
    placebo = kinds == INERT
    why = f"a placebo, not {drug.label}: {listed(texts[placebo])}"
    bench.account.dropped(data.file, why, data.lines[placebo])
    other = kinds == OTHER
    every = " or ".join(each.label for each in drugs_taken(bench))
    why = f"another treatment than {every}: {listed(texts[other])}"
    bench.account.dropped(data.file, why, data.lines[other])
    near = [t for t in names.near(set(texts[other])) if t.upper() not in names.stated]
    if near:
        bench.account.warn(
            f"{data.file}: {listed(near)} taken as another drug, as the name of {drug.label} is "
            f"only a part of a word; if it is {drug.label}, [{drug.table}.treatments] "
            '"the text" = "yes"'
        )
    return data.select(~placebo & ~other & ~missed)


def _by_its_route(bench: Bench, data: Dataset, drug: Taken) -> Dataset:
    """Rows of the drug by mouth; rows on the skin are left out, other routes are a problem.

    A drug of a model may be given by any route, where the mapping names none.
    """
    words = drug.words
    route = data.text("EXROUTE")
    if not words["routes"]:
        why = f"{drug.label} by any route: {listed(route) or 'none is stated'}"
        bench.account.assumed(data.file, why, data.lines)
        return data
    stated = (route != "").to_numpy()
    oral = holding(route, words["routes"])
    form = data.text("EXDOSFRM") + " | " + data.text("EXTRT")
    described = route.where(stated, form)
    elsewhere = holding(described, words["other_routes"]) & ~oral
    why = f"not taken by mouth: {listed(described[elsewhere])}"
    bench.account.dropped(data.file, why, data.lines[elsewhere])
    bench.flag(data, oral & holding(form, words["other_routes"]), "EXROUTE",
               "a route that fits the name or form of the drug",
               f'another drug? [{drug.table}.treatments] "the text" = "no" in the '
               'mapping')  # fmt: skip
    bench.flag(data, stated & ~oral & ~elsewhere, "EXROUTE", "ORAL",
               f"the model follows oral {drug.label}; add the route to [{drug.table}] routes or "
               "other_routes of the mapping")  # fmt: skip
    why = "the route is not stated: taken as oral"
    bench.account.assumed(data.file, why, data.lines[~stated & ~elsewhere])
    return data.select(~elsewhere)


def _single(
    bench: Bench, data: Dataset, amount: np.ndarray, total: np.ndarray,
    units: list[DoseUnit | None], periods: Period,
) -> np.ndarray:  # fmt: skip
    """Amount of a single dose, also of a day's (mg/day, or EXDOSTOT where that stands alone)."""
    of_day = np.array([unit is not None and unit.a_day for unit in units], bool)
    bench.flag(data, of_day & (periods.interval_hours > HOURS_PER_DAY), "EXDOSFRQ",
               "a dose on every day where EXDOSU is an amount a day")  # fmt: skip
    why = "the amount of a day (EXDOSU) divided by the doses of the day"
    bench.account.changed(data.file, why, data.lines[of_day & (periods.per_day > 1)])
    amount = np.where(of_day, amount / periods.per_day, amount)
    from_total = np.isnan(amount) & (total > 0)
    why = "the total dose of a day (EXDOSTOT) divided by the doses of the day"
    bench.account.changed(data.file, why, data.lines[from_total])
    amount = np.where(from_total, total / periods.per_day, amount)
    bench.flag(data, ~(amount > 0), "EXDOSE", "an amount above 0")
    sums = np.stack([amount * periods.per_day, amount * periods.count])
    differs = (total > 0) & ~from_total & ~np.isclose(sums, total, rtol=0.01).any(axis=0)
    bench.flag(data, differs, "EXDOSTOT",
               "the total of a day: EXDOSE times the doses a day (EXDOSFRQ)",
               "is EXDOSE the dose of a day or a single one?")  # fmt: skip
    return amount


def _units(bench: Bench, data: Dataset, drug: Taken) -> list[DoseUnit | None]:
    """The unit of every row, None (and a problem) where it is not known."""
    translate = {str(k).upper(): str(v) for k, v in drug.words["units"].items()}
    units = []
    for text in data.text("EXDOSU"):
        text = translate.get(str(text).upper(), str(text))
        match = _UNIT.fullmatch(text)
        number, text = (Fraction(match[1]), match[2]) if match else (Fraction(1), text)
        unit = _unit_of(text, drug.unit)
        units.append(None if unit is None else replace(unit, factor=number * unit.factor))
    known = "mg, g, ug, mg/m2 or mg/kg, perhaps a day"
    if drug.unit != "mg":
        known = f"{drug.unit}, the unit of {drug.label}, or one that becomes it"
    bench.flag(data, np.array([unit is None for unit in units], bool), "EXDOSU", known,
               f'or say what it holds in the mapping: [{drug.table}.units] '
               'CAPSULE = "10 mg"')  # fmt: skip
    return units


def _unit_of(text: str, own: str) -> DoseUnit | None:
    """A unit of doses, with its factor to the drug's own unit."""
    unit, its = dose_unit(text), dose_unit(own)
    if unit is not None and its is not None:
        return replace(unit, factor=unit.factor / its.factor)
    factor = unit_factor(text, own)
    return None if factor is None else DoseUnit(factor)


_BODY = {
    "surface": ("bsa", "body surface area", "BSABL"),
    "weight": ("weight", "weight", "WEIGHTBL"),
}
"""What a unit is per: the column of the subjects, its name, and the column of DM or ADSL."""


def _milligrams(
    bench: Bench, data: Dataset, units: list[DoseUnit | None], subjects: pd.DataFrame
) -> np.ndarray:
    """Factor to mg per row, NaN (and a problem) where there is none."""
    factor = np.array([np.nan if unit is None else float(unit.factor) for unit in units], float)
    for per, (column, name, source) in _BODY.items():
        rows = np.array([unit is not None and unit.per == per for unit in units], bool)
        size = subjects[column].reindex(subjects_of(bench, data)).to_numpy(float)
        bench.flag(data, rows & ~np.isfinite(size), "EXDOSU",
                   f"mg, or the {name} of the subject ({source}) in DM or ADSL")  # fmt: skip
        why = f"{'mg/m2' if per == 'surface' else 'mg/kg'} times the {name} of the subject"
        bench.account.changed(data.file, why, data.lines[rows & np.isfinite(size)])
        factor = np.where(rows, factor * size, factor)
    return factor


def _unfolded(
    bench: Bench, data: Dataset, amount: np.ndarray, periods: Period, duration: np.ndarray,
    kind: str,
) -> pd.DataFrame:  # fmt: skip
    """Every single dose of the periods."""
    count = periods.count
    row = np.repeat(np.arange(len(data)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    several = periods.per_day > 1
    reported = [
        (count > 1, "a period of treatment, unfolded into single doses"),
        (several, "several doses a day, spaced evenly from the start of the period"),
    ]
    for rows, why in reported:
        bench.account.changed(data.file, why, data.lines[rows])
    why = "no clock time: doses counted from midnight of the day"
    bench.account.assumed(data.file, why, data.lines[~periods.clock])
    one = draft(data, kind, subjects_of(bench, data), when=periods.first, clock=periods.clock,
                value=amount, duration=duration, column="EXDOSE",
                cell=data.text("EXDOSE").to_numpy())  # fmt: skip
    many = one.iloc[row].reset_index(drop=True)
    seconds = np.rint(number * periods.interval_hours[row] * 3600)
    many["when"] = many["when"] + pd.to_timedelta(seconds, unit="s")
    many["clock"] = many["clock"] | several[row]
    return many


def _without_coincident(
    bench: Bench, data: Dataset, doses: pd.DataFrame, drug: Taken
) -> pd.DataFrame:
    """Doses with those of different rows at one time added, or left out, as the mapping says."""
    place = [doses["id"], doses["when"]]
    again = doses.duplicated(["id", "when"]).to_numpy()
    if not again.any():
        return doses
    rule = drug.words["same_time"]
    rows = np.isin(data.lines, doses["row"][again])
    if not rule:
        bench.flag(data, rows, "EXSTDTC", "one dose at a time; another row has a dose then, too",
                   f'strengths of one dose: [{drug.table}] same_time = "add"; a dose said twice: '
                   f'[{drug.table}] same_time = "first"')  # fmt: skip
        return doses[~again]
    gone = np.setdiff1d(doses["row"][again], doses["row"][~again])
    kept = doses[~again].copy()
    if rule == "add":
        kept["value"] = doses.groupby(place, sort=False)["value"].sum().to_numpy()
        bench.account.changed(data.file, "dose to which another of the same time is added",
                              kept["row"][kept["value"].to_numpy() != doses["value"][~again]]
                              .unique())  # fmt: skip
        bench.account.dropped(data.file, "a dose added to another of the same time", gone)
    else:
        bench.account.dropped(data.file, "a dose at the time of another; the first counts", gone)
        partly = np.setdiff1d(np.unique(doses["row"][again]), gone)
        why = "some doses of the period at the time of another row; the first counts"
        bench.account.changed(data.file, why, partly)
    return kept
