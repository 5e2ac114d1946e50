"""How likely the measurements are given everybody's parameters, censored values included."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import betainc, gammaln, log_ndtr, ndtr

from lymphokin.model import Residual
from lymphokin.population.data import CohortArrays, PackedCohort, Records
from lymphokin.population.hierarchy import Hierarchy, Latents, Population
from lymphokin.solve import Solution, hours_output_at, solve

LOWEST = 1e-9
"""Predictions are kept above this before their logarithm is taken, in the quantity's own unit."""


def log_density(residual: Residual, error: Any, sd: Any) -> Any:
    """Log density of a residual ``error`` on the log scale."""
    z = error / sd
    if residual.distribution == "student_t":
        df = residual.degrees_of_freedom
        constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * jnp.log(df * jnp.pi)
        return constant - 0.5 * (df + 1) * jnp.log1p(z**2 / df) - jnp.log(sd)
    return -0.5 * z**2 - 0.5 * jnp.log(2 * jnp.pi) - jnp.log(sd)


def log_probability_below(residual: Residual, error: Any, sd: Any) -> Any:
    """Log probability that a measurement lies below its limit, ``error`` = ln limit - ln true."""
    z = error / sd
    if residual.distribution == "student_t":
        return jnp.log(student_t_below(z, residual.degrees_of_freedom))
    return log_ndtr(z)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def student_t_below(z: Any, df: float) -> Any:
    """Cumulative distribution of Student's t, precise in the lower tail."""
    tail = 0.5 * betainc(0.5 * df, 0.5, df / (df + z**2))
    return jnp.where(z < 0, tail, 1 - tail)


@student_t_below.defjvp
def _student_t_below_slope(df: float, at: tuple[Any], change: tuple[Any]) -> tuple[Any, Any]:
    # The density; that of the incomplete beta function is not finite at z = 0.
    (z,), (dz,) = at, change
    slope = jnp.exp(log_density(Residual("", "student_t", 1.0, "", degrees_of_freedom=df), z, 1.0))
    return student_t_below(z, df), slope * dz


def probability_below(residual: Residual, log_threshold: Any, log_true: Any, sd: Any) -> Any:
    """Probability that a measurement of a true value falls below a threshold."""
    z = (log_threshold - log_true) / sd
    if residual.distribution == "student_t":
        return student_t_below(z, residual.degrees_of_freedom)
    return ndtr(z)


def draw_residual(residual: Residual, key: jax.Array, shape: tuple[int, ...], sd: Any) -> Any:
    """Random residuals on the log scale."""
    if residual.distribution == "student_t":
        return sd * jax.random.t(key, residual.degrees_of_freedom, shape)
    return sd * jax.random.normal(key, shape)


