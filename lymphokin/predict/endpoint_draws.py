"""The count at every patient's endpoint visit as draws, weighed by the patient's records.

A fit gives draws of the population. Each of them weighs as much as it makes a patient's records up
to a chosen day likely, the patient's own parameters integrated out. A patient of the fit has shaped
the draws of the population with all records already: dividing by how likely each draw makes all of
them takes that out again, so that nothing after the chosen day has an influence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.endpoint import measured_threshold
from lymphokin.endpoints import DEFAULT, Endpoint, shipped_endpoints
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.evaluated import Evaluated, counts_on
from lymphokin.infer.weights import log_mean, smoothed, weighted_quantile
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Residual
from lymphokin.population import (
    LOWEST,
    CohortArrays,
    PackedCohort,
    draw_measured,
    probability_below,
)
from lymphokin.predict.individual import draw_individuals, no_forecast

POPULATION_DRAWS = 150
DRAWS_PER_POPULATION = 20


@dataclass(frozen=True)
class EndpointDraws:
    """Weighted draws of the lymphocyte count of patients at their endpoint visits."""

    log_count: np.ndarray
    """[population draw, draw, patient] ln of the true count, 1e9/L"""
    residual_sd: np.ndarray
    """[population draw, component] SDs of the count's residual"""
    residual: Residual
    """Distribution of a measured count around the true one."""
    weights: np.ndarray
    """[population draw, draw, patient], adding up to 1 for each patient"""
    pareto_k: np.ndarray
    """[patient] Pareto k of the weights before they were smoothed"""

    def reported_as(self, grade: int) -> np.ndarray:
        """[population draw, draw, patient] probability that the count is reported as a grade of at
        least ``grade``, given each draw of the true count.
        """
        threshold = np.log(measured_threshold(grade))
        return probability_below(self.residual, threshold, self.log_count, self._sd, np)

    def risk(self, grade: int) -> np.ndarray:
        """[patient] probability that the count is reported as a grade of at least ``grade``."""
        return self.mean(self.reported_as(grade))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """[patient] weighted mean of values [population draw, draw, patient].

        Weights add up to 1 but for rounding; no chance becomes larger than 1 by it.
        """
        patients = range(values.shape[2])
        means = np.array([(self.weights[:, :, i] * values[:, :, i]).sum() for i in patients])
        return np.clip(means, values.min(axis=(0, 1)), values.max(axis=(0, 1)))

    def measured(self, seed: int) -> np.ndarray:
        """[population draw, draw, patient] a measured count (1e9/L) at random for each draw."""
        rng = np.random.default_rng(seed)
        return np.exp(draw_measured(self.residual, rng, self.log_count, self._sd))

    @property
    def _sd(self) -> np.ndarray:
        return self.residual_sd[:, None, None]


class WeightedDraws(NamedTuple):
    """What is read of patients' curves, as weighted draws."""

    read: np.ndarray
    """[population draw, draw, patient, number]"""
    weights: np.ndarray
    """[population draw, draw, patient], adding up to 1 for each patient"""
    pareto_k: np.ndarray
    """[patient] Pareto k of the weights before they were smoothed"""


def endpoint_draws(
    density: CohortDensity,
    population_z: np.ndarray,
    days: Sequence[float | None],
    *,
    in_fit: bool,
    seed: int,
    ids: pd.Index | None = None,
    populations: int = POPULATION_DRAWS,
    endpoint: Endpoint | None = None,
) -> dict[float | None, EndpointDraws]:
    """Weighted draws of the count at the endpoint, by the day up to which records are used.

    Args:
        density: a cohort that holds the patients, from
            :func:`lymphokin.infer.density.density_of`; its nodes hold their visits.
        population_z: [draw, quantity] population latents of the fit.
        days: the days; None stands for all records before the endpoint visit.
        in_fit: whether these patients' records were part of the fit.
        seed: of the random numbers.
        ids: the patients; all of the cohort by default.
        populations: draws of the population that are used.
        endpoint: a count on a day; None: the default one.

    Raises:
        ModelError: when the model has no lymphocyte count.
        NoForecastError: when the model has no number for a patient.
    """
    model = density.likelihood.model
    model.require_counts("a forecast of the endpoint")
    z = chosen_draws_of(population_z, populations, seed)
    visits = visits_of(density.packed.cohort, endpoint)
    weighed = weighted_draws(
        density,
        z,
        {day: arrays_used(density.packed, visits["endpoint_day"], day) for day in days},
        counts_on(density.packed, visits["endpoint_day"]),
        in_fit=in_fit,
        seed=seed,
        ids=ids,
    )
    residual, sd = model.table.residuals["alc"], density.residual_sd(z, "alc")
    return {
        day: EndpointDraws(log_of(w.read[..., 0]), sd, residual, w.weights, w.pareto_k)
        for day, w in weighed.items()
    }


def visits_of(cohort: Cohort, endpoint: Endpoint | None = None) -> pd.DataFrame:
    """Visits of an endpoint on a day; see :func:`lymphokin.io.visits.endpoint_visits`."""
    asked = endpoint or shipped_endpoints()[DEFAULT]
    assert asked.day is not None
    return endpoint_visits(cohort, asked.reference_day(cohort) + asked.day, asked.window)


