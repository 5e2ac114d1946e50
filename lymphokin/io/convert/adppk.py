"""Population-pharmacokinetic data sets (ADaM ADPPK) into levels and doses of the drug."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import DOSE, DRUG_LABEL, LEVEL, Bench, draft
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import read_dates
from lymphokin.io.convert.limits import flagged_below, in_draft, read_results
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.io.convert.treatment_names import INERT, OTHER, UNCLEAR, Names, holding, listed
from lymphokin.io.records import MOST_REPEATS
from lymphokin.quantities import DRUG, HOURS_PER_DAY

MOMENTS = ("ADTM", "UDTC", "PCDTC")
"""Columns with the moment of a record; without them it is AFRLT hours after the first dose."""


def read_adppk(bench: Bench, data: Dataset, start: pd.Series, with_doses: bool) -> pd.DataFrame:
    """Draft records of an ADPPK data set: levels (EVID 0) in ng/mL and doses (EVID 1) in mg.

    `start`: first day of treatment per subject, the origin of AFRLT. `with_doses`: False where
    the doses come from elsewhere, so that they do not count twice.
    """
    bench.account.source(data.file, len(data))
    data = _of_drug(bench, data)
    event = bench.numbers(data, "EVID")
    bench.flag(data, ~event.isin([0, 1]), "EVID", "0 (level) or 1 (dose)")
    if not with_doses:
        again = (event == 1).to_numpy()
        why = "a dose that the exposure data set (EX) has too"
        bench.account.dropped(data.file, why, data.lines[again])
        data, event = data.select(~again), event[~again]
    when, clock = _moments(bench, data, start)
    lost = ~clock & (event == 0).to_numpy()
    why = "a level without a clock time: nothing says how long after the dose it is"
    bench.account.dropped(data.file, why, data.lines[lost])
    data, event, when, clock = data.select(~lost), event[~lost], when[~lost], clock[~lost]
    is_dose = (event == 1).to_numpy()
    return pd.concat(
        [
            _levels(bench, data.select(~is_dose), when[~is_dose], clock[~is_dose]),
            _doses(bench, data.select(is_dose), when[is_dose], clock[is_dose]),
        ],
        ignore_index=True,
    )


def _of_drug(bench: Bench, data: Dataset) -> Dataset:
    """Rows of the drug, and of plasma or serum where a specimen is stated."""
    names = Names.of(bench.mapping[DRUG])
    codes = [str(n).upper() for n in bench.mapping[DRUG]["level_tests"]]
    kinds = names.kinds(data, "PARAM")
    coded = data.text("PARAMCD").str.upper().isin(codes).to_numpy()
    placebo = (kinds == INERT) | (kinds == UNCLEAR)
    why = f"a placebo, not {DRUG_LABEL}: {listed(data.text('PARAM')[placebo])}"
    bench.account.dropped(data.file, why, data.lines[placebo])
    other = (kinds == OTHER) & ~coded
    why = f"another substance than {DRUG_LABEL}: {listed(data.text('PARAM')[other])}"
    bench.account.dropped(data.file, why, data.lines[other])
    elsewhere = holding(data.text("PCSPEC"), bench.mapping["lab"]["other_specimens"])
    elsewhere = elsewhere & ~placebo & ~other
    why = f"not a specimen of plasma: {listed(data.text('PCSPEC')[elsewhere])}"
    bench.account.dropped(data.file, why, data.lines[elsewhere])
    return data.select(~placebo & ~other & ~elsewhere)


def _moments(bench: Bench, data: Dataset, start: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Moment of each record and whether its clock is known."""
    column = next((n for n in MOMENTS if n in data), None)
    if column is not None:
        read = read_dates(data.frame[column])
        bench.flag(data, np.isnat(read.when), column, "a complete date and time")
        return read.when, read.clock
    hours = bench.numbers(data, "AFRLT").to_numpy()
    origin = start.reindex(subjects_of(bench, data)).to_numpy("datetime64[s]")
    unknown = ~np.isfinite(hours) | np.isnat(origin)
    bench.flag(data, unknown, "AFRLT", "hours from the first dose, of a subject with its date")
    since = np.where(unknown, 0, np.round(hours * 3600)).astype("timedelta64[s]")
    return origin + since, np.ones(len(data), bool)


def _levels(bench: Bench, data: Dataset, when: np.ndarray, clock: np.ndarray) -> pd.DataFrame:
    column = next((name for name in ("DV", "AVAL", "AVALC") if name in data), "DV")
    factor = np.array(
        [float(bench.unit_factor(LEVEL, u) or math.nan) for u in data.text("AVALU")], float
    )
    bench.flag(data, np.isnan(factor), "AVALU", "a known unit of a level, such as ng/mL")
    missing = bench.numbers(data, "MDV").eq(1).to_numpy() & ~flagged_below(bench, data)
    found = read_results(bench, data, column, LEVEL, factor, missing)
    return draft(data, LEVEL, subjects_of(bench, data), when=when, clock=clock, column=column,
                 cell=data.text(column).to_numpy(), **in_draft(found))  # fmt: skip


def _doses(bench: Bench, data: Dataset, when: np.ndarray, clock: np.ndarray) -> pd.DataFrame:
    amount = bench.numbers(data, "AMT").to_numpy()
    for column in ("AMTU", "DOSEU", "EXDOSU"):
        unit = data.text(column)
        other = ~unit.isin(["", "NA"]) & unit.str.lower().ne("mg")
        bench.flag(data, other, column, "mg, the unit of AMT")
    bench.flag(data, ~(amount > 0), "AMT", "an amount in mg above 0")
    more = bench.numbers(data, "ADDL").fillna(0).to_numpy()
    interval = bench.numbers(data, "II").fillna(0).to_numpy()
    wrong = (more < 0) | (more > MOST_REPEATS) | (more % 1 != 0) | ((more > 0) & (interval <= 0))
    bench.flag(
        data, wrong, "ADDL", f"a whole number up to {MOST_REPEATS}, with II in hours above 0"
    )
    count = np.where(wrong, 0, more).astype(int) + 1
    bench.account.changed(data.file, "ADDL unfolded into single doses", data.lines[count > 1])
    one = draft(data, DOSE, subjects_of(bench, data), when=when, clock=clock, value=amount,
                column="AMT", cell=data.text("AMT").to_numpy())  # fmt: skip
    row = np.repeat(np.arange(len(data)), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    many = one.iloc[row].reset_index(drop=True)
    seconds = np.round(number * interval[row] / HOURS_PER_DAY * 86_400)
    return many.assign(when=many["when"] + pd.to_timedelta(seconds, unit="s"))
