"""Lymphocytes as a share of leukocytes: counts only on request, with the sample's leukocytes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.io.convert.bench import COUNT, Bench, draft, no_records
from lymphokin.io.convert.columns import Columns
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.laboratory import Cells, cells_of
from lymphokin.io.convert.placing import original_records, placed
from lymphokin.io.convert.results import Reading
from lymphokin.io.convert.subject_ids import subjects_of
from lymphokin.lab_units import count_factor, part_factor


def counts_from_shares(
    bench: Bench,
    data: Dataset,
    leukocytes: Dataset,
    columns: Columns,
    first_day: pd.Series,
    counted: set[tuple[Any, ...]],
) -> pd.DataFrame:
    """Draft records of counts: shares times the one leukocyte count of the same sample.

    `counted`: subject and moment of samples that have a count of their own.
    """
    if not bench.mapping["lab"]["use_fraction_with_leukocytes"]:
        why = (
            "a share of leukocytes, not a count (to multiply it with the leukocytes of the same "
            "sample: [lab] use_fraction_with_leukocytes = true)"
        )
        bench.account.dropped(data.file, why, data.lines)
        return no_records()
    shares, when, clock = placed(bench, original_records(bench, data, columns), columns, first_day)
    translate = bench.mapping["lab"]["units"]
    part = Reading(part_factor, translate, "", -1)
    cells = cells_of(bench, shares, columns, COUNT)
    share = np.array([part(*cell).value for cell in cells.read], float)
    _check_shares(bench, shares, columns, cells, share)
    of_sample = _leukocytes(bench, leukocytes, columns)
    ids = subjects_of(bench, shares)
    keys = zip(ids, _moments(shares, columns), strict=True)
    samples = [of_sample.get(key, (math.nan, 0)) for key in keys]
    value = share * np.array([count for count, _ in samples], float)
    side = cells.side + np.array([side for _, side in samples], np.int8)
    apart = (cells.side * np.array([side for _, side in samples])) < 0
    bench.flag(shares, apart, columns.text,
               "a share and leukocytes that do not lie beyond opposite limits")  # fmt: skip
    known = np.isfinite(value)
    samples = zip(ids, pd.DatetimeIndex(when), strict=True)
    taken = np.array([sample in counted for sample in samples], bool)
    why = "a share of leukocytes without one leukocyte count of the same sample"
    bench.account.dropped(data.file, why, shares.lines[~known & ~taken])
    bench.account.dropped(data.file, "a share beside a count of the same sample",
                          shares.lines[taken])  # fmt: skip
    keep = known & ~taken
    chosen = shares.select(keep)
    bench.account.changed(data.file, "share of leukocytes x leukocytes", chosen.lines)
    below, above = side[keep] < 0, side[keep] > 0
    count = np.round(value[keep], 2)
    return draft(chosen, COUNT, ids[keep], when=when[keep], clock=clock[keep], value=count,
                 below=below, above=above, lower=np.where(below, 0.0, np.nan),
                 lloq=np.where(below, count, np.nan))  # fmt: skip


def _check_shares(
    bench: Bench, shares: Dataset, columns: Columns, cells: Cells, share: np.ndarray
) -> None:
    """A share lies between 0 and 1; shares of a unit that are all below 1 % are no percentages."""
    column = columns.text if columns.text in shares else columns.number
    bench.flag(shares, (share < 0) | (share > 1), column, "a share of 0 to 100 % of the leukocytes",
               'is it in %? name it in the mapping: [lab.units] "fraction" = "%"')  # fmt: skip
    unit = pd.Series([cell[1] or cell[3] for cell in cells.read], dtype=object)
    largest = pd.Series(share).groupby(unit.to_numpy()).transform("max").to_numpy()
    per_cent = unit.map(lambda u: part_factor(bench.mapping["lab"]["units"].get(u, u)) != 1)
    small = per_cent.to_numpy(bool) & (largest <= 0.01) & (share > 0)
    hint = 'are they fractions? name it in the mapping: [lab.units] "%" = "fraction"'
    bench.flag(shares, small, column, "percentages, of which some are above 1 %", hint)


def _leukocytes(
    bench: Bench, data: Dataset, columns: Columns
) -> dict[tuple[str, str], tuple[float, int]]:
    """The leukocyte count of each sample that has one, and -1 below, 1 above it, else 0."""
    read = Reading(count_factor, bench.mapping["lab"]["units"], "", -1)
    cells = cells_of(bench, data, columns, COUNT)
    table = pd.DataFrame({
        "id": subjects_of(bench, data).to_numpy(),
        "when": _moments(data, columns),
        "value": [read(*cell).value for cell in cells.read],
        "side": cells.side,
    }).dropna().drop_duplicates()  # fmt: skip
    table = table[~table.duplicated(["id", "when"], keep=False)]
    keys = zip(table["id"], table["when"], strict=True)
    return dict(zip(keys, zip(table["value"], table["side"], strict=True), strict=True))


def _moments(data: Dataset, columns: Columns) -> list[str]:
    name = next((n for n in columns.dates if n in data), columns.dates[0])
    return data.text(name).tolist()
