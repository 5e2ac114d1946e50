"""Exact power by number of patients and treated rate."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.inputs import Demands


def power_map(
    sizes: Sequence[int], treated: Sequence[float], control: float, test: str, alpha: float
) -> pd.DataFrame:
    """Exact power of designs with two arms of one size.

    Args:
        sizes: patients per arm with an endpoint.
        treated: event rates of the treated arm.
        control: event rate of the control arm.
        test: name of an exact test.
        alpha: its nominal one-sided level.

    Returns:
        index patients per arm, columns treated rate.
    """
    demands = Demands("design space").want("rate", control=control).want("level", alpha=alpha)
    demands.that(test in TESTS, "test", test, "one of " + ", ".join(TESTS))
    for n in sizes:
        demands.want("patients", sizes=n)
    for rate in treated:
        demands.want("rate", treated=rate)
    demands.enforce()
    rows = {n: Design(TESTS[test], n, n, alpha).power([control] * len(treated), treated)
            for n in sizes}  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(treated))
