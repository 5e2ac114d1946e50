"""The unnormalised log posterior density of a cohort's latents, and what draws of it predict.

What is compiled here takes the cohort as an argument: it serves every cohort of the same shapes,
and a fit, its forecasts and its figures share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, PartitionSpec

from lymphokin.infer.devices import devices_for, each
from lymphokin.infer.information import (
    ArrowMatrix,
    expected_information,
    observed_information,
)
from lymphokin.population import (
    CohortArrays,
    CohortLikelihood,
    Hierarchy,
    Latents,
    PackedCohort,
    pack,
)
from lymphokin.solve import LONG_STEPS
from lymphokin.traced import traced

DRAWS_AT_ONCE = 100
"""Draws that are evaluated between two returns to Python; bounds memory."""


class Evaluated(NamedTuple):
    """What draws of the latents say about a cohort; nodes are those of the days clock."""

    own_log_density: np.ndarray
    """[draw, patient] log density of each patient's latents and records given the population"""
    outputs: dict[str, np.ndarray]
    """measured outputs of the days clock, [draw, node, patient], before the event on that node"""
    predictions: dict[str, tuple[np.ndarray, np.ndarray]]
    """per quantity, log predictions of quantified and censored records, [draw, record]"""


def _unravel(hierarchy: Hierarchy, arrays: CohortArrays) -> Callable[[jax.Array], Latents]:
    return ravel_pytree(hierarchy.typical_latents(arrays))[1]


def _own_log_prior(hierarchy: Hierarchy, latents: Latents, arrays: CohortArrays) -> jax.Array:
    """[patient] log prior density of each patient's latents given the population."""
    population, filled = hierarchy.population(latents.population), hierarchy.filled(arrays, latents)
    mean, sd = hierarchy.subject_prior(population, filled)
    value = (-0.5 * ((latents.subject - mean) / sd) ** 2 - jnp.log(sd)).sum(axis=0)
    hours = arrays.timeline.hours
    if hours is not None:
        value = value.at[arrays.treated_patient].add(-0.5 * (latents.treated**2).sum(axis=0))
        value = value.at[hours.patient].add(-0.5 * (latents.occasion**2).sum(axis=0))
    return value.at[arrays.lacking].add(-0.5 * latents.covariate**2)


