"""Rows of treatments (SDTM EX and PR) that say something once and took place."""

from __future__ import annotations

from lymphokin.io.convert.bench import Bench
from lymphokin.io.convert.datasets import Dataset


def once_each(bench: Bench, data: Dataset, prefix: str) -> Dataset:
    """`data` without rows that are the same in every column.

    Rows that differ in their sequence number (--SEQ) are different treatments.
    """
    again = data.frame.astype(str).duplicated().to_numpy()
    bench.account.dropped(data.file, "a repeated row: the same in every column", data.lines[again])
    if again.any() and f"{prefix}SEQ" not in data:
        bench.account.warn(
            f"{data.file}: {int(again.sum()):,} treatment rows say what another says and are left "
            f"out; without {prefix}SEQ a second treatment of the day looks the same"
        )
    return data.select(~again)


def that_took_place(bench: Bench, data: Dataset, prefix: str) -> Dataset:
    """Rows of treatments that took place, by --OCCUR and --STAT."""
    missed = data.text(f"{prefix}OCCUR").str.upper().eq("N")
    missed = (missed | data.text(f"{prefix}STAT").str.upper().eq("NOT DONE")).to_numpy()
    bench.account.dropped(data.file, "treatment that was not given", data.lines[missed])
    return data.select(~missed)
