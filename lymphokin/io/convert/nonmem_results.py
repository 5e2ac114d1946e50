"""Results and covariates of NONMEM tables into draft records."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from lymphokin.io.censoring import read_word
from lymphokin.io.convert.bench import COUNT, Bench, draft, no_records, stated
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.limits import LLOQ, ULOQ, in_draft, read_results, read_single_events
from lymphokin.io.convert.nonmem_codes import check_units, read_codes, read_lesions
from lymphokin.io.convert.results import read_number
from lymphokin.io.vocabulary import OF_RESULTS


def read_observations(
    bench: Bench, data: Dataset, rows: np.ndarray, place: dict[str, np.ndarray]
) -> pd.DataFrame:
    """What was measured, and events of the model, in the event table's units."""
    data = data.select(rows)
    if not len(data):
        return no_records()
    mapping = bench.mapping["nonmem"]
    words = read_codes(bench, data, "DVID" if "DVID" in data else "CMT", "dvid")
    missing = bench.numbers(data, "MDV").eq(1).to_numpy()
    factor = np.ones(len(data))
    known: dict[str, np.ndarray] = {}
    for kind in sorted(set(words) & set(bench.words.quantities)):
        of_kind = words.eq(kind).to_numpy()
        if kind in bench.words.events:
            of_events = data.select(of_kind)
            columns = read_single_events(bench, of_events, "DV", missing[of_kind])
        else:
            factor[of_kind] = _factor(bench, data, kind)
            unit = str(mapping["units"].get(kind, ""))
            expected = f"{unit}, the unit of {kind} in the mapping"
            check_units(bench, data, of_kind & ~missing, OF_RESULTS, expected, unit)
            own = _antilogs(bench, data.select(of_kind), kind)
            found = read_results(bench, own, "DV", kind, factor[of_kind], missing[of_kind])
            columns = in_draft(found)
        for name, values in columns.items():
            blank = False if values.dtype == bool else np.nan
            known.setdefault(name, np.full(len(data), blank, values.dtype))[of_kind] = values
    tube = data.text("TUBE").str.lower()
    lln = bench.numbers(data, "LLN").to_numpy() * np.where(words == COUNT, factor, 1.0)
    return draft(data, "", data.text("ID"), tube=tube.where(tube != "", None).to_numpy(),
                 lln=np.round(lln, 6), column="DV", cell=data.text("DV").to_numpy(), **known,
                 **_of_a_model(bench, data, words, factor),
                 **{name: values[rows] for name, values in place.items()}
                 ).assign(kind=words.to_numpy())  # fmt: skip


def _of_a_model(
    bench: Bench, data: Dataset, words: pd.Series, factor: np.ndarray
) -> dict[str, np.ndarray]:
    """What only some models read of a measurement: its lesion, its own SD, its delay."""
    if not bench.words.model:
        return {}
    logarithms = words.isin(list(bench.mapping["nonmem"]["logarithms"])).to_numpy()
    sd = bench.numbers(data, "SD")
    bench.flag(data, logarithms & sd.notna().to_numpy(), "SD", "a blank beside logarithms")
    own = {"sd": sd.to_numpy() * factor, "delay": bench.numbers(data, "DELAY").to_numpy()}
    if any(bench.words.observable(name).per_lesion for name in bench.words.observables):
        own |= {
            "lesion": read_lesions(bench, data),
            "lesion_cm3": bench.numbers(data, "LESION_CM3").to_numpy(),
        }
    return own


def _factor(bench: Bench, data: Dataset, kind: str) -> float:
    """From the mapping's unit of a quantity to the event table's, 1 (and a problem) without one."""
    unit = str(bench.mapping["nonmem"]["units"].get(kind, ""))
    factor = bench.unit_factor(kind, unit) if unit else None
    if factor is None:
        own = bench.words.observable(kind).unit
        becomes = f", which becomes {own}," if unit else ""
        example = f'[nonmem.units] {kind} = "{own}"'
        expected = f"the unit of {kind}{becomes} in the mapping: {example}"
        bench.found(data.file).add(None, "DV", unit or None, expected)
    return float(factor or 1)


_BASES = {"e": math.e, "10": 10.0, "2": 2.0}
"""Bases of logarithms that a mapping may name."""


def _antilogs(bench: Bench, data: Dataset, kind: str) -> Dataset:
    """Results and limits that the mapping calls logarithms as the numbers themselves."""
    base = bench.mapping["nonmem"]["logarithms"].get(kind)
    if base is None:
        return data
    if str(base) not in _BASES:
        expected = f"{', '.join(_BASES)} as base in [nonmem.logarithms]"
        bench.found(data.file).add(None, "DV", str(base), expected)
        return data

    def antilog(cell: str) -> str:
        word = read_word(cell)
        logs = {number: read_number(number) for number in (word.number, word.other)}
        logs = {n: log for n, log in logs.items() if log is not None and abs(log) <= _LARGEST_LOG}
        if word.number not in logs:
            return cell
        plain = {number: repr(_BASES[str(base)] ** float(log)) for number, log in logs.items()}
        if word.other:
            return f"{plain[word.other]}-{plain[word.number]}"
        return cell.replace(word.number, plain[word.number])

    names = [name for name in ("DV", *LLOQ, *ULOQ, "LIMIT") if name in data]
    frame = data.frame.assign(**{n: bench.plain(data, n).map(antilog) for n in names})
    why = f"logarithms of {kind} to the base {base}, as the mapping says"
    bench.account.changed(data.file, why, data.lines)
    return replace(data, frame=frame, written={})


_LARGEST_LOG = 300
"""Beyond it no double holds the number."""


def varying_rows(bench: Bench, data: Dataset) -> np.ndarray:
    """Rows that state a covariate of the model which changes."""
    states = [data.text(name) != "" for name in bench.words.varying if name in data]
    return np.any(states, axis=0) if states else np.zeros(len(data), bool)


def read_varying(bench: Bench, data: Dataset, place: dict[str, np.ndarray]) -> list[pd.DataFrame]:
    """Values of the model's covariates that change, each from its record to the next."""
    parts = []
    for name in (n for n in bench.words.varying if n in data):
        value = bench.numbers(data, name)
        bench.columns[name] = name
        known = value.notna().to_numpy()
        own = {column: values[known] for column, values in place.items()}
        rows = data.select(known)
        parts.append(draft(rows, stated(name), rows.text("ID"), value=value[known].to_numpy(),
                           column=name, cell=rows.text(name).to_numpy(), **own))  # fmt: skip
        why = (
            f"{name} holds from its record to the next one (NONMEM's own runs: from the one before)"
        )
        bench.account.assumed(data.file, why, data.lines[known])
    return parts
