"""Which rows of treatment are fractions of the study: external, of its course, near its start."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.dates import Moments, read_dates
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
from lymphokin.lab_units import radiation_factor

LONGEST_PAUSE_DAYS = 42
"""A longer pause between fractions of a subject is between two courses (judgement: courses with
pauses between pulses repeat every 2 to 5 weeks)."""
EARLIEST_DAYS = 28
"""Radiotherapy that begins earlier before the start of study treatment is another course
(judgement: planning and run-in take up to four weeks)."""


def is_radiotherapy(bench: Bench, data: Dataset, prefix: str) -> np.ndarray:
    """Which rows of a domain name radiotherapy, or give a dose in a unit of radiation."""
    names = Names.of(bench.mapping["radiotherapy"])
    kinds = names.kinds(data, *_texts(prefix))
    gray = np.array([radiation_factor(u) is not None for u in data.text(f"{prefix}DOSU")], bool)
    return (kinds != OTHER) | gray


def _texts(prefix: str) -> tuple[str, ...]:
    """Columns that say what a treatment is."""
    return tuple(f"{prefix}{name}" for name in ("TRT", "DECOD", "CAT", "SCAT"))


def external(bench: Bench, data: Dataset, prefix: str) -> Dataset:
    """Rows of radiation that was given from outside; what only looks like it is left out."""
    chosen = bench.mapping["radiotherapy"]
    names = Names.of(chosen)
    columns = _texts(prefix)
    kinds = names.kinds(data, *columns)
    text = pd.Series([" | ".join(filter(None, parts)) for parts in
                      zip(*(data.text(name) for name in columns), strict=True)],
                     index=data.frame.index, dtype=object)  # fmt: skip
    stated = _stated(data, columns, names)
    looks = holding(text, chosen["not_treatment"]) & ~stated
    dose = bench.numbers(data, f"{prefix}DOSE").fillna(0).to_numpy()
    inert, without = kinds == INERT, looks & (dose <= 0)
    why = f"sham radiotherapy: {listed(text[inert])}"
    bench.account.dropped(data.file, why, data.lines[inert])
    why = f"no radiotherapy fraction: {listed(text[without & ~inert])}"
    bench.account.dropped(data.file, why, data.lines[without & ~inert])
    hint = 'say it in the mapping: [radiotherapy.treatments] "the text" = "yes" or "no"'
    ask = (kinds == UNCLEAR) | (looks & ~without & (kinds == WANTED))
    bench.flag(data, ask & ~inert, columns[0], "the name of external radiotherapy", hint)
    denied = (kinds == OTHER) & stated
    why = f"no radiotherapy by the mapping: {listed(text[denied])}"
    bench.account.dropped(data.file, why, data.lines[denied])
    unnamed = (kinds == OTHER) & ~stated & ~without
    bench.flag(data, unnamed, columns[0],
               "the name of radiotherapy beside a dose in Gy", hint)  # fmt: skip
    return data.select(~inert & ~without & ~denied)


def _stated(data: Dataset, columns: tuple[str, ...], names: Names) -> np.ndarray:
    """Rows of which the mapping says what they are."""
    texts = [data.text(name).str.upper().isin(list(names.stated)).to_numpy() for name in columns]
    return np.any(texts, axis=0)


def of_this_study(bench: Bench, data: Dataset, prefix: str, start: pd.Series) -> Dataset:
    """Rows that no word says to be of an earlier or a later course.

    Where the word and the date disagree, as for a salvage course during the study, it is asked.
    `start`: first day of study treatment per subject, NaT where not known.
    """
    chosen = bench.mapping["radiotherapy"]
    names = Names.of(chosen)
    stated = _stated(data, _texts(prefix), names)
    since = days_since(read_dates(data.column(f"{prefix}STDTC")), subjects_of(bench, data), start)
    during = {"prior": since >= 0, "later": since <= LONGEST_PAUSE_DAYS}
    gone = np.zeros(len(data), bool)
    for when, key in (("earlier", "prior"), ("later", "later")):
        rows = np.zeros(len(data), bool)
        said: list[str] = []
        for name in (*_texts(prefix), f"{prefix}REASND", "EPOCH"):
            text = data.text(name)
            found = holding(text, chosen[key]) & ~stated
            rows |= found
            said += text[found].tolist()
        rows &= ~gone
        asked = rows & during[key]
        hint = (f"{listed(said)}: the words of {when} radiotherapy, on a day of the study? "
                f'[radiotherapy.treatments] "the text" = "yes" or "no" in the mapping')  # fmt: skip
        expected = f"{when} radiotherapy {'before' if key == 'prior' else 'after'} the study's"
        bench.flag(data, asked, f"{prefix}STDTC", expected, hint)
        why = f"{when} radiotherapy, not of the study: {listed(said)}"
        bench.account.dropped(data.file, why, data.lines[rows])
        gone |= rows
    return data.select(~gone)


def days_since(moments: Moments, ids: pd.Series, start: pd.Series) -> np.ndarray:
    """Days of each row from the start of its subject's study treatment, NaN where not known."""
    origin = start.reindex(ids).to_numpy("datetime64[s]").astype("datetime64[D]")
    since = moments.when - origin.astype("datetime64[s]")
    return np.floor(np.where(np.isnat(since), np.nan, since.astype(float) / 86_400))


def near_study_treatment(
    bench: Bench,
    data: Dataset,
    prefix: str,
    first: Moments,
    factor: np.ndarray,
    start: pd.Series,
) -> tuple[Dataset, Moments, np.ndarray]:
    """Rows of the course that belongs to the study treatment, by their dates."""
    column = f"{prefix}STDTC"
    ids = subjects_of(bench, data)
    since = days_since(first, ids, start)
    window = bench.mapping["radiotherapy"]["days"]
    if window:
        bench.flag(data, np.isnan(since) & ~np.isnat(first.when), column,
                   "a subject whose start of study treatment is known, as the mapping names "
                   "[radiotherapy] days")  # fmt: skip
        low, high = float(window[0]), float(window[1])
        outside = (since < low) | (since > high)
        why = f"radiotherapy outside the days {low:g} to {high:g} of the mapping"
        bench.account.dropped(data.file, why, data.lines[outside])
        keep = ~outside
        when, clock = first.when[keep], first.clock[keep]
        kept = Moments(when, clock, first.partial[keep], first.bad[keep])
        return data.select(keep), kept, factor[keep]
    table = pd.DataFrame({"id": ids.to_numpy(), "when": first.when, "at": np.arange(len(data))})
    table = table.sort_values(["id", "when"])
    pause = table.groupby("id")["when"].diff().dt.total_seconds().to_numpy() / 86_400
    after_pause = np.zeros(len(data), bool)
    after_pause[table["at"].to_numpy()] = pause > LONGEST_PAUSE_DAYS
    early = since < -EARLIEST_DAYS
    hint = (
        "another course? name the days of the study's, from the start of treatment, in the "
        "mapping: [radiotherapy] days = [-28, 90]"
    )
    bench.flag(data, early, column,
               f"radiotherapy at most {EARLIEST_DAYS} days before the start of study treatment",
               hint)  # fmt: skip
    bench.flag(data, after_pause & ~early, column,
               f"fractions with pauses of at most {LONGEST_PAUSE_DAYS} days", hint)  # fmt: skip
    return data, first, factor
