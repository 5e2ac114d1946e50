"""JSON as the standard has it: a number that is missing or infinite is null, never NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from pathlib import PurePath
from typing import Any


def json_text(value: object, sort_keys: bool = False) -> str:
    """A value as JSON text, which any reader of JSON takes.

    Args:
        value: of mappings, sequences, text, numbers (NumPy's too), dates and paths; of a table its
            ``to_dict("records")``.
        sort_keys: whether the keys of every object stand in alphabetical order.

    Raises:
        TypeError: for anything else.

    Example:
        >>> from lymphokin.strict_json import json_text
        >>> print(json_text([1.5, float("nan")]))
        [
          1.5,
          null
        ]
    """
    return json.dumps(_plain(value), indent=2, sort_keys=sort_keys, allow_nan=False)


def _plain(value: Any) -> Any:
    """The value in types that JSON has."""
    if isinstance(value, bool | str | int | None):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _plain(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return _plain(value.tolist())
    raise TypeError(f"{type(value).__name__} has no form in JSON: {value!r}")
