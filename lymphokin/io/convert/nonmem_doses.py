"""Doses, infusions and resets of NONMEM tables into draft records."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import RESET, Bench, draft, given, no_records
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.nonmem_codes import check_units, read_codes, read_lesions
from lymphokin.io.convert.nonmem_times import interval_per_day
from lymphokin.io.cross_checks import like_hours
from lymphokin.io.records import MOST_REPEATS
from lymphokin.io.vocabulary import OF_DOSES
from lymphokin.lab_units import unit_factor
from lymphokin.quantities import DRUGS

_RATES = ("RATE", "DUR")
"""Columns that make a dose an infusion."""


def refuse_infusions(bench: Bench, data: Dataset) -> None:
    """Where no drug is infused, RATE and DUR would change what a dose is."""
    if _infused(bench):
        return
    for name in _RATES:
        number = bench.numbers(data, name)
        expected = "0 or a blank: an infusion is not known here"
        bench.flag(data, number.notna() & (number != 0), name, expected)


def _infused(bench: Bench) -> list[str]:
    words = bench.words
    return [drug for drug in words.compartments[1:] if words.drug(drug).infused]


def read_resets(data: Dataset, rows: np.ndarray, place: dict[str, np.ndarray]) -> pd.DataFrame:
    """Resets to the untreated state."""
    data = data.select(rows)
    own = {name: values[rows] for name, values in place.items()}
    return draft(data, RESET, data.text("ID"), **own) if len(data) else no_records()


def read_doses(
    bench: Bench, data: Dataset, rows: np.ndarray, place: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Fractions and doses, those of ADDL and II one by one."""
    data = data.select(rows)
    if not len(data):
        return no_records()
    words = read_codes(bench, data, "CMT", "cmt")
    amount = bench.numbers(data, "AMT")
    bench.flag(data, ~(amount > 0), "AMT", "an amount above 0 on every dose")
    factor = _amount_factors(bench, data, words)
    more, interval = bench.numbers(data, "ADDL").fillna(0), bench.numbers(data, "II").fillna(0)
    wrong = (more > 0) & ((interval <= 0) | (more > MOST_REPEATS) | (more % 1 != 0))
    bench.flag(data, wrong, "ADDL", f"a whole number up to {MOST_REPEATS}, with II above 0")
    count = np.where(wrong | (more < 0), 0, more).astype(int) + 1
    steady = _steady(bench, data, words, interval)
    per_day = interval_per_day(bench, data, (more > 0).to_numpy() | steady)
    spacing = interval.to_numpy() / per_day
    if not bench.mapping["nonmem"]["interval_unit"]:
        days = np.where(((more > 0) | steady) & (per_day == 1), spacing, np.nan)
        hint = 'days or hours? [nonmem] interval_unit = "days" or "hours" in the mapping'
        bench.judge(data, "interval_in_hours", like_hours(days), "II", hint)
    one = draft(data, "", data.text("ID"), value=amount.to_numpy() * factor, column="AMT",
                cell=data.text("AMT").to_numpy(), steady=np.where(steady, spacing, np.nan),
                duration=_durations(bench, data, words, amount.to_numpy()),
                lesion=read_lesions(bench, data),
                **{name: values[rows] for name, values in place.items()})  # fmt: skip
    one["kind"] = words.map(given).to_numpy()
    row = np.repeat(np.arange(len(data)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    many = one.iloc[row].reset_index(drop=True)
    later = number * spacing[row]
    many.loc[number > 0, "steady"] = np.nan
    many["day"] = many["day"] + later
    many["when"] = many["when"] + pd.to_timedelta(np.round(later * 86_400), unit="s")
    bench.account.changed(data.file, "ADDL unfolded into single doses", data.lines[count > 1])
    return many


def _amount_factors(bench: Bench, data: Dataset, words: pd.Series) -> np.ndarray:
    """From the mapping's unit of each drug's amounts to the event table's.

    A drug that only the model has needs its unit in the mapping.
    """
    check_units(bench, data, words.eq("rt").to_numpy(), OF_DOSES, "AMT in Gy", "Gy")
    factor = np.ones(len(data))
    for drug in bench.words.compartments[1:]:
        of_drug = words.eq(drug).to_numpy()
        own = bench.words.drug(drug).unit
        usual = own if drug in DRUGS and DRUGS[drug].unit == own else ""
        unit = str(bench.mapping["nonmem"]["amount_units"].get(drug, usual))
        known = unit_factor(unit, own) if unit else None
        if known is None and of_drug.any():
            expected = (f"the unit of the amounts of {drug}, which become {own}, in the mapping: "
                        f'[nonmem.amount_units] {drug} = "{own}"')  # fmt: skip
            bench.found(data.file).add(None, "AMT", unit or None, expected)
            continue
        check_units(bench, data, of_drug, OF_DOSES, f"AMT in {unit}", unit)
        factor[of_drug] = float(known or 1)
    return factor


def _steady(bench: Bench, data: Dataset, words: pd.Series, interval: pd.Series) -> np.ndarray:
    """Which doses stand for all those before them (SS 1), at an interval II."""
    state = bench.numbers(data, "SS").fillna(0)
    drugs = bench.words.compartments[1:]
    labels = " or ".join(bench.words.drug(drug).label for drug in drugs)
    bench.flag(data, ~state.isin([0, 1]), "SS", "0, or 1 for a dose that has come to steady state")
    bench.flag(data, (state == 1) & ~words.isin(drugs), "SS", f"a steady state of {labels} only")
    bench.flag(data, (state == 1) & (interval <= 0), "II", "an interval above 0 beside SS 1")
    return (state == 1).to_numpy()


def _durations(bench: Bench, data: Dataset, words: pd.Series, amount: np.ndarray) -> np.ndarray:
    """Days that each dose is infused, NaN where it is given at once."""
    known = _infused(bench)
    stated = {name: bench.numbers(data, name).fillna(0).to_numpy() for name in _RATES}
    given_as = {name: number != 0 for name, number in stated.items()}
    if not known or not any(rows.any() for rows in given_as.values()):
        return np.full(len(data), np.nan)
    for name, rows in given_as.items():
        expected = "a number above 0: those that a model estimates are not known"
        bench.flag(data, stated[name] < 0, name, expected)
        expected = f"0 or a blank, but for drugs that the model infuses ({', '.join(known)})"
        bench.flag(data, rows & ~words.isin(known).to_numpy(), name, expected)
    bench.flag(data, given_as["RATE"] & given_as["DUR"], "DUR", "RATE or DUR, not both")
    of = next(name for name, rows in given_as.items() if rows.any())
    per_day = interval_per_day(bench, data, given_as[of], of)
    rate = np.where(stated["RATE"] > 0, stated["RATE"], np.nan)
    duration = np.where(given_as["DUR"], stated["DUR"], amount / rate) / per_day
    return np.where(duration > 0, duration, np.nan)
