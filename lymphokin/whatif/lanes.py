"""Many draws of one patient solved side by side under one schedule; every draw is a lane.

The lanes are solved under up to four versions of the schedule at once: as planned and without
drugs, each with the model's disputed link as drawn and without it. All versions share the drugs'
windows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from lymphokin.infer.devices import devices_for
from lymphokin.model import Model
from lymphokin.model.block import cumulative
from lymphokin.model.roles import Contrast, contrast_of
from lymphokin.population import LOWEST, CohortArrays, Hierarchy, Latents, Population
from lymphokin.population.arrays import LesionArrays
from lymphokin.solve import solve
from lymphokin.solve.one_treatment import (
    Interpolation,
    TreatmentArrays,
    interpolation,
    timeline_of_lanes,
)
from lymphokin.traced import traced
from lymphokin.whatif.limits import COUNTED

LANES = 400
"""Draws of one call."""
AT_ONCE = 50
"""Draws that are solved at once; more would leave the processor's cache."""


class Lanes(NamedTuple):
    """Draws of one patient, all but ``z`` standard normal given the population; lanes last."""

    z: np.ndarray
    """[quantity, lane] population latents"""
    subject: np.ndarray
    """[effect, lane]"""
    treated: np.ndarray
    """[effect, lane] what matters only under the drug"""
    occasion: np.ndarray
    """[effect, window, lane]"""
    lesion: np.ndarray
    """[effect, lesion, lane] of as many lesions as there may be"""

    def take(self, lanes: Any) -> Lanes:
        """Some of the lanes."""
        return Lanes(*(part[..., lanes] for part in self))


class Fixed(NamedTuple):
    """Covariates of the patient, each a scalar by column; see ``CohortArrays``."""

    regressors: dict[str, float]
    without: dict[str, float]
    sd_ratio: dict[str, float]


class Solved(NamedTuple):
    """Natural logarithms of counts, lanes last."""

    at: jax.Array
    """[version, day of interest, lane] ln count, 1e9/L"""
    others: dict[str, jax.Array]
    """per other quantity of :attr:`LaneSolver.others`, [day of interest, lane] its ln as planned"""
    rest: jax.Array
    """[lane] ln count without any treatment"""
    parameters: jax.Array
    """[parameter, lane] the draw's own parameters, as in :attr:`LaneSolver.parameters`"""
    hazards: dict[str, jax.Array]
    """per event of the model, [version, day of interest, lane] its cumulative hazard since the
    first node; before it, where the patient is at rest, negative"""
    sums: dict[str, jax.Array]
    """per quantity that was asked for, [version, day of interest, lane] its ln; of what every
    lesion has, of the sum over the lesions that are counted"""


class Summed(NamedTuple):
    """A quantity that is wanted in every version."""

    quantity: str
    counted: np.ndarray
    """[lesion] 1.0 of a lesion that is counted, of as many as the patient has; empty of what the
    patient has once"""


