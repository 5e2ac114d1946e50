"""Text that a spreadsheet would run as a formula, written so that it stays text.

A cell that starts with `=`, `+`, `-`, `@`, a tab or a carriage return may be a formula to a
spreadsheet (OWASP, "CSV Injection"). It gets an apostrophe in front, which spreadsheets take for
"text" and `restored` takes away. Numbers stay numbers.
"""

from __future__ import annotations

import re

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r"'+[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def neutral(text: object) -> object:
    """A cell as it is written into a CSV file; what is no text stays as it is."""
    if not isinstance(text, str) or _NUMBER.fullmatch(text) or not _FORMULA.match(text):
        return text
    return f"'{text}"


def restored(text: str) -> str:
    """The text that `neutral` was given."""
    return text[1:] if _QUOTED.match(text) else text


def neutral_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table, its index and its column names as they are written into a CSV file."""
    ready = frame.copy()
    for place, kind in enumerate(frame.dtypes):
        if kind.kind not in "biufcmM":
            ready.isetitem(place, [neutral(cell) for cell in frame.iloc[:, place]])
    if not isinstance(frame.index, pd.MultiIndex) and frame.index.dtype.kind not in "biufcmM":
        ready.index = frame.index.map(neutral)
    if not isinstance(frame.columns, pd.MultiIndex):
        ready.columns = [neutral(name) for name in frame.columns]
    return ready
