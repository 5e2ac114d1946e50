"""Exact power by number of patients and treated rate."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.inputs import Demands


def power_map(
    sizes: Sequence[int],
    treated: Sequence[float],
    control: float,
    test: str,
    alpha: float,
    ratio: float = 1.0,
) -> pd.DataFrame:
    """Exact power of designs of different sizes.

    Args:
        sizes: control patients with an endpoint.
        treated: event rates of the treated arm.
        control: event rate of the control arm.
        test: name of an exact test.
        alpha: its nominal one-sided level.
        ratio: treated patients per control patient.

    Returns:
        index patients per arm, or "treated + control" where the arms differ; columns treated rate.
    """
    demands = Demands("design space").want("rate", control=control).want("level", alpha=alpha)
    demands.want("positive", ratio=ratio)
    demands.that(test in TESTS, "test", test, "one of " + ", ".join(TESTS))
    for n in sizes:
        demands.want("patients", sizes=n)
    for rate in treated:
        demands.want("rate", treated=rate)
    demands.enforce()
    rows = {}
    for n in sizes:
        n_treated = max(1, round(ratio * n))
        power = Design(TESTS[test], n_treated, n, alpha).power([control] * len(treated), treated)
        rows[n if ratio == 1 else f"{n_treated} + {n}"] = power
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(treated))