class CohortLikelihood:
    """The log likelihood of a cohort under a hierarchy; all methods are pure and jittable."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.hierarchy = hierarchy
        self.model = hierarchy.model
        self._hours_outputs = {name for b in self.model.on_clock("hours") for name in b.shows}

    def __eq__(self, other: object) -> bool:
        """Equal for equal models, so that what is compiled for one fit serves the next."""
        if not isinstance(other, CohortLikelihood):
            return NotImplemented
        return self.model == other.model

    def __hash__(self) -> int:
        return hash((self.model.name, self.model.sha256))

    def solution(
        self, latents: Latents, arrays: CohortArrays
    ) -> tuple[Population, Any, Any, Solution]:
        """Population values, individual parameters (patient, lane) and the model's solution."""
        population = self.hierarchy.population(latents.population)
        p, p_lanes = self.hierarchy.individuals(population, latents, arrays)
        return population, p, p_lanes, solve(self.model, p, p_lanes, arrays.timeline)

    def _log_predicted(
        self,
        quantity: str,
        records: Records,
        population: Population,
        p_lanes: Any,
        solution: Solution,
        arrays: CohortArrays,
    ) -> Any:
        if quantity in self._hours_outputs:
            if arrays.timeline.hours is None or solution.hours is None:
                return jnp.zeros(records.day.shape)
            value = hours_output_at(
                self.model,
                p_lanes,
                arrays.timeline.hours,
                solution.hours,
                records.place,
                records.day,
            )[quantity]
        else:
            value = solution.outputs[quantity][records.place, records.patient]
        effects = self.model.table.residuals[quantity].effects
        shift = jnp.asarray(
            sum(
                population.log_ratio[quantity, e.category] * records.category[i]
                for i, e in enumerate(effects)
            )
        )
        return jnp.log(jnp.maximum(value, LOWEST)) + shift

    def predictions(
        self, latents: Latents, arrays: CohortArrays
    ) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Per quantity, log predictions of its quantified and its censored records."""
        population, _, p_lanes, solution = self.solution(latents, arrays)
        return self._predictions(population, p_lanes, solution, arrays)

    def _predictions(
        self, population: Population, p_lanes: Any, solution: Solution, arrays: CohortArrays
    ) -> dict[str, tuple[jax.Array, jax.Array]]:
        return {
            quantity: (
                self._log_predicted(quantity, m.quantified, population, p_lanes, solution, arrays),
                self._log_predicted(quantity, m.below, population, p_lanes, solution, arrays),
            )
            for quantity, m in arrays.measured.items()
        }

    def _pointwise(
        self,
        population: Population,
        predicted: dict[str, tuple[jax.Array, jax.Array]],
        arrays: CohortArrays,
    ) -> dict[str, tuple[jax.Array, jax.Array]]:
        result = {}
        for quantity, m in arrays.measured.items():
            residual, sd = self.model.table.residuals[quantity], population.residual_sd[quantity]
            quantified, below = predicted[quantity]
            result[quantity] = (
                m.quantified.weight
                * log_density(residual, m.quantified.log_value - quantified, sd),
                m.below.weight * log_probability_below(residual, m.below.log_value - below, sd),
            )
        return result

    def pointwise(
        self, latents: Latents, arrays: CohortArrays
    ) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Per quantity, log likelihood of each quantified and each censored record."""
        population, _, p_lanes, solution = self.solution(latents, arrays)
        predicted = self._predictions(population, p_lanes, solution, arrays)
        return self._pointwise(population, predicted, arrays)

    def total(self, latents: Latents, arrays: CohortArrays) -> jax.Array:
        """Log likelihood of the cohort."""
        terms = self.pointwise(latents, arrays).values()
        return jnp.asarray(sum(a.sum() + b.sum() for a, b in terms))

    def by_patient(
        self, latents: Latents, arrays: CohortArrays
    ) -> tuple[jax.Array, dict[str, jax.Array], dict[str, tuple[jax.Array, jax.Array]]]:
        """Each patient's log likelihood, and what the latents predict.

        Returns:
            [patient] log likelihood of each patient's records; the measured outputs of the days
            clock, [node, patient]; and the predictions of :meth:`predictions`.
        """
        population, _, p_lanes, solution = self.solution(latents, arrays)
        predicted = self._predictions(population, p_lanes, solution, arrays)
        total = jnp.zeros(arrays.patients)
        for quantity, (quantified, below) in self._pointwise(population, predicted, arrays).items():
            m = arrays.measured[quantity]
            total = total.at[m.quantified.patient].add(quantified)
            total = total.at[m.below.patient].add(below)
        outputs = {q: solution.outputs[q] for q in arrays.measured if q in solution.outputs}
        return total, outputs, predicted


def simulate_log_values(
    likelihood: CohortLikelihood, latents: Latents, arrays: CohortArrays, key: jax.Array
) -> dict[str, jax.Array]:
    """Random measurements at the quantified records of a cohort: per quantity [record], ln."""
    predicted = likelihood.predictions(latents, arrays)
    population = likelihood.hierarchy.population(latents.population)
    values = {}
    for i, (quantity, (log_value, _)) in enumerate(predicted.items()):
        noise = draw_residual(
            likelihood.model.table.residuals[quantity],
            jax.random.fold_in(key, i),
            log_value.shape,
            population.residual_sd[quantity],
        )
        values[quantity] = log_value + noise
    return values


def simulate_records(
    likelihood: CohortLikelihood, latents: Latents, packed: PackedCohort, key: jax.Array
) -> dict[str, jax.Array]:
    """As :func:`simulate_log_values`, on the natural scale and without padding."""
    found = simulate_log_values(likelihood, latents, packed.arrays, key)
    return {name: jnp.exp(v)[: len(packed.records[name][0])] for name, v in found.items()}
