"""From the population to its individuals: typical values, differences between people, occasions.

Everything unknown is a vector of latents with a (nearly) standard normal prior, so that sampling,
optimisation and simulation share one description. Which latent means what follows from the model's
parameter table alone.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import Model, Parameter
from lymphokin.population.data import CohortArrays


class Latents(NamedTuple):
    """All unknowns of a cohort."""

    population: jax.Array
    """[quantity] standard normal; see :attr:`Hierarchy.population_names`"""
    subject: jax.Array
    """[effect, patient] differences between subjects"""
    treated: jax.Array
    """[effect, treated patient] differences that matter only to patients who get the drug"""
    occasion: jax.Array
    """[effect, drug window] differences between occasions"""


class Population(NamedTuple):
    """Values of the population quantities, by parameter or quantity name."""

    typical: dict[str, Any]
    """typical values on the transformed scale"""
    between_subject_sd: dict[str, Any]
    exponent: dict[tuple[str, str], Any]
    """exponents of power covariates, by parameter and column"""
    residual_sd: dict[str, Any]
    log_ratio: dict[tuple[str, str], Any]
    """log-ratios of observation categories, by quantity and category"""


@dataclass(frozen=True)
class Quantity:
    """One sampled population quantity."""

    name: str
    kind: str
    """typical | between_subject_sd | exponent | residual_sd | log_ratio"""
    key: Any
    unit: str
    meaning: str


@dataclass(frozen=True)
class Hierarchy:
    """The statistical model around a mechanistic model."""

    model: Model

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Population quantities that are sampled, in the order of the latent vector."""
        table = self.model.table
        found = [
            Quantity(p.name, "typical", p.name, p.unit, p.meaning)
            for p in table
            if p.population_sd > 0
        ]
        found += [
            Quantity(
                f"{p.name}_between_subject_sd",
                "between_subject_sd",
                p.name,
                "1",
                f"SD between subjects of {p.name} ({p.transform} scale)",
            )
            for p in table
            if p.between_subject_log_sd > 0
        ]
        found += [
            Quantity(
                f"{p.name}_{c.column}_exponent",
                "exponent",
                (p.name, c.column),
                "1",
                f"exponent of {c.column} on {p.name}",
            )
            for p in table
            for c in p.covariates
            if c.exponent_sd > 0
        ]
        for q, residual in table.residuals.items():
            if residual.sd_log_sd > 0:
                found.append(
                    Quantity(f"{q}_residual_sd", "residual_sd", q, "1", f"residual SD of ln {q}")
                )
            found += [
                Quantity(
                    f"{q}_{e.category}_log_ratio",
                    "log_ratio",
                    (q, e.category),
                    "1",
                    f"ln ratio of {q} in {e.column} {e.category} over {e.reference}",
                )
                for e in residual.effects
                if e.log_ratio_sd > 0
            ]
        return tuple(found)

    @property
    def population_names(self) -> tuple[str, ...]:
        """Names of the sampled population quantities."""
        return tuple(q.name for q in self.quantities)

    @cached_property
    def subject_effects(self) -> tuple[Parameter, ...]:
        """Parameters that differ between all subjects."""
        return tuple(p for p in self._varying() if p.name not in self.model.exposure_only)

    @cached_property
    def treated_effects(self) -> tuple[Parameter, ...]:
        """Parameters that differ between subjects but matter only under the drug."""
        return tuple(p for p in self._varying() if p.name in self.model.exposure_only)

    @cached_property
    def occasion_effects(self) -> tuple[Parameter, ...]:
        """Parameters that differ between drug windows of one subject."""
        return tuple(p for p in self.model.table if p.between_occasion_sd > 0)

    def _varying(self) -> list[Parameter]:
        return [p for p in self.model.table if p.between_subject_sd > 0]

    def population(self, z: Any) -> Population:
        """Population quantities from their standard normal latents ``z`` [quantity]."""
        at = {(q.kind, q.key): z[i] for i, q in enumerate(self.quantities)}
        table = self.model.table
        return Population(
            typical={p.name: p.typical(at.get(("typical", p.name), 0.0)) for p in table},
            between_subject_sd={
                p.name: p.between_subject_sd
                * jnp.exp(p.between_subject_log_sd * at.get(("between_subject_sd", p.name), 0.0))
                for p in table
                if p.between_subject_sd > 0
            },
            exponent={
                (p.name, c.column): c.exponent
                + c.exponent_sd * at.get(("exponent", (p.name, c.column)), 0.0)
                for p in table
                for c in p.covariates
            },
            residual_sd={
                q: r.sd * jnp.exp(r.sd_log_sd * at.get(("residual_sd", q), 0.0))
                for q, r in table.residuals.items()
            },
            log_ratio={
                (q, e.category): e.log_ratio
                + e.log_ratio_sd * at.get(("log_ratio", (q, e.category)), 0.0)
                for q, r in table.residuals.items()
                for e in r.effects
            },
        )

    def natural(self, z: Any) -> dict[str, Any]:
        """Sampled population quantities by name, typical values in the table's units."""
        population = self.population(z)
        values = {}
        for q in self.quantities:
            value = getattr(population, q.kind)[q.key]
            values[q.name] = (
                self.model.table[q.key].to_natural(value) if q.kind == "typical" else value
            )
        return values

    def subject_prior(self, population: Population) -> tuple[jax.Array, jax.Array]:
        """Mean and SD of the subject latents, each [effect].

        A centred parameter is sampled as the subject's own value, on the transformed scale, from the
        table's median in units of the table's SD; the others as standard normal deviations.
        """
        means, sds = [], []
        for p in self.subject_effects:
            if p.parametrisation == "centred":
                sd = population.between_subject_sd[p.name]
                shift = population.typical[p.name] - p.to_transformed(p.median)
                means.append(shift / p.between_subject_sd)
                sds.append(sd / p.between_subject_sd)
            else:
                means.append(jnp.zeros(()))
                sds.append(jnp.ones(()))
        return jnp.stack(means), jnp.stack(sds)

    def shapes(self, arrays: CohortArrays) -> Latents:
        """Shapes of the latents of a cohort."""
        hours = arrays.timeline.hours
        lanes = 0 if hours is None else hours.start.shape[0]
        return Latents(
            (len(self.quantities),),  # type: ignore[arg-type]
            (len(self.subject_effects), arrays.patients),  # type: ignore[arg-type]
            (len(self.treated_effects), arrays.treated),  # type: ignore[arg-type]
            (len(self.occasion_effects), lanes),  # type: ignore[arg-type]
        )

    def individuals(
        self, population: Population, latents: Latents, arrays: CohortArrays
    ) -> tuple[Any, Any]:
        """Individual parameters in model units (days): per patient, and per drug window.

        Returns:
            ``p`` with each parameter a scalar or [patient], and ``p_lanes`` with each a scalar or
            [lane]. A parameter that matters only under the drug is in ``p_lanes`` alone.
        """
        hours = arrays.timeline.hours
        of_subject = {p.name: i for i, p in enumerate(self.subject_effects)}
        of_treated = {p.name: i for i, p in enumerate(self.treated_effects)}
        of_occasion = {p.name: i for i, p in enumerate(self.occasion_effects)}
        exposure_only = self.model.exposure_only
        p_patients, p_lanes = {}, {}
        for p in self.model.table:
            value = population.typical[p.name]
            shift: Any = 0.0
            for c in p.covariates:
                shift = shift + population.exponent[p.name, c.column] * arrays.log_ratio[c.column]
            if p.name in of_subject:
                effect = latents.subject[of_subject[p.name]]
                if p.parametrisation == "centred":
                    value = p.to_transformed(p.median)
                    shift = shift + p.between_subject_sd * effect
                else:
                    shift = shift + population.between_subject_sd[p.name] * effect
            if p.only_without:
                shift = shift * arrays.without[p.only_without]
            if p.name not in exposure_only:
                p_patients[p.name] = p.to_natural(value + shift) * p.per_day
            if hours is None:
                continue
            on_lane = shift[hours.patient] if jnp.ndim(shift) else shift
            if p.name in of_treated:
                effect = latents.treated[of_treated[p.name]][hours.treated]
                on_lane = on_lane + population.between_subject_sd[p.name] * effect
            if p.name in of_occasion:
                on_lane = on_lane + p.between_occasion_sd * latents.occasion[of_occasion[p.name]]
            p_lanes[p.name] = p.to_natural(value + on_lane) * p.per_day
        return _named(p_patients), _named(p_lanes)

    def draw_latents(
        self, key: jax.Array, arrays: CohortArrays, population_z: jax.Array | None = None
    ) -> Latents:
        """Latents of a cohort from the prior, or from the population at ``population_z``."""
        shapes = self.shapes(arrays)
        keys = jax.random.split(key, 4)
        z = (
            jax.random.normal(keys[0], shapes.population)  # type: ignore[arg-type]
            if population_z is None
            else population_z
        )
        mean, sd = self.subject_prior(self.population(z))
        noise = jax.random.normal(keys[1], shapes.subject)  # type: ignore[arg-type]
        return Latents(
            z,
            mean[:, None] + sd[:, None] * noise,
            jax.random.normal(keys[2], shapes.treated),  # type: ignore[arg-type]
            jax.random.normal(keys[3], shapes.occasion),  # type: ignore[arg-type]
        )

    def typical_latents(self, arrays: CohortArrays) -> Latents:
        """The prior's centre: every latent zero."""
        return Latents(*(jnp.zeros(shape) for shape in self.shapes(arrays)))  # type: ignore[arg-type]


@lru_cache
def _parameters_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Parameters", names)


def _named(values: dict[str, Any]) -> Any:
    """Values by attribute, as a pytree."""
    return _parameters_type(tuple(values))(**values)


def unconstrained_size(latents: Latents) -> int:
    """Number of unknowns."""
    return int(sum(np.size(x) for x in latents))
