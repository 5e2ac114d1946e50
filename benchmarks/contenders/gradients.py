"""Ways to compute the gradient of a log posterior density, all exact."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.infer import CohortDensity
from lymphokin.infer.density import _own_log_prior
from lymphokin.infer.information import TANGENTS_AT_ONCE, arrow_directions
from lymphokin.population import CohortArrays
from lymphokin.solve import solve


def in_batches(derivative: Callable[[Any], Any], directions: Any) -> Any:
    """Derivatives along every direction, as many at a time as the observed information takes."""
    batches = -(-len(directions) // TANGENTS_AT_ONCE)
    return jax.lax.map(derivative, directions, batch_size=-(-len(directions) // batches))


class Gradients:
    """Gradients of one posterior: each takes the flat latents and the cohort."""

    def __init__(self, density: CohortDensity) -> None:
        self.density = density
        self.likelihood = density.likelihood
        self.hierarchy = density.hierarchy
        self.unravel = density.unravel()
        hours = density.arrays.timeline.hours
        assert hours is not None, "a trial with a drug"
        self.owner = np.asarray(hours.patient)
        """[window] the patient of each drug window"""
        self.rank = np.asarray([(self.owner[:i] == who).sum() for i, who in enumerate(self.owner)])
        """[window] how many windows of the same patient come before"""

    def reverse(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """What lymphokin does: coupled steps are run again in the backward pass."""
        return jax.grad(self.density.log_density)(x, arrays)

    def stored(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """The same with what the coupled steps computed on the way stored instead."""
        with mock.patch.object(jax, "checkpoint", lambda step: step):
            return self.reverse(x, arrays)

    def forward(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """Per patient along the population quantities and along the slots of its own latents."""
        index, n_population = self.density.patient_index, len(self.hierarchy.quantities)

        def own(x: jax.Array) -> jax.Array:
            latents = self.unravel(x)
            records = self.likelihood.by_patient(latents, arrays)[0]
            return records + _own_log_prior(self.hierarchy, latents, arrays)

        directions = jnp.asarray(arrow_directions(x.size, n_population, index))
        slopes = in_batches(lambda v: jax.jvp(own, (x,), (v,))[1], directions)
        places = np.where(index < 0, x.size, index).T
        found = jnp.zeros_like(x).at[places].set(slopes[n_population:], mode="drop")
        # The population's own prior is standard normal.
        return found.at[:n_population].set(slopes[:n_population].sum(axis=1) - x[:n_population])

    @cached_property
    def varying(self) -> list[tuple[str, int | None]]:
        """Individual parameters that latents move; by drug window where a patient's windows differ.

        Others that act under the drug only have one value in all windows of a patient.
        """
        found: list[tuple[str, int | None]] = []
        for p in self.hierarchy.model.table:
            spread = [
                p.population_sd,
                p.between_subject_sd,
                *(c.coefficient_sd for c in p.covariates),
            ]
            if p in self.hierarchy.occasion_effects:
                found += [(p.name, window) for window in range(self.rank.max() + 1)]
            elif max(spread) > 0:
                found.append((p.name, None))
        return found

    def mixed(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """Forward through the solver along individual parameters, reverse before and behind it."""

        def individuals(x: jax.Array) -> tuple[Any, Any]:
            latents = self.unravel(x)
            population = self.hierarchy.population(latents.population)
            return self.hierarchy.individuals(population, latents, arrays)

        (p, lanes), back = jax.vjp(individuals, x)
        direct, slopes = self._through_solver(x, arrays)
        to_p = {name: jnp.zeros_like(v) for name, v in p._asdict().items()}
        to_lanes = {name: jnp.zeros_like(v) for name, v in lanes._asdict().items()}
        for (name, window), slope in zip(self.varying, slopes, strict=True):
            if name in to_p:
                to_p[name] += slope if to_p[name].ndim else slope.sum()
            elif to_lanes[name].ndim == 0:
                to_lanes[name] += slope.sum()
            else:  # one value in all windows: its slope goes to the patient's first
                to_lanes[name] += slope[self.owner] * (self.rank == (window or 0))
        return direct + back((type(p)(**to_p), type(lanes)(**to_lanes)))[0]

    def _through_solver(self, x: jax.Array, arrays: CohortArrays) -> tuple[jax.Array, jax.Array]:
        """What the gradient consists of besides the individual parameters' part, and for that
        part [varying, patient] slopes of the log likelihood.
        """
        likelihood, hierarchy = self.likelihood, self.hierarchy
        population, p, lanes, solution = likelihood.solution(self.unravel(x), arrays)

        def predict(p: Any, lanes: Any) -> Any:
            solved = solve(hierarchy.model, p, lanes, arrays.timeline)
            return likelihood._predictions(population, lanes, solved, arrays)

        def behind(x: jax.Array, shift: Any) -> jax.Array:
            latents = self.unravel(x)
            population = hierarchy.population(latents.population)
            predicted = likelihood._predictions(population, lanes, solution, arrays)
            predicted = jax.tree.map(jnp.add, predicted, shift)
            terms = jax.tree.leaves(likelihood._pointwise(population, predicted, arrays))
            own = _own_log_prior(hierarchy, latents, arrays).sum()
            return own - 0.5 * jnp.sum(latents.population**2) + sum(v.sum() for v in terms)

        no_shift = jax.tree.map(jnp.zeros_like, jax.eval_shape(predict, p, lanes))
        direct, of_predictions = jax.grad(behind, (0, 1))(x, no_shift)

        def slope(direction: jax.Array) -> jax.Array:
            moves = {name: jnp.zeros(self.rank.max() + 1) for name in {*p._fields, *lanes._fields}}
            for i, (name, window) in enumerate(self.varying):
                where = slice(None) if window is None else window
                moves[name] = moves[name].at[where].add(direction[i])
            dp = {n: jnp.broadcast_to(moves[n][0], v.shape) for n, v in p._asdict().items()}
            dl = {
                n: moves[n][self.rank] if v.ndim else moves[n][0]
                for n, v in lanes._asdict().items()
            }
            change = jax.jvp(predict, (p, lanes), (type(p)(**dp), type(lanes)(**dl)))[1]
            weighted = jax.tree.map(jnp.multiply, change, of_predictions)
            total = jnp.zeros(arrays.patients)
            for quantity, measured in arrays.measured.items():
                for records, value in zip(measured, weighted[quantity], strict=True):
                    total = total.at[records.patient].add(value)
            return total

        return direct, in_batches(slope, jnp.eye(len(self.varying)))
