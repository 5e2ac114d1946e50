"""How likely the measurements are given everybody's parameters, censored values included."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lymphokin.model import Model, Residual
from lymphokin.model.block import cumulative
from lymphokin.population.arrays import CohortArrays, Records
from lymphokin.population.data import PackedCohort
from lymphokin.population.events import EventTerms, event_terms
from lymphokin.population.hierarchy import Hierarchy, Latents
from lymphokin.population.quantities import Population
from lymphokin.population.residual import (
    LOWEST,
    draw_measured,
    log_density,
    log_probability_below,
    log_probability_between,
    sd_of,
)
from lymphokin.solve import Solution, hours_output_at, solve


class CohortLikelihood:
    """The log likelihood of a cohort under a hierarchy; all methods are pure and jittable."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.hierarchy = hierarchy
        self.model: Model = hierarchy.model
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
            of_lesion = () if records.lesion is None else (records.lesion,)
            value = solution.outputs[quantity][records.place, *of_lesion, records.patient]
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
            known, limited = (sd_of(sd, records.sd) for records in m)
            density = log_density(residual, m.quantified.log_value, quantified, known)
            result[quantity] = (
                m.quantified.weight * density,
                m.below.weight * _log_probability(residual, m.below, below, limited),
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
        population, _, p_lanes, solution = self.solution(latents, arrays)
        predicted = self._predictions(population, p_lanes, solution, arrays)
        of_records = self._pointwise(population, predicted, arrays).values()
        of_events = event_terms(self.model, solution, arrays).values()
        terms = [a.sum() + b.sum() for a, b in of_records]
        return jnp.asarray(sum([*terms, *(e.log_likelihood.sum() for e in of_events)]))

    def by_patient(
        self, latents: Latents, arrays: CohortArrays
    ) -> tuple[
        jax.Array,
        dict[str, jax.Array],
        dict[str, tuple[jax.Array, jax.Array]],
        dict[str, tuple[jax.Array, jax.Array]],
        dict[str, jax.Array],
        dict[str, EventTerms],
    ]:
        """Each patient's log likelihood, and what the latents predict.

        Returns:
            [patient] log likelihood of each patient's records; the measured outputs of the days
            clock, [node, patient], those of lesions as ``QUANTITY_1``, ``QUANTITY_2`` and so on,
            not a number where a patient has no such lesion; the predictions of :meth:`predictions`;
            the log likelihoods of :meth:`pointwise`; per event its cumulative hazard, [node,
            patient]; and what is said of its records.
        """
        population, _, p_lanes, solution = self.solution(latents, arrays)
        predicted = self._predictions(population, p_lanes, solution, arrays)
        total = jnp.zeros(arrays.patients)
        pointwise = self._pointwise(population, predicted, arrays)
        for quantity, (quantified, below) in pointwise.items():
            m = arrays.measured[quantity]
            total = total.at[m.quantified.patient].add(quantified)
            total = total.at[m.below.patient].add(below)
        outputs = {}
        for quantity in [q for q in arrays.measured if q in solution.outputs]:
            outputs |= _lesion_by_lesion(quantity, solution.outputs[quantity], arrays)
        events = event_terms(self.model, solution, arrays)
        for name, of_event in events.items():
            total = total.at[arrays.events[name].patient].add(of_event.log_likelihood)
        hazards = {name: solution.states[cumulative(name)] for name in self.model.hazards}
        return total, outputs, predicted, pointwise, hazards, events


def _lesion_by_lesion(quantity: str, value: Any, arrays: CohortArrays) -> dict[str, jax.Array]:
    """A measured output as curves [node, patient], one per lesion where lesions differ."""
    if value.ndim == 2:
        return {quantity: value}
    present = arrays.timeline.days.present
    assert present is not None
    return {
        f"{quantity}_{i + 1}": jnp.where(there > 0, value[:, i], jnp.nan)
        for i, there in enumerate(present)
    }


def _log_probability(residual: Residual, records: Records, log_true: Any, sd: Any) -> Any:
    """[record] log probability of what is known of censored records."""
    if records.log_limits is None:
        return log_probability_below(residual, records.log_value, log_true, sd)
    return log_probability_between(residual, *records.log_limits, log_true, sd)


def simulate_log_values(
    likelihood: CohortLikelihood, latents: Latents, arrays: CohortArrays, key: jax.Array
) -> dict[str, jax.Array]:
    """Random measurements at the quantified records of a cohort: per quantity [record], ln."""
    predicted = likelihood.predictions(latents, arrays)
    population = likelihood.hierarchy.population(latents.population)
    return {
        quantity: draw_measured(
            likelihood.model.table.residuals[quantity],
            jax.random.fold_in(key, i),
            log_true,
            sd_of(population.residual_sd[quantity], arrays.measured[quantity].quantified.sd),
        )
        for i, (quantity, (log_true, _)) in enumerate(predicted.items())
    }


def simulate_records(
    likelihood: CohortLikelihood, latents: Latents, packed: PackedCohort, key: jax.Array
) -> dict[str, jax.Array]:
    """As :func:`simulate_log_values`, on the natural scale and without padding."""
    found = simulate_log_values(likelihood, latents, packed.arrays, key)
    return {name: jnp.exp(v)[: len(packed.records[name][0])] for name, v in found.items()}
