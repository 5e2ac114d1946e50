"""Rules that bind the records of a patient together: order, duplicates, baseline, calendar."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.io.records import Mask, Records
from lymphokin.io.sheet import LONGEST_DAYS, NO_MOMENT, Sheet, days_between, iso_date
from lymphokin.io.vocabulary import COVARIATES, NUMERIC_COVARIATES
from lymphokin.schedule import SATURDAY, expand_repeats

DAY_US = 86_400_000_000
_SAME_MOMENT_PER_DAY = 86_400.0  # records within one second are at the same time
WEEKEND = "fraction(s) on a weekend"
_NAMED = 3  # patients named in a warning


@dataclass(frozen=True)
class Doses:
    """Single doses after II and ADDL are unfolded; `record` is where each comes from."""

    record: NDArray[np.int64]
    day: NDArray[np.float64]

    @property
    def is_first(self) -> Mask:
        """[dose] whether it is the one that its record states itself, not a repeat."""
        return np.diff(self.record, prepend=-1) != 0


def count_from_first_fraction(records: Records, sheet: Sheet) -> NDArray[np.int64]:
    """Turn dates into days from each patient's first fraction; completes `records.day`.

    Returns the moment of day 0 per patient in microseconds, `NO_MOMENT` where not known. Without
    fractions, day 0 is START_DATE, else the first dose, else the first record.
    """
    dated = records.moment != NO_MOMENT
    numbered = records.timed
    start = np.full(len(records.ids), NO_MOMENT)
    stated = _first_stated(records, records.covariates["START_DATE"], pd.isna)
    for patient, date in enumerate(stated):
        if date is not None:
            start[patient] = np.datetime64(date, "us").astype(np.int64)
    if not dated.any():
        return start
    if numbered.any():
        fewer = dated if dated.sum() <= numbered.sum() else numbered
        sheet.flag(fewer, "TIME", "days throughout the file, or dates throughout the file")
        return start
    begun = _earliest(records, dated & records.is_fraction)
    treated = begun != NO_MOMENT
    unlike = treated & (start != NO_MOMENT) & (start // DAY_US != begun // DAY_US)
    for patient in np.flatnonzero(unlike):
        line = records.lines[np.flatnonzero(records.patient == patient)[0]]
        expected = "the date of the patient's first fraction"
        hint = f"it is on {iso_date(begun[patient])}"
        sheet.found.add(int(line), "START_DATE", str(stated[patient]), expected, hint)
    origin = np.where(treated, begun, start)
    for rows in (dated & records.is_dose, dated):
        origin = np.where(origin == NO_MOMENT, _earliest(records, rows), origin)
    usable = dated & (records.patient >= 0)
    records.day[usable] = days_between(records.moment[usable], origin[records.patient[usable]])
    far = records.timed & (np.abs(records.day) > LONGEST_DAYS)
    sheet.flag(far, "TIME", "a date within ten years of the patient's first fraction")
    return origin


def _earliest(records: Records, rows: Mask) -> NDArray[np.int64]:
    """Earliest moment among `rows` per patient, `NO_MOMENT` if none."""
    latest = np.iinfo(np.int64).max
    first = np.full(len(records.ids), latest)
    rows = rows & (records.patient >= 0)
    np.minimum.at(first, records.patient[rows], records.moment[rows])
    return np.where(first == latest, NO_MOMENT, first)


def unfold_doses(records: Records) -> Doses:
    """Every single dose of the usable dose records, in file order."""
    usable = records.is_dose & records.timed & (records.patient >= 0)
    index = np.flatnonzero(usable & (records.compartment >= 0))
    record, day = expand_repeats(
        records.day[index], records.interval[index], records.additional[index]
    )
    return Doses(index[record], day)


def check_order(records: Records, sheet: Sheet) -> None:
    """Times do not go back within a patient, in the order of the file."""
    usable = np.flatnonzero(records.timed & (records.patient >= 0))
    order = usable[np.argsort(records.patient[usable], kind="stable")]
    same = records.patient[order][1:] == records.patient[order][:-1]
    back = np.zeros(len(sheet), bool)
    back[order[1:][same & (np.diff(records.day[order]) < 0)]] = True
    sheet.flag(
        back,
        "TIME",
        "times that do not go back within a patient",
        "sort the records by ID and TIME",
    )


def check_duplicates(records: Records, doses: Doses, sheet: Sheet) -> None:
    """One observation per patient, time and quantity; one dose per patient, time and target."""
    seen = np.flatnonzero(
        records.is_observation & records.timed & (records.patient >= 0) & (records.quantity >= 0)
    )
    of_lesion = records.lesion[seen]
    again = _repeated(records, seen, records.day[seen], records.quantity[seen], of_lesion)
    what = "patient, time, DVID and LESION" if of_lesion.any() else "patient, time and DVID"
    sheet.flag(again, "TIME", f"one observation per {what}", "a duplicate record?")
    given = doses.record
    # A loading dose may begin an infusion.
    kind = (records.compartment[given], records.lesion[given], records.duration[given] > 0)
    again = _repeated(records, given, doses.day, *kind)
    sheet.flag(
        again,
        "TIME",
        "one dose per patient, time, CMT and LESION",
        "a duplicate record, or one that II and ADDL already repeat?",
    )


def lesion_volumes(records: Records, sheet: Sheet) -> pd.DataFrame:
    """Volume of every lesion of which one is stated; one that changes is noted."""
    ids = np.array(records.ids, dtype=object)
    stated = ~np.isnan(records.lesion_cm3) & (records.patient >= 0) & (records.lesion > 0)
    rows = np.flatnonzero(stated)
    rows = rows[np.lexsort((records.lesion[rows], records.patient[rows]))]
    columns = {"id": ids[records.patient[rows]], "lesion": records.lesion[rows]}
    table = pd.DataFrame({**columns, "volume_cm3": records.lesion_cm3[rows]})
    first = table.groupby(["id", "lesion"], sort=False)["volume_cm3"].transform("first")
    changed = np.zeros(len(sheet), bool)
    changed[rows[(table["volume_cm3"] != first).to_numpy()]] = True
    sheet.flag(changed, "LESION_CM3", "the same volume in all records of a lesion")
    return table.drop_duplicates(["id", "lesion"], ignore_index=True)


def check_steady_states(records: Records, doses: Doses, sheet: Sheet) -> None:
    """A steady state is that of the patient's first dose of a drug."""
    of_drug = [records.patient[doses.record], records.compartment[doses.record]]
    earliest = pd.Series(doses.day).groupby(of_drug).transform("min").to_numpy()
    late = doses.is_first & (records.steady[doses.record] > 0) & (doses.day > earliest)
    rows = np.zeros(len(sheet), bool)
    rows[doses.record[late]] = True
    expected = "a steady state at the patient's first dose of the drug only"
    sheet.flag(rows, "SS", expected, "it would forget the doses before")


