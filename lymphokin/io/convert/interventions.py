"""Treatments (SDTM EX and PR) into ATRA doses and radiotherapy fractions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import DOSE, FRACTION, Bench, draft, no_records
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import Moments, read_dates
from lymphokin.io.convert.findings import subjects_of
from lymphokin.lab_units import amount_factor, is_per_body_surface, radiation_factor
from lymphokin.units import LARGEST_FRACTION_GY

PER_DAY = {"": 1, "ONCE": 1, "QD": 1, "DAILY": 1, "BID": 2, "TID": 3, "QID": 4, "Q24H": 1,
           "Q12H": 2, "Q8H": 3, "Q6H": 4}  # fmt: skip
"""Doses a day by CDISC frequency."""

LONGEST_DAYS = 366


def read_doses(bench: Bench, data: Dataset, bsa: pd.Series) -> pd.DataFrame:
    """Draft records of single ATRA doses in mg from an exposure domain.

    A row with start and end dates is a dose at each time of each day of it. `bsa`: body surface
    area in m2 per subject, for doses in mg/m2.
    """
    bench.account.source(data.file, len(data))
    names = [str(n).upper() for n in bench.mapping["atra"]["names"]]
    treatment = data.text("EXTRT").str.upper()
    atra = np.array([any(name in t for name in names) for t in treatment], bool)
    bench.account.dropped(data.file, "another treatment than ATRA", data.lines[~atra])
    data = data.select(atra)
    data = _given(bench, data, "EX")
    amount = bench.numbers(data, "EXDOSE").to_numpy()
    zero = amount == 0
    bench.account.dropped(data.file, "a dose of 0", data.lines[zero])
    data, amount = data.select(~zero), amount[~zero]
    bench.flag(data, ~(amount > 0), "EXDOSE", "an amount above 0")
    amount = amount * _milligrams(bench, data, bsa)
    often = data.text("EXDOSFRQ").str.upper()
    known = often.isin(list(PER_DAY)).to_numpy()
    bench.flag(data, ~known, "EXDOSFRQ", "one of " + ", ".join(filter(None, PER_DAY)))
    first, days = _span(bench, data, "EX", LONGEST_DAYS)
    per_day = often.map(PER_DAY).fillna(1).astype(int).to_numpy()
    once = often.eq("ONCE").to_numpy()
    count = np.where(once, 1, days * per_day)
    row = np.repeat(np.arange(len(data)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    day, part = number // per_day[row], number % per_day[row]
    seconds = day * 86_400 + part * (86_400 // per_day[row])
    told = [
        (count > 1, "a period of treatment, unfolded into single doses"),
        (per_day > 1, "several doses a day, spaced evenly from the start of the period"),
    ]
    for rows, why in told:
        bench.account.changed(data.file, why, data.lines[rows])
    one = draft(data, DOSE, subjects_of(bench, data), when=first.when, clock=first.clock,
                value=amount)  # fmt: skip
    many = one.iloc[row].reset_index(drop=True)
    many["when"] = many["when"] + pd.to_timedelta(seconds, unit="s")
    many["clock"] = many["clock"] | (per_day[row] > 1)
    return many


def _milligrams(bench: Bench, data: Dataset, bsa: pd.Series) -> np.ndarray:
    """Factor to mg per row, NaN (and a problem) where there is none."""
    units = data.text("EXDOSU")
    factor = np.array([float(amount_factor(u) or math.nan) for u in units], float)
    by_surface = np.array([is_per_body_surface(u) for u in units], bool)
    area = bsa.reindex(subjects_of(bench, data)).to_numpy(float)
    bench.flag(data, by_surface & ~np.isfinite(area), "EXDOSU",
               "mg, or mg/m2 with the body surface area of the subject (BSABL)")  # fmt: skip
    bench.flag(data, np.isnan(factor) & ~by_surface, "EXDOSU", "mg, g, ug or mg/m2")
    why = "mg/m2 times the body surface area of the subject"
    bench.account.changed(data.file, why, data.lines[by_surface & np.isfinite(area)])
    return np.where(by_surface, area, factor)


def read_fractions(bench: Bench, data: Dataset) -> pd.DataFrame:
    """Draft records of radiotherapy fractions in Gy from a procedures domain, one row each."""
    bench.account.source(data.file, len(data))
    chosen = bench.mapping["radiotherapy"]
    names = [str(n).upper() for n in chosen["names"]]
    text = data.text("PRTRT") + "|" + data.text("PRDECOD") + "|" + data.text("PRCAT")
    text = text.str.upper()
    radiation = np.array([any(name in t for name in names) for t in text], bool)
    bench.account.dropped(data.file, "another procedure than radiotherapy", data.lines[~radiation])
    data = _given(bench, data.select(radiation), "PR")
    if not len(data):
        return no_records()
    units = data.text("PRDOSU").replace("", chosen["unit"])
    factor = np.array([float(radiation_factor(str(u)) or math.nan) for u in units], float)
    bench.flag(data, np.isnan(factor), "PRDOSU", "Gy or cGy",
               'or the unit of all in the mapping: [radiotherapy] unit = "Gy"')  # fmt: skip
    gray = bench.numbers(data, "PRDOSE").to_numpy() * factor
    bench.flag(data, ~(gray > 0) & ~np.isnan(factor), "PRDOSE", "the dose of one fraction above 0")
    bench.flag(data, gray > LARGEST_FRACTION_GY, "PRDOSE",
               f"the dose of one fraction, at most {LARGEST_FRACTION_GY:g} Gy",
               "is the unit cGy?")  # fmt: skip
    converted = ~np.isin(factor, [1.0]) & ~np.isnan(factor)
    bench.account.changed(data.file, "dose converted to Gy", data.lines[converted])
    first, _ = _span(bench, data, "PR", 1)
    return draft(data, FRACTION, subjects_of(bench, data), when=first.when, clock=first.clock,
                 value=np.round(gray, 9), lesion=_lesions(bench, data))  # fmt: skip


def read_sites(bench: Bench, data: Dataset) -> pd.Series:
    """SITE per subject from the locations of the radiotherapy rows of a procedures domain.

    Locations are site classes or words that the mapping translates; a lesion is a location with
    its side and link. Others count as "other", with a warning.
    """
    sites = {k.upper(): v for k, v in bench.mapping["radiotherapy"]["sites"].items()}
    names = [str(n).upper() for n in bench.mapping["radiotherapy"]["names"]]
    text = (data.text("PRTRT") + "|" + data.text("PRDECOD") + "|" + data.text("PRCAT")).str.upper()
    data = data.select(np.array([any(name in t for name in names) for t in text], bool))
    place = data.text("PRLOC").str.upper()
    unknown = sorted(set(place[~place.isin(list(sites)) & (place != "")]))
    if unknown:
        bench.account.warn(
            f"{data.file}: location(s) {', '.join(unknown[:5])} taken as site class other; name "
            "the class in the mapping, [radiotherapy.sites]"
        )
    table = pd.DataFrame({"id": subjects_of(bench, data), "lesion": _lesions(bench, data),
                          "site": place.map(sites).fillna("other")})  # fmt: skip
    table = table[table["lesion"] > 0].drop_duplicates(["id", "lesion"])
    return table.sort_values("lesion").groupby("id")["site"].agg("+".join)


def _lesions(bench: Bench, data: Dataset) -> np.ndarray:
    """Number of each row's lesion within its subject, 0 where no location is stated."""
    parts = [data.text(name) for name in ("PRLOC", "PRLAT", "PRLNKID")]
    place = pd.Series(list(zip(*parts, strict=True)), index=data.frame.index, dtype=object)
    stated = place.map(any).to_numpy(bool)
    ids = subjects_of(bench, data)
    table = pd.DataFrame({"id": ids, "place": place})
    number = table.groupby("id")["place"].transform(lambda p: pd.factorize(p)[0] + 1)
    return (
        np.where(stated, number.to_numpy(float), 0).astype(int) if len(data) else np.zeros(0, int)
    )


