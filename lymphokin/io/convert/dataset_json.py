"""CDISC Dataset-JSON 1.1: one data set as JSON, or as NDJSON with the metadata in line 1."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from lymphokin.io.problems import Findings


def read_dataset_json(data: bytes, found: Findings) -> pd.DataFrame | None:
    """The data set's rows under its column names; None, with the reason in `found`, if broken.

    The number of rows must be the one that the metadata states, so a cut file is refused.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        found.add(None, None, "not UTF-8 text", "Dataset-JSON 1.1")
        return None
    try:
        about, rows = _parts(text)
    except (json.JSONDecodeError, RecursionError) as error:
        found.add(None, None, str(error)[:120], "JSON", "was the file cut?")
        return None
    version = about.get("datasetJSONVersion") if isinstance(about, dict) else None
    if not isinstance(version, str) or not version.startswith("1.1"):
        what = f"version {version}" if version else "no datasetJSONVersion"
        found.add(None, None, what, "Dataset-JSON 1.1")
        return None
    columns = about.get("columns")
    listed = columns if isinstance(columns, list) else []
    names = [c.get("name") for c in listed if isinstance(c, dict)]
    if not names or not all(isinstance(name, str) for name in names):
        found.add(None, None, "no columns", "Dataset-JSON 1.1 with `columns`, each with a `name`")
        return None
    if not isinstance(rows, list):
        found.add(None, None, "no rows", "Dataset-JSON 1.1 with `rows`")
        return None
    for number, row in enumerate(rows, start=1):
        if not _listed(row) or len(row) != len(names):
            cells = f"{len(row)} cells" if _listed(row) else type(row).__name__
            found.add(number, None, cells, f"{len(names)} cells in a row, as `columns`")
    stated = about.get("records")
    if isinstance(stated, int) and stated != len(rows):
        found.add(None, None, f"{len(rows)} rows", f"{stated} rows, as `records` says",
                  "was the file cut?")  # fmt: skip
    if found.problems:
        return None
    return pd.DataFrame(rows, columns=pd.Index(names), dtype=object)


def _parts(text: str) -> tuple[Any, Any]:
    """Metadata and rows of either form."""
    first, _, rest = text.lstrip().partition("\n")
    try:
        about = json.loads(first)
    except json.JSONDecodeError:
        about = None
    if isinstance(about, dict) and "rows" not in about and "columns" in about:
        return about, [json.loads(line) for line in rest.splitlines() if line.strip()]
    about = json.loads(text)
    return about, about.get("rows") if isinstance(about, dict) else None


def _listed(value: Any) -> bool:
    return isinstance(value, list)
