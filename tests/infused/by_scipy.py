"""The made-up model of the antibody solved by SciPy, dose by dose."""

from collections.abc import Mapping

import numpy as np
from scipy.integrate import solve_ivp

from lymphokin.solve import Treatment


def counts_by_scipy(
    p: Mapping[str, float], treatment: Treatment, days: np.ndarray, method: str = "Radau"
) -> np.ndarray:
    """[day] true count, before what is given on the day itself; to a relative 1e-10."""

    def slopes(_: float, y: np.ndarray, rate: float) -> list[float]:
        blood, tissue, count = y
        into, back = p["uptake_rate"] * blood, p["return_rate"] * tissue
        killed = p["kill"] * blood / (p["half_effect"] + blood)
        return [
            rate + back - into - p["clearance"] * blood,
            into - back,
            p["turnover"] * p["baseline"] - (p["turnover"] + killed) * count,
        ]

    starts, ends, amount = treatment.dose_days, treatment.dose_ends, treatment.amount
    nodes = np.unique(np.concatenate([starts, ends, treatment.fraction_days, days]))
    y, found = np.array([0.0, 0.0, p["baseline"]]), {}
    for day, following in zip(nodes, [*nodes[1:], None], strict=True):
        found[day] = y[2]
        y[0] += amount[(starts == day) & (ends == day)].sum()
        immune_dose = treatment.immune_dose[treatment.fraction_days == day].sum()
        y[2] *= 1 - p["radiosensitivity"] * immune_dose
        if following is None:
            break
        runs = (starts <= day) & (ends >= following) & (ends > starts)
        rate = (amount[runs] / (ends - starts)[runs]).sum()
        span = solve_ivp(slopes, (day, following), y, method, args=(rate,), rtol=1e-10, atol=1e-12)
        assert span.success
        y = span.y[:, -1].copy()
    return np.array([found[day] for day in days])