def _given(bench: Bench, data: Dataset, prefix: str) -> Dataset:
    """Rows of treatment that took place."""
    missed = data.text(f"{prefix}OCCUR").str.upper().eq("N")
    missed = (missed | data.text(f"{prefix}STAT").str.upper().eq("NOT DONE")).to_numpy()
    bench.account.dropped(data.file, "treatment that was not given", data.lines[missed])
    return data.select(~missed)


def _span(bench: Bench, data: Dataset, prefix: str, longest: int) -> tuple[Moments, np.ndarray]:
    """Start of each row's period and its number of days; a start or end that is not known, or a
    period that is too long, is a problem."""
    begin, end = f"{prefix}STDTC", f"{prefix}ENDTC"
    column = data.frame[begin] if begin in data else pd.Series([None] * len(data), dtype=object)
    first = read_dates(column)
    bench.flag(data, np.isnat(first.when), begin, "the complete date of the treatment")
    last = read_dates(data.frame[end]) if end in data else first
    bench.flag(data, last.bad | last.partial, end, "a complete date, or a blank")
    days = (last.when.astype("datetime64[D]") - first.when.astype("datetime64[D]")).astype(float)
    days = np.where(np.isnat(last.when) | np.isnat(first.when), 0, days) + 1
    wrong = (days < 1) | (days > longest)
    expected = "one row per fraction" if longest == 1 else f"an end 0 to {longest} days later"
    bench.flag(data, wrong, end, expected)
    return first, np.where(wrong, 1, days).astype(int)
