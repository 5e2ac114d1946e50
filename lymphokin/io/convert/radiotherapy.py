"""Radiotherapy (SDTM PR, or EX) into fractions in Gy: of this study, each once, by lesion."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import FRACTION, Bench, draft, no_records
from lymphokin.io.convert.courses import Course, read_courses
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import Moments, read_dates
from lymphokin.io.convert.study_radiotherapy import (
    external,
    near_study_treatment,
    of_this_study,
)
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.io.convert.treatment_rows import once_each, that_took_place
from lymphokin.lab_units import radiation_factor
from lymphokin.plausible import LARGEST_FRACTION_GY

SECOND_OF_DAY_HOURS = 6
"""Hours from the first to the second fraction of a day without clock times (judgement: the least
interval of twice-daily courses that most protocols ask for)."""


def read_fractions(
    bench: Bench, data: Dataset, prefix: str, start: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    """Draft records of radiotherapy fractions in Gy, and SITE per subject.

    Args:
        bench: The conversion.
        data: Rows that `is_radiotherapy` marks.
        prefix: `PR` or `EX`.
        start: First day of study treatment per subject, NaT where not known.
    """
    if not len(data):
        return no_records(), pd.Series(dtype=object)
    data = of_this_study(bench, external(bench, data, prefix), prefix, start)
    data = once_each(bench, that_took_place(bench, data, prefix), prefix)
    zero = bench.numbers(data, f"{prefix}DOSE").eq(0).to_numpy()
    bench.account.dropped(data.file, "a dose of 0", data.lines[zero])
    data = data.select(~zero)
    if not len(data):
        return no_records(), pd.Series(dtype=object)
    factor = _gray(bench, data, prefix)
    first = read_dates(data.column(f"{prefix}STDTC"))
    bench.flag(data, np.isnat(first.when), f"{prefix}STDTC", "the complete date of the treatment")
    data, first, factor = near_study_treatment(bench, data, prefix, first, factor, start)
    lesion, site = _lesions(bench, data, prefix)
    courses = read_courses(bench, data, prefix, first, factor, lesion)
    drafts = _unfolded(bench, data, prefix, first, courses, lesion)
    drafts = _same_day(bench, data, prefix, drafts)
    return drafts, _sites(bench, data, drafts, site)


def _gray(bench: Bench, data: Dataset, prefix: str) -> np.ndarray:
    """Factor to Gy per row, NaN (and a problem) where there is none."""
    column = f"{prefix}DOSU"
    units = data.text(column).replace("", bench.mapping["radiotherapy"]["unit"])
    factor = np.array([float(radiation_factor(str(u)) or math.nan) for u in units], float)
    bench.flag(data, np.isnan(factor), column, "Gy or cGy",
               'or the unit of all in the mapping: [radiotherapy] unit = "Gy"')  # fmt: skip
    converted = ~np.isin(factor, [1.0]) & ~np.isnan(factor)
    bench.account.changed(data.file, "dose converted to Gy", data.lines[converted])
    return factor


def _lesions(bench: Bench, data: Dataset, prefix: str) -> tuple[np.ndarray, pd.Series]:
    """Number of each row's lesion within its subject, 0 where no location is stated, and its site.

    A lesion is a location with its side and link. Locations are site classes or words that the
    mapping translates; others count as "other", with a warning.
    """
    sites = {k.upper(): v for k, v in bench.mapping["radiotherapy"]["sites"].items()}
    parts = [data.text(f"{prefix}{name}") for name in ("LOC", "LAT", "LNKID")]
    place = pd.Series(list(zip(*parts, strict=True)), index=data.frame.index, dtype=object)
    stated = place.map(any).to_numpy(bool)
    table = pd.DataFrame({"id": subjects_of(bench, data)[stated], "place": place[stated]})
    number = table.groupby("id")["place"].transform(lambda p: pd.factorize(p)[0] + 1)
    lesion = np.zeros(len(data), int)
    lesion[stated] = number.to_numpy(float).astype(int)
    location = parts[0].str.upper()
    unknown = sorted(set(location[~location.isin(list(sites)) & (location != "")]))
    if unknown:
        bench.account.warn(
            f"{data.file}: location(s) {', '.join(unknown[:5])} taken as site class other; name "
            "the class in the mapping, [radiotherapy.sites]"
        )
    return lesion, location.map(sites).fillna("other")


def _unfolded(
    bench: Bench,
    data: Dataset,
    prefix: str,
    first: Moments,
    courses: Course,
    lesion: np.ndarray,
) -> pd.DataFrame:
    """Every fraction of the rows."""
    column = f"{prefix}DOSE"
    gray = courses.gray
    bench.flag(data, gray > LARGEST_FRACTION_GY, column,
               f"the dose of one fraction, at most {LARGEST_FRACTION_GY:g} Gy",
               "is the unit cGy?")  # fmt: skip
    one = draft(data, FRACTION, subjects_of(bench, data), when=first.when, clock=first.clock,
                value=np.round(gray, 9), lesion=lesion, column=column,
                cell=data.text(column).to_numpy())  # fmt: skip
    many = one.iloc[courses.row].reset_index(drop=True)
    return many.assign(when=many["when"] + pd.to_timedelta(courses.day, unit="D"))


def _same_day(bench: Bench, data: Dataset, prefix: str, drafts: pd.DataFrame) -> pd.DataFrame:
    """Fractions with those of one lesion on one day distinguished, as the mapping says.

    Fractions with different clock times are apart already.
    """
    column = f"{prefix}STDTC"
    day = drafts["when"].dt.floor("D")
    of_day = drafts.assign(day=day).groupby(["id", "lesion", "day"], sort=False)
    apart = of_day["clock"].transform("all") & (
        of_day["when"].transform("nunique") == of_day["when"].transform("size")
    )
    together = (of_day["when"].transform("size") > 1) & ~apart
    if not together.any():
        return drafts
    rule = bench.mapping["radiotherapy"]["same_day"]
    rows = np.isin(data.lines, drafts["row"][together])
    if not rule:
        bench.flag(data, rows, column, "one fraction of a lesion on a day, or clock times",
                   "two lesions, twice a day, or a fraction said twice? name it in the mapping: "
                   '[radiotherapy] same_day = "lesions", "twice_a_day" or "first"')  # fmt: skip
        return drafts
    nth = of_day.cumcount().where(together, 0)
    if rule == "first":
        again = (nth > 0).to_numpy()
        gone = np.setdiff1d(drafts["row"][again], drafts["row"][~again])
        why = "a second fraction of a lesion on a day; the first counts, as the mapping says"
        bench.account.dropped(data.file, why, gone)
        return drafts[~again]
    if rule == "lesions":
        reported = drafts["lesion"].where(drafts["lesion"] > 0, 1) + nth
        many = (drafts.groupby("id")["lesion"].transform("nunique") > 1) & together
        bench.flag(data, np.isin(data.lines, drafts["row"][many]), f"{prefix}LOC",
                   "no locations where [radiotherapy] same_day tells lesions apart")  # fmt: skip
        why = "fractions of one day taken as one per lesion, in the order of the rows"
        bench.account.assumed(data.file, why, data.lines[rows])
        treated = drafts.groupby("id")["lesion"].transform("size") > 0
        return drafts.assign(lesion=reported.where(treated & _of_subjects(drafts, together),
                                               drafts["lesion"]))  # fmt: skip
    bench.flag(data, np.isin(data.lines, drafts["row"][nth > 1]), column,
               "at most two fractions of a lesion on a day without clock times")  # fmt: skip
    why = f"second fraction of a day taken as {SECOND_OF_DAY_HOURS} h after the first"
    bench.account.assumed(data.file, why, np.unique(drafts["row"][nth > 0]))
    later = pd.to_timedelta(nth * SECOND_OF_DAY_HOURS, unit="h")
    return drafts.assign(when=drafts["when"] + later)


def _of_subjects(drafts: pd.DataFrame, rows: pd.Series) -> pd.Series:
    """All fractions of the subjects of the marked ones."""
    return drafts["id"].isin(drafts["id"][rows])


def _sites(bench: Bench, data: Dataset, drafts: pd.DataFrame, site: pd.Series) -> pd.Series:
    """SITE per subject: the classes of its lesions, joined by `+`."""
    of_row = pd.Series(site.to_numpy(), index=data.lines)
    table = drafts[drafts["lesion"] > 0].assign(site=lambda d: d["row"].map(of_row))
    table = table.drop_duplicates(["id", "lesion"]).sort_values("lesion")
    return table.groupby("id")["site"].agg("+".join)
