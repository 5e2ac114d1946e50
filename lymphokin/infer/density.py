"""The unnormalised log posterior density of a cohort's latents, and what draws of it predict.

What is compiled here takes the cohort as an argument: it serves every cohort of the same shapes,
and a fit, its forecasts and its figures share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from lymphokin.infer.devices import by_parts, each
from lymphokin.infer.evaluated import Evaluated
from lymphokin.infer.information import (
    ArrowMatrix,
    Information,
    arrow_directions,
    difference,
    expected_information,
    neighbours,
    observed_information,
)
from lymphokin.infer.noncentred import Noncentring
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import Model
from lymphokin.population import (
    CohortArrays,
    CohortLikelihood,
    Hierarchy,
    JointPrior,
    Latents,
    PackedCohort,
    pack,
)
from lymphokin.solve import LONG_STEPS, StepRule
from lymphokin.solve.hardware import on_cpu
from lymphokin.traced import traced

DRAWS_AT_ONCE, DRAWS_AT_ONCE_ON_GPU = 25, 100
"""Draws that are evaluated between two returns to Python; bounds memory."""
POPULATIONS_AT_ONCE = 1000
"""Draws of the population alone that are brought to their units at a time."""


type Gradients = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of points [point, latent]: log density [point], not finite where there is none, and its gradient
[point, latent]."""


LESS_OPTIMISED = {"xla_backend_optimization_level": 1}
"""Draws are evaluated about as fast by what LLVM makes in a sixth less time."""


def unravel_of(hierarchy: Hierarchy, arrays: CohortArrays) -> Callable[[jax.Array], Latents]:
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
    if arrays.lesions is not None:
        own = hierarchy.lesion_log_prior(population, latents)
        value = value.at[arrays.lesions.patient].add(own)
    return value.at[arrays.lacking].add(-0.5 * latents.covariate**2)