def _log_density(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> jax.Array:
    latents = _unravel(likelihood.hierarchy, arrays)(x)
    own = _own_log_prior(likelihood.hierarchy, latents, arrays).sum()
    return own - 0.5 * jnp.sum(latents.population**2) + likelihood.total(latents, arrays)


def _density_and_gradient(
    likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays
) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(partial(_log_density, likelihood))(x, arrays)


def _information(
    likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays, index: jax.Array
) -> ArrowMatrix:
    unravel = _unravel(likelihood.hierarchy, arrays)
    return expected_information(likelihood, unravel, x, arrays, index)


@partial(jax.jit, static_argnums=0)
def _curvature(
    likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays, index: jax.Array
) -> ArrowMatrix:
    gradient = jax.grad(lambda v: _log_density(likelihood, v, arrays))
    return observed_information(gradient, x, len(likelihood.hierarchy.quantities), index)


def _evaluate_one(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> Evaluated:
    latents = _unravel(likelihood.hierarchy, arrays)(x)
    own, outputs, predictions = likelihood.by_patient(latents, arrays)
    own = own + _own_log_prior(likelihood.hierarchy, latents, arrays)
    return Evaluated(own, outputs, predictions)  # type: ignore[arg-type]


def _evaluate(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> Evaluated:
    def on_device(x: jax.Array, arrays: CohortArrays) -> Any:
        return each(lambda v: _evaluate_one(likelihood, v, arrays), x, arrays.patients)

    mesh = Mesh(np.asarray(devices_for(DRAWS_AT_ONCE)), ("draw",))
    return jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=(PartitionSpec("draw"), PartitionSpec()),
        out_specs=PartitionSpec("draw"),
        check_vma=False,
    )(x, arrays)


_programs: dict[Any, Callable[..., Any]] = {}
"""What this process has compiled, by function, likelihood and shapes."""


def _run(
    function: Callable[..., Any],
    likelihood: CohortLikelihood,
    *arguments: Any,
    devices: Sequence[Any] | None = None,
) -> Any:
    """``function(likelihood, *arguments)``, compiled."""
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
    key = (function, likelihood, structure, shapes)
    if key not in _programs:
        own, on = partial(function, likelihood), devices or jax.local_devices()[:1]
        _programs[key] = traced(own, function.__name__, likelihood.model, on, arguments)
    return _programs[key](*arguments)


@dataclass(frozen=True)
class Posterior:
    """A cohort's posterior over one flat vector of latents, with its arrow structure.

    Given the population, patients are independent: the Hessian of the log density couples a
    patient's latents with themselves and with the population only.
    """

    likelihood: CohortLikelihood
    packed: PackedCohort

    @property
    def hierarchy(self) -> Hierarchy:
        """The statistical model."""
        return self.likelihood.hierarchy

    @property
    def arrays(self) -> CohortArrays:
        """The cohort as arrays."""
        return self.packed.arrays

    def with_long_steps(self) -> Posterior:
        """The same posterior up to the error of a solver with long steps, for half the work."""
        packed = pack(self.likelihood.model, self.packed.cohort, rule=LONG_STEPS)
        return Posterior(self.likelihood, packed)

    def start(self) -> Latents:
        """The prior's centre."""
        return self.hierarchy.typical_latents(self.arrays)

    def unravel(self) -> Callable[[jax.Array], Latents]:
        """Function from the flat vector to the latents."""
        return _unravel(self.hierarchy, self.arrays)

    def log_density(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """Log posterior density (up to a constant) of the flat vector ``x``."""
        return _log_density(self.likelihood, x, arrays)

    def density_and_gradient(
        self, x: jax.Array, arrays: CohortArrays
    ) -> tuple[jax.Array, jax.Array]:
        """Log posterior density of ``x`` and its gradient; compiled."""
        return _run(_density_and_gradient, self.likelihood, x, arrays)

    def information(self, x: jax.Array, arrays: CohortArrays) -> ArrowMatrix:
        """Expected information at ``x``; compiled."""
        return _run(_information, self.likelihood, x, arrays, self.patient_index())

    def curvature(self, x: jax.Array, arrays: CohortArrays) -> ArrowMatrix:
        """Minus the second derivatives of the log density at ``x``; compiled."""
        return _curvature(self.likelihood, x, arrays, jnp.asarray(self.patient_index()))

    def evaluate(self, x: np.ndarray, arrays: CohortArrays) -> Iterator[Evaluated]:
        """What the flat draws ``x`` [draw, latent] say about the cohort, in parts; compiled."""
        devices = devices_for(DRAWS_AT_ONCE)
        for first in range(0, len(x), DRAWS_AT_ONCE):
            part = np.asarray(x[first : first + DRAWS_AT_ONCE])
            # A last, shorter part is filled up: one shape, one compilation.
            filled = np.pad(part, [(0, DRAWS_AT_ONCE - len(part)), (0, 0)], mode="edge")
            found = _run(_evaluate, self.likelihood, filled, arrays, devices=devices)
            count = len(part)
            yield jax.tree.map(lambda v, count=count: np.asarray(v)[:count], found)

    def warm_up(self) -> None:
        """Compile what :meth:`evaluate` needs, e.g. beside other work."""
        for _ in self.evaluate(np.asarray(flat(self.start()))[None], self.arrays):
            pass

    def patient_index(self) -> np.ndarray:
        """[patient, slot] place of each patient's own latents in the flat vector, -1 where none."""
        shapes = self.start()
        n_population = shapes.population.size
        sizes = [shapes.subject, shapes.treated, shapes.occasion, shapes.covariate[None]]
        starts = n_population + np.cumsum([0, *(x.size for x in sizes[:-1])])
        layout, hours = self.packed.layout, self.arrays.timeline.hours
        owners = [np.arange(self.arrays.patients), layout.treated]
        owners.append(np.zeros(0, int) if hours is None else np.asarray(hours.patient))
        lacking = [np.asarray(m.patient) for m in self.arrays.missing.values()]
        owners.append(np.concatenate([np.zeros(0, int), *lacking]))
        own: list[list[int]] = [[] for _ in range(self.arrays.patients)]
        for begin, block, owner in zip(starts, sizes, owners, strict=True):
            places = begin + np.arange(block.size).reshape(block.shape)
            for column, patient in enumerate(owner):
                own[patient] += places[:, column].tolist()
        slots = max(len(row) for row in own)
        index = np.full((len(own), slots), -1)
        for patient, row in enumerate(own):
            index[patient, : len(row)] = row
        return index


def flat(latents: Latents) -> Any:
    """The flat vector of some latents."""
    return ravel_pytree(latents)[0]