def resets_of(records: Records) -> pd.DataFrame:
    """Days on which patients are set back to their untreated state."""
    rows = records.is_reset & records.timed & (records.patient >= 0)
    ids = np.array(records.ids, dtype=object)
    table = pd.DataFrame({"id": ids[records.patient[rows]], "day": records.day[rows]})
    return table.drop_duplicates(ignore_index=True)


def check_resets(records: Records, doses: Doses, sheet: Sheet) -> None:
    """Doses of the time of a reset come after it, and none of II and ADDL reaches over one."""
    usable = records.timed & (records.patient >= 0)
    resets = np.flatnonzero(records.is_reset & usable)
    before, over = np.zeros(len(sheet), bool), np.zeros(len(sheet), bool)
    last = np.full(len(sheet), -np.inf)
    np.maximum.at(last, doses.record, doses.day)
    for row in resets:
        own = usable & records.is_dose & (records.patient == records.patient[row])
        before |= own & (records.day == records.day[row]) & (np.arange(len(sheet)) < row)
        over |= own & (records.day < records.day[row]) & (last >= records.day[row])
    sheet.flag(before, "TIME", "a dose at the time of a reset after it in the file")
    expected = "repeated doses to end before a reset: write those after it as a dose of their own"
    sheet.flag(over, "ADDL", expected)