def _solve(
    solver: LaneSolver,
    wanted: tuple[tuple[float, bool], ...],
    summed: str,
    draws: Lanes,
    fixed: Fixed,
    treatment: TreatmentArrays,
    where: Interpolation,
    counted: np.ndarray,
) -> Solved:
    """Solve some lanes, in versions of the link (kept or not) and drugs (given or not)."""
    hierarchy, lanes, versions = solver.hierarchy, draws.z.shape[-1], len(wanted)
    patients = lanes * versions
    arrays = CohortArrays(
        timeline=timeline_of_lanes(treatment, lanes, [drug for _, drug in wanted]),
        regressors={k: jnp.full(patients, v) for k, v in fixed.regressors.items()},
        without={k: jnp.full(patients, v) for k, v in fixed.without.items()},
        sd_ratio={k: jnp.full(patients, v) for k, v in fixed.sd_ratio.items()},
        measured={},
        treated_patient=jnp.arange(lanes),
    )
    most = treatment.present.shape[0]
    if most:
        places = np.repeat(np.arange(patients), most), np.tile(np.arange(most), patients)
        # Plans differ in what they irradiate, lesions do not: they are as large under all plans.
        outside = np.zeros(patients * most)
        arrays = arrays._replace(lesions=LesionArrays(*places, outside))
    z, subject = (jnp.tile(v, (1, versions)) for v in (draws.z, draws.subject))
    population = hierarchy.population(z)
    mean, sd = hierarchy.subject_prior(population, arrays)
    windows = treatment.start.shape[0]
    effects = draws.occasion.shape[0]
    occasion = jnp.asarray(draws.occasion)[:, :windows].reshape(effects, windows * lanes)
    latents = Latents(z, mean + sd * subject, jnp.asarray(draws.treated), occasion)
    if most:
        own = _lesions(solver, population, draws.lesion, most, versions)
        latents = latents._replace(lesion=own)
    p, p_lanes = hierarchy.individuals(population, latents, arrays)
    if solver.contrast and len({link for link, _ in wanted}) > 1:
        kept, name = jnp.repeat(jnp.asarray([link for link, _ in wanted]), lanes), solver.contrast
        p = p._replace(**{name.parameter: kept * getattr(p, name.parameter)})
    solution = solve(hierarchy.model, p, p_lanes, arrays.timeline)
    outputs = solution.outputs

    def by_version(values: jax.Array) -> jax.Array:
        return values.reshape(-1, versions, lanes).transpose(1, 0, 2)

    def between(value: jax.Array) -> jax.Array:
        return (value[where.node] * jnp.asarray(where.weight)[..., None]).sum(axis=1)

    def on_days(value: jax.Array) -> jax.Array:
        return by_version(between(jnp.log(jnp.maximum(value, LOWEST))))

    def total(quantity: str) -> jax.Array:
        value = outputs[quantity]
        if quantity in solver.model.lesion_outputs:
            kept = jnp.asarray(counted)[:, None] > 0
            value = jnp.where(kept, value, 0.0).sum(axis=1)
        return on_days(value)

    def passed(event: str) -> jax.Array:
        at_rest = jnp.asarray(where.early)[:, None] * solution.hazard_rates[event][0]
        return by_version(between(solution.states[cumulative(event)]) + at_rest)

    return Solved(
        on_days(outputs[COUNTED]),
        {name: on_days(outputs[name])[0] for name in solver.others},
        jnp.log(jnp.maximum(outputs[COUNTED][0, :lanes], LOWEST)),
        _parameters(solver, p, p_lanes, lanes),
        {event: passed(event) for event in hierarchy.model.hazards},
        {summed: total(summed)} if summed else {},
    )


def _lesions(
    solver: LaneSolver, population: Population, drawn: Any, most: int, versions: int
) -> jax.Array:
    """[effect, lesion of any lane] latents of the lesions, lane after lane in every version."""
    own = jnp.tile(jnp.asarray(drawn)[:, :most], (1, 1, versions))  # [effect, lesion, lane]
    scaled = [
        latent * population.between_lesion_sd[p.name] / p.between_lesion_sd
        if p.lesion_parametrisation == "centred"
        else latent
        for p, latent in zip(solver.hierarchy.lesion_effects, own, strict=True)
    ]
    if not scaled:
        return jnp.zeros((0, most * own.shape[2]))
    return jnp.stack([latent.T.reshape(-1) for latent in scaled])


def _parameters(solver: LaneSolver, p: Any, p_lanes: Any, lanes: int) -> jax.Array:
    """[parameter, lane]; what only the drug's blocks read is of its first window, 0 without, what
    differs between lesions is of the first lesion.
    """
    values = [jnp.asarray(getattr(p, n, getattr(p_lanes, n, 0.0))) for n in solver.parameters]
    values = [v[0] if v.ndim == 2 else v for v in values]
    return jnp.stack([v[:lanes] if v.ndim else jnp.full(lanes, v) for v in values])


