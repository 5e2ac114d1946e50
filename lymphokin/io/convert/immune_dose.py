"""Immune doses from a table of their own (as `lymphokin dose` writes it) to the patients."""

from __future__ import annotations

import os

import pandas as pd

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import read_dataset


def with_immune_dose(
    bench: Bench, subjects: pd.DataFrame, ids: pd.Series, path: str | os.PathLike
) -> pd.DataFrame:
    """`subjects` with IMMUNE_DOSE_GY and IMMUNE_DOSE_SOURCE of the table at `path`.

    `ids`: subjects with records. Rows of the table for others are dropped, and told.
    """
    data = read_dataset(path)
    bench.account.source(data.file, len(data))
    found = bench.found(data.file)
    for column in ("ID", "IMMUNE_DOSE_GY"):
        if column not in data:
            found.add(None, column, None, f"a column {column}")
    bench.raise_if_any()
    who, dose = data.text("ID"), data.numbers("IMMUNE_DOSE_GY")
    bench.flag(data, who.duplicated(), "ID", "one row per patient")
    bench.flag(data, ~(dose >= 0), "IMMUNE_DOSE_GY", "the immune dose of the course in Gy")
    known = who.isin(set(ids)).to_numpy()
    bench.account.used[data.file] = int(known.sum())
    bench.account.dropped(data.file, "a patient without any record to use", data.lines[~known])
    table = pd.DataFrame(
        {
            "immune_dose_gy": dose.to_numpy(),
            "immune_dose_source": data.text("IMMUNE_DOSE_SOURCE").replace("", None).to_numpy(),
        },
        index=pd.Index(who, name="id"),
    )[known & ~who.duplicated().to_numpy()]
    everyone = subjects.index.union(pd.Index(ids.unique(), dtype=object), sort=False)
    return subjects.reindex(everyone).join(table)
