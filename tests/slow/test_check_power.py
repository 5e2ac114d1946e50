"""Trials that the model does not describe are noticed by `check`.

uv run pytest -m slow -n 0 tests/slow/test_check_power.py
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from check_power import CASES, noticed
from link_power import judged

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", [case for case in CASES if case != "right"])
def test_a_trial_that_the_model_does_not_describe_is_noticed(case):
    levels = noticed(case, seed=2000)
    print(case, levels)
    assert "wrong" in levels.values()


@pytest.mark.parametrize(("case", "level"), [("second drop", "look"), ("no link", "fine")])
def test_an_unmeasured_link_that_swallows_a_misfit_asks_for_a_look(case, level):
    found = judged(case, seed=1)
    print(found)
    assert found["level"] == level
