"""The count at every patient's endpoint visit as draws, weighed by the patient's records.

A fit gives draws of the population. Each of them weighs as much as it makes a patient's records up
to a chosen day likely, the patient's own parameters integrated out. A patient of the fit has shaped
the draws of the population with all records already: dividing by how likely each draw makes all of
them takes that out again, so that nothing after the chosen day has an influence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lymphokin.endpoint import measured_threshold
from lymphokin.infer.density import CohortDensity
from lymphokin.infer.weights import log_mean, smoothed
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Residual
from lymphokin.population import CohortArrays, PackedCohort, draw_measured, probability_below
from lymphokin.predict.individual import IndividualDraws, draw_individuals, no_forecast

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
        """[patient] weighted mean of values [population draw, draw, patient]."""
        patients = range(values.shape[2])
        return np.array([(self.weights[:, :, i] * values[:, :, i]).sum() for i in patients])

    def measured(self, seed: int) -> np.ndarray:
        """[population draw, draw, patient] a measured count (1e9/L) at random for each draw."""
        rng = np.random.default_rng(seed)
        return np.exp(draw_measured(self.residual, rng, self.log_count, self._sd))

    @property
    def _sd(self) -> np.ndarray:
        return self.residual_sd[:, None, None]


def endpoint_draws(
    density: CohortDensity,
    population_z: np.ndarray,
    days: Sequence[float | None],
    *,
    in_fit: bool,
    seed: int,
    ids: pd.Index | None = None,
    populations: int = POPULATION_DRAWS,
) -> dict[float | None, EndpointDraws]:
    """Weighted draws of the count at the endpoint, by the day up to which records are used.

    Args:
        density: a cohort that holds the patients, from
            :func:`lymphokin.infer.density.density_of`.
        population_z: [draw, quantity] population latents of the fit.
        days: the days; None stands for all records before the endpoint visit.
        in_fit: whether these patients' records were part of the fit.
        seed: of the random numbers.
        ids: the patients; all of the cohort by default.
        populations: draws of the population that are used.

    Raises:
        ModelError: when the model has no lymphocyte count.
        NoForecastError: when the model has no number for a patient.
    """
    density.likelihood.model.require_counts("a forecast of the endpoint")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(population_z), populations, replace=len(population_z) < populations)
    z = population_z[chosen]
    patients = density.packed.cohort.patients.index
    places = np.arange(len(patients)) if ids is None else patients.get_indexer(ids)
    visits = endpoint_visits(density.packed.cohort)
    learnt = np.zeros((len(z), len(patients)))
    if in_fit:
        learnt = log_likelihood(density, z, density.arrays, seed + 1)
    result = {}
    for day in days:
        arrays = arrays_used(density.packed, visits, day)
        draws = _draw(density, z, arrays, seed)
        weights, pareto_k = smoothed((draws.log_weight - learnt[:, None, :])[:, :, places])
        failed = np.zeros(len(patients), dtype=bool)
        failed[places] = ~np.isfinite(weights).all(axis=(0, 1))
        if failed.any():
            why = "for some draws of the population its equations have"
            raise no_forecast(density, failed, why)
        residual = density.likelihood.model.table.residuals["alc"]
        log_count = draws.log_count[:, :, places]
        result[day] = EndpointDraws(log_count, draws.residual_sd, residual, weights, pareto_k)
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
    return log_mean(_draw(density, population_z, arrays, seed).log_weight)


def records_used(records: pd.DataFrame, visits: pd.DataFrame, until: float | None) -> pd.Series:
    """Which records a forecast uses: up to day ``until`` and before the patient's endpoint visit.

    Args:
        records: with columns ``id`` and ``day``.
        visits: from :func:`lymphokin.io.visits.endpoint_visits`.
        until: the day; None for all records before the visit.
    """
    used = records["day"] < records["id"].map(visits["endpoint_day"])
    return used if until is None else used & (records["day"] <= until)


def arrays_used(packed: PackedCohort, visits: pd.DataFrame, until: float | None) -> CohortArrays:
    """Arrays of a cohort in which only the records of :func:`records_used` weigh anything."""
    return packed.weighing(lambda rows: records_used(rows, visits, until))


def _draw(
    density: CohortDensity, population_z: np.ndarray, arrays: CohortArrays, seed: int
) -> IndividualDraws:
    days = endpoint_visits(density.packed.cohort)["endpoint_day"]
    nodes = density.packed.nodes({str(patient): float(day) for patient, day in days.items()})
    return draw_individuals(density, arrays, population_z, nodes, DRAWS_PER_POPULATION, seed)
