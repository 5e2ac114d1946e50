"""The tests side by side for one trial."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lymphokin.trial.exact.base import ExactTest
from lymphokin.trial.exact.design import Design
from lymphokin.trial.exact.sample_size import sample_size


def compare(
    tests: list[ExactTest],
    n_treated: int,
    n_control: int,
    alpha: float,
    rates: tuple[float, float],
    target: float,
) -> pd.DataFrame:
    """Power, true size, boundary and smallest trial of each test.

    Args:
        rates: event rates of control and treated.
        target: power that the smallest trial must reach, with arms in the same proportion.

    Returns:
        one row per test: ``test``, ``label``, ``power``, ``size``, ``size_at`` (common rate),
        ``boundary`` (see :attr:`Design.boundary`), ``n_control``, ``n_treated`` and
        ``power_there`` of the smallest trial (None where none with up to 300 controls suffices).
    """
    rows = []
    for test in tests:
        design = Design(test, n_treated, n_control, alpha)
        row = {
            "test": test.name,
            "label": test.label,
            "power": float(design.power(*rates)),
            "size": design.size.value,
            "size_at": design.size.rate,
            "boundary": list(design.boundary),
        }
        smallest: dict[str, Any] = {"n_control": None, "n_treated": None, "power_there": None}
        try:
            found = sample_size(test, *rates, alpha, target, n_treated / n_control)
            smallest = {
                "n_control": found.design.n_control,
                "n_treated": found.design.n_treated,
                "power_there": found.power,
            }
        except ValueError:  # none is large enough
            pass
        rows.append(row | smallest)
    return pd.DataFrame(rows)
