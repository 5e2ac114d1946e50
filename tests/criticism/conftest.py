"""Replicates of a model simple enough to know: a level per patient, a slope, and noise, on ln."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lymphokin.criticism.replicates import Replicates
from lymphokin.model import Residual

DAYS = np.array([-7.0, 0.0, 14.0, 28.0, 49.0, 84.0])
RESIDUAL = Residual("alc", "student_t", 0.15, "fixed", degrees_of_freedom=5)
BETWEEN, SLOPE, DRAWS = 0.4, -0.01, 400
LLOQ = 0.3


def linear_trial(
    seed: int, slope: float = SLOPE, patients: int = 40, draws: int = DRAWS
) -> Replicates:
    """A trial measured with a slope (per day), described by a model whose slope is ``SLOPE``."""
    rng = np.random.default_rng(seed)
    day = np.tile(DAYS, patients)
    who = np.repeat(np.arange(patients), len(DAYS))

    def level(n: int) -> np.ndarray:
        return BETWEEN * rng.standard_normal((n, patients))[:, who]

    def noise(n: int) -> np.ndarray:
        return RESIDUAL.sd * rng.standard_t(5, (n, len(day)))

    own = level(1)
    measured = (own + slope * day + noise(1))[0]
    hidden = measured < np.log(LLOQ)
    records = pd.DataFrame(
        {
            "id": [f"P{i:02d}" for i in who],
            "arm": np.where(who % 2, "A", "B"),
            "day": day,
            "value": np.exp(np.where(hidden, np.log(LLOQ), measured)),
            "lloq": LLOQ,
            "censored": hidden,
        }
    )
    typical = np.broadcast_to(SLOPE * day, (draws, len(day)))
    fitted = typical + own
    return Replicates(
        "alc",
        records,
        RESIDUAL,
        np.full(draws, RESIDUAL.sd),
        typical,
        fitted,
        fitted + noise(draws),
        typical + level(draws) + noise(draws),
        sampled_by_hour=False,
    )


@pytest.fixture(scope="session")
def right() -> Replicates:
    """Measured by the model that describes it."""
    return linear_trial(1)


@pytest.fixture(scope="session")
def wrong() -> Replicates:
    """Falls faster than the model says."""
    return linear_trial(1, slope=2 * SLOPE)


def simulated_as_measured(r: Replicates, draw: int) -> Replicates:
    """The same trial, measured as one of the model's own simulations."""
    hidden = r.new[draw] < r.log_lloq
    value = np.exp(np.where(hidden, r.log_lloq, r.new[draw]))
    return replace(r, records=r.records.assign(value=value, censored=hidden))
