"""JSON that any reader takes: no NaN, no Infinity, and one place that writes it."""

import ast
import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lymphokin.strict_json import json_text
from tests.source_code import PACKAGE, nodes

NOT_WRITTEN = {
    "io/template.py": "quotes texts of TOML",
    "io/convert/wide.py": "quotes texts of TOML",
    "trial/design_file.py": "hands a design to pydantic",
    "trial/virtual/sweep.py": "is hashed",
    "whatif/audit.py": "refuses NaN itself: the log's bytes are fixed",
}
"""Where else values become JSON, and why."""

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=10,
)


def with_null(value):
    """The value with null where it has no finite number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: with_null(v) for key, v in value.items()}
    return [with_null(v) for v in value] if isinstance(value, list) else value


@given(anything)
def test_every_value_comes_back_with_null_for_what_is_no_number(value):
    assert json.loads(json_text(value)) == with_null(value)


def test_numbers_tables_dates_and_paths_have_a_form():
    table = pd.DataFrame(
        {"id": ["a", None], "x": [0.1 + 0.2, np.nan], "n": [1, 2], "b": [True, None]}
    )
    given = {
        "table": table.to_dict("records"),
        "array": np.array([[1.0, np.inf], [-np.inf, 2.0]]),
        "numbers": (np.float32(0.5), np.int64(3), np.bool_(True)),
        "day": date(2026, 3, 2),
        "when": pd.Timestamp("2026-03-02 10:00"),
        "path": Path("a/b"),
    }
    assert json.loads(json_text(given)) == {
        "table": [
            {"id": "a", "x": 0.1 + 0.2, "n": 1, "b": True},
            {"id": None, "x": None, "n": 2, "b": None},
        ],
        "array": [[1.0, None], [None, 2.0]],
        "numbers": [0.5, 3, True],
        "day": "2026-03-02",
        "when": "2026-03-02T10:00:00",
        "path": "a/b",
    }
    with pytest.raises(TypeError, match="object has no form in JSON"):
        json_text([object()])


def test_these_tests_read_json_strictly():
    for text in ("[NaN]", '{"a": -Infinity}'):
        with pytest.raises(ValueError, match="is not JSON"):
            json.loads(text)


def test_nothing_else_writes_json():
    for file, of_file in nodes().items():
        name = file.relative_to(PACKAGE).as_posix()
        if name in NOT_WRITTEN or name == "strict_json.py":
            continue
        writers = {
            ast.unparse(node)
            for node in of_file
            if isinstance(node, ast.Attribute) and node.attr in {"dump", "dumps", "to_json"}
        }
        assert writers <= {"tomli_w.dumps", "pickle.dumps"}, name
