"""The section on what the model declares that a trial can teach: with every link and without."""

from __future__ import annotations

from typing import Any

from lymphokin.model.composites import SHARE
from lymphokin.pages import wording
from lymphokin.report.contents import ReportContents

RATE_DECIMALS = 4
"""Of a rate per day: lesions grow by thousandths, and an exponent would be hard to compare."""
VERSIONS = {"prior": "before the data", "fitted": "fitted, every link in it"}


def composite_groups(contents: ReportContents) -> list[dict[str, Any]]:
    """Each composite with its versions, one cell per arm."""
    table = contents.composites
    if table is None or not len(table):
        return []
    groups = []
    for _, own in table.groupby("composite", sort=False):
        first = own.iloc[0]
        rows = [
            {"version": _version(contents, str(version)), "cells": [_cell(row) for row in cells]}
            for version, part in own.groupby("version", sort=False)
            for cells in [part.to_dict("records")]
        ]
        groups.append({**first[["meaning", "expected", "learnt"]].to_dict(), "rows": rows})
    return groups


def composite_arms(contents: ReportContents) -> list[str]:
    """Names of the arms, in the order of the cells."""
    table = contents.composites
    return [] if table is None else list(dict.fromkeys(table["arm"]))


def _version(contents: ReportContents, version: str) -> str:
    if version in VERSIONS:
        return VERSIONS[version]
    named = contents.parameters.set_index("name")["symbol"]
    return f"fitted, {wording.symbol(named.get(version, version))} = 0"


def _cell(row: Any) -> dict[str, str]:
    """Of a share the mean, which is what to expect; else the median; and the interval."""
    if row["what"] == SHARE:
        low, high = (wording.percent(row[q]) for q in ("q05", "q95"))
        both = low if low == high else wording.percent_range(row["q05"], row["q95"])
        return {"middle": wording.percent(row["mean"]), "interval": both}
    daily = row["unit"] == "1/d"
    low, middle, high = (
        wording.fixed(row[q], RATE_DECIMALS) if daily else wording.number(row[q], 2)
        for q in ("q05", "q50", "q95")
    )
    unit = " per day" if daily else ""
    return {"middle": f"{middle}{unit}", "interval": f"{low} to {high}"}