def check_varying(records: Records, sheet: Sheet) -> None:
    """One value per patient and time of a covariate that changes."""
    for name, value in records.varying.items():
        index = np.flatnonzero(~np.isnan(value) & records.timed & (records.patient >= 0))
        again = _repeated(records, index, records.day[index])
        same = _repeated(records, index, records.day[index], value[index])
        sheet.flag(again & ~same, name, "one value per patient and time")


def stated_values(records: Records) -> pd.DataFrame:
    """Values of covariates that change, one row per patient, day and covariate."""
    ids = np.array(records.ids, dtype=object)
    found = [pd.DataFrame(columns=["id", "day", "covariate", "value"])]
    for name, value in records.varying.items():
        stated = ~np.isnan(value)
        columns = {"id": ids[records.patient[stated]], "day": records.day[stated]}
        found.append(pd.DataFrame({**columns, "covariate": name, "value": value[stated]}))
    found = [table for table in found if len(table)] or found[:1]
    return pd.concat(found, ignore_index=True).drop_duplicates(["id", "day", "covariate"])


def _repeated(records: Records, index: NDArray, day: NDArray, *keys: NDArray) -> Mask:
    moment = np.rint(day * _SAME_MOMENT_PER_DAY).astype(np.int64)
    every = (*keys, moment, records.patient[index])
    order = np.lexsort(every)  # stable: the first of equal ones stays first
    again = np.all([key[order[1:]] == key[order[:-1]] for key in every], axis=0)
    rows = np.zeros(len(records.lines), bool)
    rows[index[order[1:][again]]] = True
    return rows


def check_baseline(records: Records, sheet: Sheet) -> None:
    """Each treated patient has an alc result at or before the first fraction, if it is measured."""
    if not records.words.counts_lymphocytes:
        return
    first, row = _first_fraction(records)
    alc = records.is_of("alc") | (records.is_observation & (records.quantity < 0))
    results = np.flatnonzero(records.result & alc & (records.patient >= 0))
    late = records.day[results] > first[records.patient[results]]
    has = np.zeros(len(records.ids), bool)
    has[records.patient[results[~late]]] = True
    lacking = np.zeros(len(sheet), bool)
    lacking[row[(row >= 0) & ~has]] = True
    sheet.flag(lacking, "ID", "at least one alc count of the patient before the first fraction")


def check_day_zero(records: Records, sheet: Sheet) -> None:
    """The first fraction lies on day 0: from 0 up to, not including, 1 (a clock time).

    TIME in numbers counts days from it. Times are never shifted silently: the zero of another
    clock could be a screening, a consent or a first dose.
    """
    first, row = _first_fraction(records)
    treated = row >= 0
    late = np.zeros(len(sheet), bool)
    late[row[treated & ~((first >= 0) & (first < 1))]] = True
    sheet.flag(
        late,
        "TIME",
        "the first fraction of each patient on day 0, as TIME counts days from it",
        lambda word: f"give dates, or subtract {word} from all times of the patient",
    )


def _first_fraction(records: Records) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Day of each patient's first fraction and its row; NaN and -1 without fractions."""
    first = np.full(len(records.ids), np.nan)
    row = np.full(len(records.ids), -1)
    index = np.flatnonzero(records.is_fraction & records.timed & (records.patient >= 0))
    later_first = index[np.argsort(-records.day[index], kind="stable")]
    first[records.patient[later_first]] = records.day[later_first]
    row[records.patient[later_first]] = later_first
    return first, row