def log_density_of(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> jax.Array:
    latents = unravel_of(likelihood.hierarchy, arrays)(x)
    own = _own_log_prior(likelihood.hierarchy, latents, arrays).sum()
    if arrays.prior is not None:
        own = own + arrays.prior.log_density(latents.population)
    else:
        own = own - 0.5 * jnp.sum(latents.population**2)
    return own + likelihood.total(latents, arrays)


def _density_and_gradient(
    likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays
) -> tuple[jax.Array, jax.Array]:
    return jax.value_and_grad(partial(log_density_of, likelihood))(x, arrays)


def _information(
    likelihood: CohortLikelihood,
    points: jax.Array,
    predictions: dict[str, jax.Array],
    arrays: CohortArrays,
    noncentring: Noncentring,
) -> Information:
    unravel = unravel_of(likelihood.hierarchy, arrays)
    return expected_information(likelihood, unravel, points, predictions, arrays, noncentring)


@partial(jax.jit, static_argnums=0)
def _curvature(
    likelihood: CohortLikelihood,
    x: jax.Array,
    arrays: CohortArrays,
    directions: jax.Array,
    index: jax.Array,
) -> ArrowMatrix:
    gradient = jax.grad(lambda v: log_density_of(likelihood, v, arrays))
    return observed_information(gradient, x, directions, index)


def _natural(likelihood: CohortLikelihood, z: jax.Array) -> dict[str, jax.Array]:
    return jax.vmap(likelihood.hierarchy.natural)(z)


def _evaluate_one(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> Evaluated:
    latents = unravel_of(likelihood.hierarchy, arrays)(x)
    own, outputs, *of_records = likelihood.by_patient(latents, arrays)
    own = own + _own_log_prior(likelihood.hierarchy, latents, arrays)
    return Evaluated(own, outputs, *of_records)  # type: ignore[arg-type]


def _evaluate(likelihood: CohortLikelihood, x: jax.Array, arrays: CohortArrays) -> Evaluated:
    return each(lambda v: _evaluate_one(likelihood, v, arrays), x, arrays.patients)


def draws_at_once() -> int:
    return DRAWS_AT_ONCE if on_cpu() else DRAWS_AT_ONCE_ON_GPU


_programs: dict[Any, Callable[..., Any]] = {}
"""What this process has compiled, by function, likelihood and shapes."""


def program_of(
    function: Callable[..., Any],
    likelihood: CohortLikelihood,
    *arguments: Any,
    options: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """``function(likelihood, ...)`` for arguments of these shapes; see :func:`traced`."""
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
    key = (function, likelihood, structure, shapes)
    if key not in _programs:
        own, device = partial(function, likelihood), jax.local_devices()[:1]
        name, model = function.__name__, likelihood.model
        _programs[key] = traced(own, name, model, device, arguments, options)
    return _programs[key]


@dataclass(frozen=True)
class CohortDensity:
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

    def with_long_steps(self) -> CohortDensity:
        """The same posterior up to the error of a solver with long steps, for half the work."""
        packed = pack(self.likelihood.model, self.packed.cohort, rule=LONG_STEPS)
        return CohortDensity(self.likelihood, packed).with_prior(self.arrays.prior)

    def with_prior(self, prior: JointPrior | None) -> CohortDensity:
        """The same records under another prior of the population; None: that of the table."""
        arrays = self.arrays._replace(prior=jax.device_put(prior))
        return replace(self, packed=replace(self.packed, arrays=arrays))

    def prior_draws(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """[draw, quantity] population latents of the prior."""
        normal = rng.standard_normal((count, len(self.hierarchy.quantities)))
        prior = self.arrays.prior
        return normal if prior is None else np.asarray(prior.draws(normal))

    def prior_scores(self, z: np.ndarray) -> np.ndarray:
        """Population latents [..., quantity] as numbers that are standard normal a priori."""
        return z if self.arrays.prior is None else np.asarray(self.arrays.prior.scores(z))

    def log_prior(self, z: np.ndarray) -> np.ndarray:
        """[...] ln prior density of population latents [..., quantity], up to a constant."""
        if self.arrays.prior is None:
            return -0.5 * (z**2).sum(axis=-1)
        return np.asarray(self.arrays.prior.log_density(z))

    def start(self) -> Latents:
        """The prior's centre."""
        return self.hierarchy.typical_latents(self.arrays)

    def unravel(self) -> Callable[[jax.Array], Latents]:
        """Function from the flat vector to the latents."""
        return unravel_of(self.hierarchy, self.arrays)

    def log_density(self, x: jax.Array, arrays: CohortArrays) -> jax.Array:
        """Log posterior density (up to a constant) of the flat vector ``x``."""
        return log_density_of(self.likelihood, x, arrays)

    def density_and_gradient(
        self, x: jax.Array | np.ndarray, arrays: CohortArrays
    ) -> tuple[jax.Array, jax.Array]:
        """Log posterior density of ``x`` and its gradient; compiled."""
        return program_of(_density_and_gradient, self.likelihood, x, arrays)(x, arrays)

    def gradients(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log density [point] of the points ``x`` [point, latent] and its gradient [point, latent];
        compiled, as :meth:`density_and_gradient`.
        """
        found = [self.density_and_gradient(point, self.arrays) for point in x]
        value = np.stack([np.asarray(value) for value, _ in found])
        return value, np.stack([np.asarray(gradient) for _, gradient in found])

    def information(self, x: jax.Array | np.ndarray, arrays: CohortArrays) -> ArrowMatrix:
        """Expected information at ``x``; compiled, with the program of :meth:`evaluate`."""
        return self.information_and_slope(x, arrays)[0]

    def information_and_slope(
        self, x: jax.Array | np.ndarray, arrays: CohortArrays
    ) -> tuple[ArrowMatrix, np.ndarray]:
        """Expected information at ``x``, and [patient, slot] how each patient's log density changes
        with that patient's own latents; compiled, with the program of :meth:`evaluate`.
        """
        index, n_population = self.patient_index, len(self.hierarchy.quantities)
        points = neighbours(x, n_population, index)
        information, own = self.information_at(points, points, arrays, self.as_written())
        slope = (own[1 + n_population :] - own[0]) / difference(points.dtype)
        return information.matrix(index), slope.T

    def information_at(
        self, points: np.ndarray, x: np.ndarray, arrays: CohortArrays, noncentring: Noncentring
    ) -> tuple[Information, np.ndarray]:
        """Expected information at the first of some points, and [point, patient] the log density of
        each patient's latents and records; compiled, with the program of :meth:`evaluate`.

        Args:
            points: from :func:`neighbours`, partly non-centred.
            x: the same as the parameter table writes them.
            arrays: the cohort.
            noncentring: how far ``points`` are non-centred.
        """
        parts = list(self.evaluate(x, arrays))
        predictions = {
            quantity: np.concatenate([part.predictions[quantity][0] for part in parts])
            for quantity in arrays.measured
        }
        predictions |= {
            event: np.concatenate([part.events[event].log_passed for part in parts])
            for event in arrays.events
        }
        arguments = (points, predictions, arrays, noncentring)
        found = program_of(_information, self.likelihood, *arguments)(*arguments)
        own = np.concatenate([part.own_log_density for part in parts])
        return Information(*map(np.asarray, found)), own

    def as_written(self) -> Noncentring:
        """The latents as the parameter table writes them."""
        start = self.start()
        return Noncentring.none(start.subject.shape, start.lesion.shape)

    def curvature(self, x: jax.Array | np.ndarray, arrays: CohortArrays) -> ArrowMatrix:
        """Minus the second derivatives of the log density at ``x``; compiled."""
        index = self.patient_index
        directions = arrow_directions(len(x), len(self.hierarchy.quantities), index)
        return _curvature(self.likelihood, x, arrays, jnp.asarray(directions), jnp.asarray(index))

    def evaluate(self, x: np.ndarray, arrays: CohortArrays) -> Iterator[Evaluated]:
        """What the flat draws ``x`` [draw, latent] say about the cohort, in parts; compiled."""
        arrays = arrays._replace(prior=None)  # one program, whatever the prior
        run, size = self._evaluation(x.dtype, arrays), draws_at_once()
        # A last, shorter part is filled up: one shape, one compilation.
        filled = np.pad(np.asarray(x), [(0, -len(x) % size), (0, 0)], mode="edge")
        left = len(x)
        for part in by_parts(lambda some: run(some, arrays), filled, size):
            yield jax.tree.map(lambda v, count=left: v[:count], part)
            left -= size

    def _evaluation(self, dtype: Any, arrays: CohortArrays) -> Callable[..., Any]:
        x = jax.ShapeDtypeStruct((draws_at_once(), len(self.centre)), dtype)
        options = LESS_OPTIMISED if on_cpu() else None
        return program_of(_evaluate, self.likelihood, x, arrays, options=options)

    def natural(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """Population quantities by name, [draw] in the table's units, of their latents ``z`` [draw,
        quantity]; compiled.
        """
        run, missing = self._naturally(z.dtype), -len(z) % POPULATIONS_AT_ONCE
        parts = np.pad(z, [(0, missing), (0, 0)]).reshape(-1, POPULATIONS_AT_ONCE, z.shape[1])
        found = [run(part) for part in parts]
        return {name: np.concatenate([part[name] for part in found])[: len(z)] for name in found[0]}

    def _naturally(self, dtype: Any) -> Callable[..., Any]:
        shape = (POPULATIONS_AT_ONCE, len(self.hierarchy.quantities))
        return program_of(_natural, self.likelihood, jax.ShapeDtypeStruct(shape, dtype))

    def residual_sd(self, z: np.ndarray, quantity: str) -> np.ndarray:
        """[draw, component] SDs of a quantity's residual, of population latents ``z`` [draw,
        quantity]; compiled.
        """
        population = self.hierarchy.population
        return np.asarray(jax.jit(jax.vmap(lambda v: population(v).residual_sd[quantity]))(z))

    def prepare_natural(self) -> None:
        """Begin to compile what :meth:`natural` needs."""
        self._naturally(jnp.result_type(float))

    def prepare_gradient(self) -> None:
        """Begin to compile what :meth:`density_and_gradient` needs."""
        program_of(_density_and_gradient, self.likelihood, self.centre, self.arrays)

    def prepare_evaluation(self) -> None:
        """Begin to compile what :meth:`evaluate` needs."""
        self._evaluation(jnp.result_type(float), self.arrays._replace(prior=None))

    def prepare_information(self) -> None:
        """Begin to compile what :meth:`information` needs."""
        self.prepare_evaluation()
        index, n_population = self.patient_index, len(self.hierarchy.quantities)
        points = neighbours(self.centre, n_population, index)
        predictions = {
            quantity: jax.ShapeDtypeStruct(
                (len(points), *m.quantified.log_value.shape), points.dtype
            )
            for quantity, m in self.arrays.measured.items()
        }
        predictions |= {
            event: jax.ShapeDtypeStruct((len(points), len(records.weight)), points.dtype)
            for event, records in self.arrays.events.items()
        }
        arguments = (points, predictions, self.arrays, self.as_written())
        program_of(_information, self.likelihood, *arguments)

    @cached_property
    def centre(self) -> np.ndarray:
        """[latent] the prior's centre as a flat vector."""
        return np.asarray(flat(self.start()))

    @cached_property
    def patient_index(self) -> np.ndarray:
        """[patient, slot] place of each patient's own latents in the flat vector, -1 where none."""
        arrays, start = self.arrays, [np.asarray(part) for part in self.start()]
        parts = np.split(np.arange(len(self.centre)), np.cumsum([p.size for p in start])[:-1])
        # Without those of the population; of a covariate that is lacking there is one each.
        places = [np.atleast_2d(p.reshape(s.shape)) for p, s in zip(parts, start, strict=True)][1:]
        of_windows, of_lesions = (
            np.zeros(0, int) if part is None else np.asarray(part.patient)
            for part in (arrays.timeline.hours, arrays.lesions)
        )
        treated, lacking = self.packed.layout.treated, np.asarray(arrays.lacking)
        owners = [np.arange(arrays.patients), treated, of_windows, lacking, of_lesions]
        own: list[list[int]] = [[] for _ in range(arrays.patients)]
        for place, owner in zip(places, owners, strict=True):
            for column, patient in enumerate(owner):
                own[patient] += place[:, column].tolist()
        index = np.full((len(own), max(map(len, own))), -1)
        for patient, row in enumerate(own):
            index[patient, : len(row)] = row
        return index


def density_of(
    model: Model,
    cohort: Cohort,
    rule: StepRule | None = None,
    days: Mapping[str, Sequence[float]] | None = None,
) -> CohortDensity:
    """A cohort ready to be fitted and forecast: its endpoint visits are days of interest.

    Args:
        model: the model.
        cohort: the patients.
        rule: step sizes of the solver, if not the default ones.
        days: further days of interest, by patient.
    """
    visits, further = endpoint_visits(cohort), days or {}
    wanted = {
        str(i): [v.endpoint_day, v.planned_day, *further.get(str(i), ())]
        for i, v in visits.iterrows()
    }
    return CohortDensity(CohortLikelihood(Hierarchy(model)), pack(model, cohort, wanted, rule))


def flat(latents: Latents) -> Any:
    """The flat vector of some latents."""
    return ravel_pytree(latents)[0]
