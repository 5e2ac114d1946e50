"""From the population to its individuals: typical values, differences between people, occasions.

Everything unknown is a vector of latents with a (nearly) standard normal prior, so that sampling,
optimisation and simulation share one description. Which latent means what follows from the model's
parameter table alone.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

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
    """[..., component] SDs of the residual's error, by quantity"""
    log_ratio: dict[tuple[str, str], Any]
    """log-ratios of observation categories, by quantity and category"""


@dataclass(frozen=True)
class Quantity:
    """One sampled population quantity."""

    name: str
    kind: str
    """typical | between_subject_sd | exponent | residual_sd | proportional_sd | log_ratio"""
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
            found += [
                Quantity(f"{q}_{component}", component, q, *self._of_error(q, component))
                for component, (_, log_sd) in residual.sds.items()
                if log_sd > 0
            ]
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

    def _of_error(self, quantity: str, component: str) -> tuple[str, str]:
        """Unit and meaning of an SD of a quantity's residual."""
        error = self.model.table.residuals[quantity].error
        if error == "log_normal":
            return "1", f"residual SD of ln {quantity}"
        if error == "proportional" or component == "proportional_sd":
            return "1", f"residual SD of {quantity} over its true value"
        shown = (b.shows[quantity].unit for b in self.model.blocks if quantity in b.shows)
        part = " (additive part)" if error == "combined" else ""
        return next(shown, ""), f"residual SD of {quantity}{part}"

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
                q: _stacked(
                    sd * jnp.exp(log_sd * at.get((component, q), 0.0))
                    for component, (sd, log_sd) in r.sds.items()
                )
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
            match q.kind:
                case "typical":
                    value = self.model.table[q.key].to_natural(population.typical[q.key])
                case "residual_sd" | "proportional_sd":
                    component = list(self.model.table.residuals[q.key].sds).index(q.kind)
                    value = population.residual_sd[q.key][..., component]
                case _:
                    value = getattr(population, q.kind)[q.key]
            values[q.name] = value
        return values

    @cached_property
    def products(self) -> dict[str, Parameter]:
        """Pairs of parameters that act as a product only: the factor, by its partner's name."""
        names = {p.name for p in self.subject_effects}
        return {
            p.acts_as_product_with: p
            for p in self.subject_effects
            if p.acts_as_product_with in names
        }

    def _shift(self, p: Parameter, population: Population, arrays: CohortArrays) -> Any:
        """Covariate effects on a parameter, transformed scale: 0 or [patient]."""
        shift: Any = 0.0
        for c in p.covariates:
            shift = shift + population.exponent[p.name, c.column] * arrays.log_ratio[c.column]
        return shift * arrays.without[p.only_without] if p.only_without else shift

    def _partner(
        self, p: Parameter, population: Population, arrays: CohortArrays
    ) -> tuple[Any, Any, float]:
        """Shift and SD between subjects of the partner of ``p``, and the table's SD of both."""
        partner = self.model.table[p.acts_as_product_with]
        known = arrays.spread[partner.only_without] if partner.only_without else 1.0
        scale = math.hypot(p.between_subject_sd, partner.between_subject_sd)
        sd = population.between_subject_sd[partner.name] * known
        return self._shift(partner, population, arrays), sd, scale

    def subject_prior(
        self, population: Population, arrays: CohortArrays
    ) -> tuple[jax.Array, jax.Array]:
        """Mean and SD of the subject latents, each [effect, patient].

        Most are standard normal deviations from the typical value. A centred parameter is sampled
        as the subject's own value, from the table's median in units of the table's SD: better where
        the data know it well. Of two factors that act as a product only, the product is sampled
        that way, and beside it the standard normal that divides it between them.
        """
        factors = {p.name for p in self.products.values()}
        means, sds = [], []
        for p in self.subject_effects:
            mean, sd = jnp.zeros(arrays.patients), jnp.ones(arrays.patients)
            distance = population.typical[p.name] - p.to_transformed(p.median)
            own = population.between_subject_sd.get(p.name, 0.0)
            if p.name in factors:
                shift, other, scale = self._partner(p, population, arrays)
                mean, sd = (distance + shift) / scale + mean, jnp.hypot(own, other) / scale * sd
            elif p.parametrisation == "centred":
                scale = p.between_subject_sd
                shift = self._shift(p, population, arrays)
                mean, sd = (distance + shift) / scale + mean, own / scale * sd
            means.append(mean)
            sds.append(sd)
        shape = (len(means), arrays.patients)
        return jnp.array(means).reshape(shape), jnp.array(sds).reshape(shape)

    def _deviations(
        self, population: Population, latents: Latents, arrays: CohortArrays
    ) -> dict[str, Any]:
        """Deviations of every subject effect from typical value and covariates, [patient]."""
        latent = {p.name: latents.subject[i] for i, p in enumerate(self.subject_effects)}
        deviations = {}
        for p in self.subject_effects:
            sd = population.between_subject_sd[p.name]
            distance = population.typical[p.name] - p.to_transformed(p.median)
            if p.name in self.products:
                continue
            if p in self.products.values():
                shift, other, scale = self._partner(p, population, arrays)
                total = scale * latent[p.name] - distance - shift
                spread = jnp.hypot(sd, other)
                split = sd * other / spread * latent[p.acts_as_product_with]
                deviations[p.name] = (sd / spread) ** 2 * total + split
                deviations[p.acts_as_product_with] = total - deviations[p.name]
            elif p.parametrisation == "centred":
                own = p.between_subject_sd * latent[p.name]
                deviations[p.name] = own - distance - self._shift(p, population, arrays)
            else:
                known = arrays.spread[p.only_without] if p.only_without else 1.0
                deviations[p.name] = sd * known * latent[p.name]
        return deviations

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
        deviations = self._deviations(population, latents, arrays)
        of_treated = {p.name: i for i, p in enumerate(self.treated_effects)}
        of_occasion = {p.name: i for i, p in enumerate(self.occasion_effects)}
        exposure_only = self.model.exposure_only
        p_patients, p_lanes = {}, {}
        for p in self.model.table:
            value = population.typical[p.name] + self._shift(p, population, arrays)
            value = value + deviations.get(p.name, 0.0)
            if p.name not in exposure_only:
                p_patients[p.name] = p.to_natural(value) * p.per_day
            if hours is None:
                continue
            on_lane = value[hours.patient] if jnp.ndim(value) else value
            if p.name in of_treated:
                effect = latents.treated[of_treated[p.name]][hours.treated]
                on_lane = on_lane + population.between_subject_sd[p.name] * effect
            if p.name in of_occasion:
                on_lane = on_lane + p.between_occasion_sd * latents.occasion[of_occasion[p.name]]
            p_lanes[p.name] = p.to_natural(on_lane) * p.per_day
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
        mean, sd = self.subject_prior(self.population(z), arrays)
        return Latents(
            z,
            mean + sd * jax.random.normal(keys[1], shapes.subject),  # type: ignore[arg-type]
            jax.random.normal(keys[2], shapes.treated),  # type: ignore[arg-type]
            jax.random.normal(keys[3], shapes.occasion),  # type: ignore[arg-type]
        )

    def typical_latents(self, arrays: CohortArrays) -> Latents:
        """The prior's centre: every latent zero."""
        return Latents(*(jnp.zeros(shape) for shape in self.shapes(arrays)))  # type: ignore[arg-type]


def _stacked(components: Iterable[Any]) -> jax.Array:
    """Values side by side on a new last axis."""
    return jnp.stack(jnp.broadcast_arrays(*components), axis=-1)


@lru_cache
def _parameters_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Parameters", names)


def _named(values: dict[str, Any]) -> Any:
    """Values by attribute, as a pytree."""
    return _parameters_type(tuple(values))(**values)
