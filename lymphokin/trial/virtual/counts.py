"""True counts of virtual patients: individuals drawn from a population, screened, and followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import Model, PowerCovariate
from lymphokin.model.roles import contrast_of
from lymphokin.population import CohortArrays, Hierarchy, Latents, Population, draw_measured
from lymphokin.population.arrays import LesionArrays
from lymphokin.solve import solve
from lymphokin.solve.system import System
from lymphokin.trial.virtual.courses import Courses, draw_courses, twice
from lymphokin.trial.virtual.events import Happening, ended_by, happenings
from lymphokin.trial.virtual.grid import Grid

CANDIDATES = 32
"""People screened for each place in a trial that has a limit on the baseline count."""
NEARLY_ZERO = 1e-30
"""A log-scale parameter set to zero takes this value."""


class FoldCurve(NamedTuple):
    """The quantity of an endpoint that compares a day with the time before treatment."""

    value: jax.Array
    """[node, patient] true value, or [node, lesion, patient]"""
    counted: jax.Array | None
    """[lesion, patient] 1.0 where the endpoint counts the lesion; None of the patient's own"""
    residual_sd: Any
    """[component] SDs of the quantity's residual"""


class Followed(NamedTuple):
    """One virtual trial before anybody has been measured."""

    courses: Courses
    alc: jax.Array
    """[node, patient] true count, before the event on that node"""
    residual_sd: Any
    """[component] SDs of the count's residual"""
    screened: jax.Array
    """people screened per patient enrolled, and whether any place stayed empty (2 numbers)"""
    events: Mapping[str, Happening] = {}
    """those that the trial follows, by name"""
    ends: jax.Array | None = None
    """[patient] day after which nothing is recorded, as an event has happened; None where the
    design names no event that ends the records"""
    fold: FoldCurve | None = None
    """of the endpoint, where it is a fold"""


class Drawn(NamedTuple):
    """The patients of one virtual trial before anybody is treated."""

    courses: Courses
    arrays: CohortArrays
    population: Population
    latents: Latents
    screened: jax.Array
    """as in :class:`Followed`"""


def typical_values(model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """Typical values in table units on the scale of their prior, to set aside what is drawn.

    Raises:
        ValueError: naming parameters that the model does not have.
    """
    known = {p.name: p for p in model.table}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"cannot fix {', '.join(unknown)}: the parameters are {', '.join(known)}")
    return {
        name: float(known[name].to_transformed(max(value, known[name].lower + NEARLY_ZERO)))
        if known[name].transform in ("log", "above")
        else float(known[name].to_transformed(value))
        for name, value in values.items()
    }


def set_aside(model: Model, fixed: Mapping[str, float]) -> dict[str, float]:
    """What is fixed, as :func:`typical_values`; the strength of the model's disputed link is always
    named, and NaN where it is not fixed, so that one compiled program serves both.
    """
    disputed = contrast_of(model)
    free = {disputed.parameter: np.nan} if disputed else {}
    return free | typical_values(model, fixed)


def draw_patients(
    key: jax.Array,
    z: jax.Array,
    hierarchy: Hierarchy,
    grid: Grid,
    typical: Mapping[str, Any],
    twins: bool = False,
) -> Drawn:
    """Draw the patients of one trial; the arguments are those of :func:`follow`."""
    design, model = grid.design, hierarchy.model
    keys = jax.random.split(key, 3)
    courses = draw_courses(keys[0], design, grid.pulses, grid.calendar)
    if twins:
        courses = courses.as_twins(grid.calendar)
    arrays = _arrays(model, grid, courses)
    population = _population(hierarchy, z, typical)
    latents = _draw(keys[1], hierarchy, population, arrays, z)
    screened = jnp.asarray([1.0, 0.0])
    limit = design.conduct.minimum_baseline_alc
    if limit > 0:
        latents, screened = _screen(keys[2], hierarchy, grid, population, arrays, latents, limit)
    if twins:
        latents = latents._replace(subject=twice(latents.subject))
        if arrays.lesions is not None:
            latents = latents._replace(lesion=twice(jnp.asarray(latents.lesion)))
    return Drawn(courses, arrays, population, latents, screened)


def follow(
    key: jax.Array,
    z: jax.Array,
    hierarchy: Hierarchy,
    grid: Grid,
    typical: Mapping[str, Any],
    twins: bool = False,
) -> Followed:
    """Draw and follow the patients of one trial.

    Args:
        key: the trial's own key.
        z: [quantity] population latents.
        typical: typical values (on the scale of their prior) that replace those of ``z``; NaN
            replaces nothing, so that one compiled program serves both.
        twins: whether each treated patient is the twin of a control patient, alike in everything
            but the drug (arms of one size).
    """
    drawn = draw_patients(key, z, hierarchy, grid, typical, twins)
    population, arrays = drawn.population, drawn.arrays
    p, p_lanes = hierarchy.individuals(population, drawn.latents, arrays)
    solution = grid.daily(solve(hierarchy.model, p, p_lanes, arrays.timeline))
    # Patients take the numbers 0 to 2 of their key, visits of patients to come the number 3.
    luck = jax.random.fold_in(key, 4)
    events = happenings(luck, hierarchy.model, solution, drawn.courses, grid, twins)
    return Followed(
        drawn.courses,
        solution.outputs["alc"],
        population.residual_sd["alc"],
        drawn.screened,
        events,
        ended_by(events, grid),
        _fold_curve(grid, drawn, solution.outputs),
    )


