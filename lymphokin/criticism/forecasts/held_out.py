"""Forecasts of patients by a model that has not seen their outcomes, for several days at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.criticism.forecasts.benchmarks import Forecasts
from lymphokin.criticism.forecasts.scores import Floats
from lymphokin.infer import CohortDensity
from lymphokin.predict.endpoint_draws import endpoint_draws


class HeldOut(NamedTuple):
    """Forecasts of some patients, and how far each can be trusted."""

    forecasts: Forecasts
    pareto_k: Floats
    """[patient] of the importance weights"""

    @classmethod
    def joined(cls, parts: Sequence[HeldOut], order: np.ndarray) -> HeldOut:
        """The patients of several parts, one part after the other, then taken in an order."""
        columns = zip(*(part.forecasts for part in parts), strict=True)
        forecasts = Forecasts(*(np.concatenate(values)[order] for values in columns))
        return cls(forecasts, np.concatenate([p.pareto_k for p in parts])[order])


def held_out_forecasts(
    density: CohortDensity,
    population_z: np.ndarray,
    ids: pd.Index,
    days: Sequence[float],
    *,
    in_fit: bool,
    seed: int,
) -> dict[float, HeldOut]:
    """Forecasts by day from which each patient's own later records are left out.

    For patients of the fit this is leave-one-patient-out by importance weights, see
    :mod:`lymphokin.predict.endpoint_draws`.

    Args:
        density: a cohort that holds the patients, from
            :func:`lymphokin.infer.density.density_of`.
        population_z: [draw, quantity] population latents of the fit.
        ids: the patients.
        days: records up to each of these days are used.
        in_fit: whether their records were part of the fit.
        seed: of the random numbers.

    Raises:
        NoForecastError: when the model has no number for one of the patients.
    """
    weighed = endpoint_draws(density, population_z, days, in_fit=in_fit, seed=seed, ids=ids)
    held_out = {}
    for day, draws in weighed.items():
        counts, weights = (_by_patient(v) for v in (draws.measured(seed), draws.weights))
        held_out[day] = HeldOut(Forecasts(draws.risk(2), counts, weights), draws.pareto_k)
    return held_out


def _by_patient(draws: np.ndarray) -> Floats:
    """[patient, draw] of [population draw, draw, patient]."""
    return draws.reshape(-1, draws.shape[-1]).T
