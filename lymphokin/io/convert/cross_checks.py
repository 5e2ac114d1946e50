"""Counts of a laboratory domain against what the file itself says of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lymphokin.endpoint import grade_of_count
from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.columns import Columns
from lymphokin.io.convert.datasets import Dataset
from lymphokin.io.convert.laboratory import Cells
from lymphokin.plausible import LARGEST_ALC


def check_size(bench: Bench, data: Dataset, cells: Cells, value: np.ndarray) -> None:
    """A count that is no lymphocyte count in its unit is in another unit."""
    expected = f"a lymphocyte count of at most {LARGEST_ALC:g} (1e9/L) in the stated unit"
    for at in np.flatnonzero(value > LARGEST_ALC):
        bench.found(data.file).add(int(data.lines[at]), cells.column[at], cells.shown[at], expected,
                                   "is the unit cells/uL?")  # fmt: skip


def check_grades(
    bench: Bench, data: Dataset, columns: Columns, value: np.ndarray, lln: np.ndarray
) -> None:
    """Compare the file's own grades with those of the values; the values count."""
    name = next((g for g in columns.grade if g in data), None)
    if name is None:
        return
    stated = bench.numbers(data, name).abs().to_numpy()
    known = np.isfinite(stated) & np.isfinite(value)
    own = np.array([grade_of_count(v, low) if k else 0
                    for v, low, k in zip(value, lln, known, strict=True)])  # fmt: skip
    differ = known & (own != stated)
    if differ.any():
        criteria = data.text("ATOXDSCL").iloc[0] if "ATOXDSCL" in data else ""
        said = f' (its criteria: "{criteria}")' if criteria else ""
        rows = ", ".join(f"{n:,}" for n in data.lines[differ][:5])
        bench.account.warn(
            f"{data.file}: {int(differ.sum()):,} of {int(known.sum()):,} grades in {name} are not "
            f"the CTCAE grade of the lymphocyte count{said}; the counts decide (rows {rows}...)"
        )


def check_baseline(
    bench: Bench, data: Dataset, columns: Columns, table: pd.DataFrame, start: pd.Series
) -> None:
    """Baseline flags against dates: on or before the first treatment day, and the last such."""
    flagged = data.text(columns.baseline).str.upper().eq("Y").to_numpy()
    origin = start.reindex(table["id"]).to_numpy("datetime64[s]").astype("datetime64[D]")
    on = table["when"].to_numpy("datetime64[s]").astype("datetime64[D]")
    known = flagged & ~np.isnat(origin)
    late = known & (on > origin)
    if late.any():
        bench.account.warn(
            f"{data.file}: {int(late.sum()):,} of {int(known.sum()):,} records flagged as baseline "
            f"({columns.baseline}) lie after the first treatment day; dates decide"
        )
    before = pd.DataFrame({"id": table["id"], "when": table["when"], "flagged": flagged})
    before = before[(on <= origin) & np.isfinite(table["value"].to_numpy())]
    last = before.groupby("id")["when"].transform("max") == before["when"]
    not_last = before[before["flagged"] & ~last]
    if len(not_last):
        bench.account.warn(
            f"{data.file}: {len(not_last):,} records flagged as baseline ({columns.baseline}) are "
            "not the last count up to the first treatment day; all counts are kept"
        )