def _fold_curve(grid: Grid, drawn: Drawn, outputs: Mapping[str, Any]) -> FoldCurve | None:
    judged, courses = grid.design.judged, drawn.courses
    if not judged.of_fold:
        return None
    counted = None
    if judged.lesions is not None:
        number, irradiated = jnp.arange(grid.lesions)[:, None], courses.covariates["n_lesions"]
        counted = number < irradiated
        if judged.lesions == "outside":
            counted = ~counted & (number < irradiated + courses.outside)
        counted = counted.astype(float)
    sd = drawn.population.residual_sd[judged.quantity]
    return FoldCurve(outputs[judged.quantity], counted, sd)


def _arrays(model: Model, grid: Grid, courses: Courses) -> CohortArrays:
    n = courses.fraction_day.shape[1]
    regressors, without = {}, {}
    for p in model.table:
        for c in p.covariates:
            if c.column not in courses.covariates:
                raise ValueError(
                    f"virtual patients have no {c.column}, which {p.name} depends on; they have "
                    + ", ".join(courses.covariates)
                )
            assert isinstance(c, PowerCovariate), "virtual patients have numbers only"
            regressors[c.regressor] = jnp.log(courses.covariates[c.column] / c.reference)
        if p.only_without:
            missing = p.only_without not in courses.covariates
            without[p.only_without] = jnp.full(n, float(missing))
    sd_ratio = without  # a supplied dose is taken as known
    treated = jnp.arange(grid.design.n_control, n)
    timeline, most = grid.timeline(courses), grid.lesions
    arrays = CohortArrays(timeline, regressors, without, sd_ratio, {}, treated)
    if not most:
        return arrays
    # Those that a patient does not have are drawn and not present.
    owner, number = np.repeat(np.arange(n), most), np.tile(np.arange(most), n)
    irradiated = courses.covariates["n_lesions"][owner]
    outside = (number >= irradiated) & (number < irradiated + courses.outside[owner])
    places = LesionArrays(owner, number, outside.astype(float))
    return arrays._replace(lesions=places)


def _population(hierarchy: Hierarchy, z: jax.Array, typical: Mapping[str, Any]) -> Population:
    population = hierarchy.population(z)
    own = population.typical
    set_aside = {name: jnp.where(jnp.isnan(v), own[name], v) for name, v in typical.items()}
    return population._replace(typical={**own, **set_aside})


def _draw(
    key: jax.Array,
    hierarchy: Hierarchy,
    population: Population,
    arrays: CohortArrays,
    z: jax.Array,
) -> Latents:
    """Individuals of a population (whose typical values need not be those of ``z``)."""
    keys, shapes = jax.random.split(key, 3), hierarchy.shapes(arrays)
    mean, sd = hierarchy.subject_prior(population, arrays)
    normal = [
        jax.random.normal(k, shape)  # type: ignore[arg-type]
        for k, shape in zip(keys, (shapes.subject, shapes.treated, shapes.occasion), strict=True)
    ]
    drawn = Latents(z, mean + sd * normal[0], normal[1], normal[2])
    if arrays.lesions is None:
        return drawn
    of_lesions = jax.random.normal(jax.random.fold_in(key, 5), shapes.lesion)  # type: ignore[arg-type]
    return drawn._replace(lesion=hierarchy.lesion_prior_sd(population) * of_lesions)


def _screen(
    key: jax.Array,
    hierarchy: Hierarchy,
    grid: Grid,
    population: Population,
    arrays: CohortArrays,
    latents: Latents,
    limit: float,
) -> tuple[Latents, jax.Array]:
    """Let the first of the candidates for each place enter whose screening count is high enough."""
    model = hierarchy.model
    mean, sd = hierarchy.subject_prior(population, arrays)
    keys = jax.random.split(key, 2)
    subject = mean + sd * jax.random.normal(keys[0], (CANDIDATES, *latents.subject.shape))

    def resting(own: jax.Array) -> jax.Array:
        p, _ = hierarchy.individuals(population, latents._replace(subject=own), arrays)
        system = System(model.on_clock("days"), p, arrays.timeline.days.present)
        upstream = dict.fromkeys((n for b in model.on_clock("hours") for n in b.hands_down), 0.0)
        upstream |= grid.varying
        count = system.outputs(system.initial(arrays.patients), upstream)["alc"]
        return jnp.broadcast_to(count, (*count.shape[:-1], arrays.patients)).reshape(-1)

    true = jax.vmap(resting)(subject)
    residual, residual_sd = model.table.residuals["alc"], population.residual_sd["alc"]
    measured = jnp.exp(draw_measured(residual, keys[1], jnp.log(true), residual_sd))
    enters = jnp.round(measured, 2) >= limit
    first = enters.argmax(axis=0)
    chosen = jnp.take_along_axis(subject, first[None, None, :], axis=0)[0]
    empty = (~enters.any(axis=0)).any()
    return latents._replace(subject=chosen), jnp.stack([1.0 + first.mean(), empty.astype(float)])