def check_calendar(records: Records, doses: Doses, start: NDArray[np.int64], sheet: Sheet) -> None:
    """Warn of fractions on a weekend, where dates are known, and of patients without any."""
    fraction = records.is_fraction[doses.record]
    record, day = doses.record[fraction], doses.day[fraction]
    untreated = len(records.ids) - len(np.unique(records.patient[record]))
    if untreated and records.words.irradiated:
        sheet.found.warn(f"{untreated:,} patient(s) without any fraction, taken as untreated")
    origin = start[records.patient[record]]
    known = origin != NO_MOMENT
    record, origin, day = record[known], origin[known], day[known]
    date = (origin + np.rint(day * _SAME_MOMENT_PER_DAY).astype(np.int64) * 1_000_000) // DAY_US
    weekend = np.flatnonzero((date + 3) % 7 >= SATURDAY)  # 1970-01-01 was a Thursday
    if weekend.size:
        named = [
            f"line {records.lines[record[i]]:,}, patient {records.ids[records.patient[record[i]]]}"
            f" on {iso_date(int(date[i]) * DAY_US)}"
            for i in weekend[:_NAMED]
        ]
        rest = f" and {weekend.size - _NAMED:,} more" if weekend.size > _NAMED else ""
        sheet.found.warn(f"{WEEKEND}: {'; '.join(named)}{rest}")


def check_lesions(records: Records, patients: pd.DataFrame, sheet: Sheet) -> None:
    """SITE names one class or one per lesion; LESION is a lesion the patient has."""
    sites = patients["site"].map(lambda s: 1 if s is None else str(s).count("+") + 1).to_numpy(int)
    lesions = patients["n_lesions"].to_numpy(float)
    owned = records.patient >= 0
    mismatch = (sites > 1) & ~np.isnan(lesions) & (sites != lesions)
    rows = np.zeros(len(sheet), bool)
    rows[owned] = mismatch[records.patient[owned]]
    first = np.zeros(len(sheet), bool)
    first[_first_rows(records)] = True
    sheet.flag(
        rows & first, "SITE", "one site class for all lesions, or one per lesion (N_LESIONS)"
    )
    known = np.where(np.isnan(lesions), np.where(sites > 1, sites, np.inf), lesions)
    rows[owned] = records.lesion[owned] > known[records.patient[owned]]
    sheet.flag(rows, "LESION", "a lesion number up to the patient's number of lesions")


def read_patients(records: Records, sheet: Sheet) -> pd.DataFrame:
    """Covariates per patient, index `id`; a covariate that changes within a patient is noted."""
    table = pd.DataFrame(index=pd.Index(records.ids, dtype=object, name="id"))
    for name in COVARIATES:
        per_record = records.covariates[name]
        blank: Callable = np.isnan if name in NUMERIC_COVARIATES else pd.isna
        first = _first_stated(records, per_record, blank)
        table[name.lower()] = pd.Series(first, table.index, dtype=first.dtype)
        stated = ~blank(per_record) & (records.patient >= 0)
        changed = np.zeros(len(sheet), bool)
        changed[stated] = per_record[stated] != first[records.patient[stated]]
        sheet.flag(changed, name, "the same value in all records of a patient")
    return table


def _first_stated(records: Records, values: NDArray, blank: Callable) -> NDArray:
    """The first value that is not blank, per patient."""
    nothing = np.nan if values.dtype.kind == "f" else None
    first = np.full(len(records.ids), nothing, dtype=values.dtype)
    stated = np.flatnonzero(~blank(values) & (records.patient >= 0))[::-1]
    first[records.patient[stated]] = values[stated]  # the last assignment is the first record
    return first


def _first_rows(records: Records) -> NDArray[np.int64]:
    owned = np.flatnonzero(records.patient >= 0)[::-1]
    first = np.zeros(len(records.ids), np.int64)
    first[records.patient[owned]] = owned
    return first