def _solve_in_parts(
    solver: LaneSolver,
    wanted: tuple[tuple[float, bool], ...],
    summed: str,
    draws: Lanes,
    *rest: Any,
) -> Solved:
    """As :func:`_solve`, few lanes after few."""
    count = draws.z.shape[-1]
    size = math.gcd(count, AT_ONCE)

    def split(values: Any) -> jax.Array:
        parts = jnp.reshape(values, (*values.shape[:-1], count // size, size))
        return jnp.moveaxis(parts, -2, 0)

    def joined(parts: jax.Array) -> jax.Array:
        return jnp.moveaxis(parts, 0, -2).reshape(*parts.shape[1:-1], count)

    solved = jax.lax.map(
        lambda some: _solve(solver, wanted, summed, some, *rest), jax.tree.map(split, draws)
    )
    return jax.tree.map(joined, solved)


def _solve_on_devices(
    solver: LaneSolver,
    wanted: tuple[tuple[float, bool], ...],
    summed: str,
    devices: Sequence[Any],
    draws: Lanes,
    fixed: Fixed,
    treatment: TreatmentArrays,
    where: Interpolation,
    counted: np.ndarray,
) -> Solved:
    shared = PartitionSpec()
    # Lanes are the last axis of everything.
    split = [PartitionSpec(*(None,) * k, "lane") for k in range(3)]
    others = dict.fromkeys(solver.others, split[1])
    hazards = dict.fromkeys(solver.model.hazards, split[2])
    sums = {summed: split[2]} if summed else {}
    mesh = Mesh(np.asarray(devices), ("lane",))
    return jax.shard_map(
        partial(_solve_in_parts, solver, wanted, summed),
        mesh=mesh,
        in_specs=(Lanes(split[1], split[1], split[1], split[2], split[2]), *4 * (shared,)),  # type: ignore[arg-type]
        out_specs=Solved(split[2], others, split[0], split[1], hazards, sums),  # type: ignore[arg-type]
        check_vma=False,
    )(draws, fixed, treatment, where, counted)


@dataclass(frozen=True, eq=False)
class LaneSolver:
    """Solves draws of one patient under schedules; compiled once per shape."""

    hierarchy: Hierarchy
    programs: dict[Any, Callable[..., Any]] = field(default_factory=dict, repr=False)
    """What has been compiled, by versions and shapes."""

    @property
    def model(self) -> Model:
        """The mechanistic model."""
        return self.hierarchy.model

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the model's parameters."""
        return tuple(p.name for p in self.model.table)

    @cached_property
    def others(self) -> tuple[str, ...]:
        """What the model measures on the days clock beside lymphocytes."""
        shown = {name for block in self.model.on_clock("days") for name in block.shows}
        shown -= {COUNTED, *self.model.lesion_outputs}
        return tuple(n for n in self.model.observed if n in shown)

    @cached_property
    def contrast(self) -> Contrast | None:
        """The model's disputed link, which can be set to zero."""
        return contrast_of(self.model)

    @property
    def versions(self) -> int:
        """Versions of a schedule: with and without drugs, and both without the disputed link."""
        return 4 if self.contrast else 2

    def solve(
        self,
        draws: Lanes,
        fixed: Fixed,
        treatment: TreatmentArrays,
        days: np.ndarray,
        versions: int,
        summed: Summed | None = None,
    ) -> Solved:
        """Counts of every lane on some days.

        Args:
            draws: a multiple of ``LANES`` draws.
            days: [day] days of interest; their number is part of the compiled shape.
            versions: 1 as planned only, else :attr:`versions`.
            summed: a further quantity that is wanted in every version.
        """
        where = interpolation(treatment, days)
        given = len(treatment.start) or treatment.days_amount
        drugs = (True, False) if versions > 1 and given else (True,)
        links = (1.0, 0.0) if versions == 4 else (1.0,)
        wanted = tuple(product(links, drugs))
        quantity, counted = summed or Summed("", np.zeros(0))
        if quantity in self.model.lesion_outputs:
            counted = np.pad(counted, (0, len(treatment.present) - len(counted)))
        parts = []
        for first in range(0, draws.z.shape[-1], LANES):
            some = draws.take(slice(first, first + LANES))
            parts.append(self._run(wanted, quantity, (some, fixed, treatment, where, counted)))
        solved = jax.tree.map(lambda *x: np.concatenate(x, axis=-1), *parts)

        def all_versions(values: Any) -> Any:
            # Where there is no drug, leaving it out changes nothing.
            return np.repeat(values, max(1, versions // len(wanted)), axis=0)

        return solved._replace(
            at=all_versions(solved.at),
            hazards={event: all_versions(values) for event, values in solved.hazards.items()},
            sums={name: all_versions(values) for name, values in solved.sums.items()},
        )

    def _run(
        self,
        wanted: tuple[tuple[float, bool], ...],
        summed: str,
        arguments: tuple[Any, ...],
    ) -> Solved:
        key = (wanted, summed, *map(np.shape, jax.tree.leaves(arguments)))
        if key not in self.programs:
            devices = devices_for(LANES)
            program = partial(_solve_on_devices, self, wanted, summed, devices)
            name = f"{wanted}{summed}"
            self.programs[key] = traced(program, name, self.model, devices, arguments)
        return self.programs[key](*arguments)