def chosen_draws_of(population_z: np.ndarray, populations: int, seed: int) -> np.ndarray:
    """[population draw, quantity] some draws of the population at random."""
    rng = np.random.default_rng(seed)
    replaced = len(population_z) < populations
    return population_z[rng.choice(len(population_z), populations, replace=replaced)]


def log_of(count: np.ndarray) -> np.ndarray:
    """ln of counts; a count of 0, or none, is taken as the smallest above 0."""
    return np.log(np.maximum(np.where(np.isnan(count), LOWEST, count), LOWEST))


def weighted_draws[Key](
    density: CohortDensity,
    population_z: np.ndarray,
    arrays: Mapping[Key, CohortArrays],
    read: Callable[[Evaluated], np.ndarray],
    *,
    in_fit: bool,
    seed: int,
    ids: pd.Index | None = None,
) -> dict[Key, WeightedDraws]:
    """What is read of patients' curves for draws of the population, weighed by their records.

    Args:
        density: a cohort that holds the patients.
        population_z: [population draw, quantity] population latents.
        arrays: the cohort's arrays in which only the records to condition on weigh anything.
        read: what is wanted of the curves of some draws, [draw, patient, number].
        in_fit: whether these patients' records were part of the fit.
        seed: of the random numbers.
        ids: the patients; all of the cohort by default.

    Raises:
        NoForecastError: when the model has no number for a patient.
    """
    patients = density.packed.cohort.patients.index
    places = np.arange(len(patients)) if ids is None else patients.get_indexer(ids)
    learnt = np.zeros((len(population_z), len(patients)))
    if in_fit:
        learnt = log_likelihood(density, population_z, density.arrays, seed + 1)
    result = {}
    for key, used in arrays.items():
        draws = draw_individuals(density, used, population_z, read, DRAWS_PER_POPULATION, seed)
        weights, pareto_k = smoothed((draws.log_weight - learnt[:, None, :])[:, :, places])
        failed = np.zeros(len(patients), dtype=bool)
        failed[places] = ~np.isfinite(weights).all(axis=(0, 1))
        if failed.any():
            why = "for some draws of the population its equations have"
            raise no_forecast(density, failed, why)
        result[key] = WeightedDraws(draws.read[:, :, places], weights, pareto_k)
    return result


def log_likelihood(
    density: CohortDensity, population_z: np.ndarray, arrays: CohortArrays, seed: int
) -> np.ndarray:
    """[population draw, patient] ln likelihood of each patient's records given each draw of the
    population, the patient's own parameters integrated out.

    Args:
        density: the cohort.
        population_z: [population draw, quantity] population latents.
        arrays: the cohort's arrays, in which only the records that count weigh anything.
        seed: of the random numbers.
    """
    read = _nothing
    if density.likelihood.model.counts_lymphocytes:
        read = counts_on(density.packed, visits_of(density.packed.cohort)["endpoint_day"])
    draws = draw_individuals(density, arrays, population_z, read, DRAWS_PER_POPULATION, seed)
    return log_mean(draws.log_weight)


def _nothing(part: Evaluated) -> np.ndarray:
    return np.zeros((*part.own_log_density.shape, 0))


def over_populations(weights: np.ndarray, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[patient] 5 % and 95 % quantile of the risk over draws of the population.

    The risk under one draw of the population is a mean over a few draws of the patient. Their noise
    widens the distribution of these means; so its deviations from the overall risk shrink by the
    share of its SD that is not noise.

    Args:
        weights: [population draw, draw, patient].
        risk: the same, given each draw.
    """
    by_population = weights.sum(axis=1)
    total = np.maximum(by_population, 1e-300)
    mean = (weights * risk).sum(axis=1) / total
    noise = (weights**2 * (risk - mean[:, None]) ** 2).sum(axis=1) / total**2
    overall = (by_population * mean).sum(axis=0)
    variance = (by_population * (mean - overall) ** 2).sum(axis=0)
    of_noise = (by_population * noise).sum(axis=0)
    kept = np.sqrt(np.clip(1 - of_noise / np.maximum(variance, 1e-300), 0.0, 1.0))
    low, high = (
        np.array([weighted_quantile(m, w, q) for m, w in zip(mean.T, by_population.T, strict=True)])
        for q in (0.05, 0.95)
    )
    return overall + kept * (low - overall), overall + kept * (high - overall)


def records_used(records: pd.DataFrame, before: pd.Series | None, until: float | None) -> pd.Series:
    """Which records a forecast uses: up to day ``until`` and before a day of the patient's own.

    Args:
        records: with columns ``id`` and ``day``.
        before: day of each patient's endpoint visit, index id; None: no such day.
        until: the day; None for all records before the visit.
    """
    used = records["day"] < (np.inf if before is None else records["id"].map(before))
    return used if until is None else used & (records["day"] <= until)


def arrays_used(
    packed: PackedCohort, before: pd.Series | None, until: float | None
) -> CohortArrays:
    """Arrays of a cohort in which only the records of :func:`records_used` weigh anything."""
    return packed.weighing(lambda rows: records_used(rows, before, until))
