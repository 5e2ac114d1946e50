"""From the population to its individuals: typical values, differences between people, occasions.

Everything unknown is a vector of latents with a (nearly) standard normal prior, so that sampling,
optimisation and simulation share one description. Which latent means what follows from the model's
parameter table alone.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import Model, Parameter, PowerCovariate
from lymphokin.model.deviate import student_t
from lymphokin.population.arrays import CohortArrays
from lymphokin.population.quantities import (
    Population,
    Quantity,
    natural_at,
    population_at,
    sampled_quantities,
)


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
    covariate: jax.Array | np.ndarray = np.zeros(0)
    """[missing] covariates that are not known, column after column: ln of the value in SDs from the
    mean of the patients who have it"""
    lesion: jax.Array | np.ndarray = np.zeros((0, 0))
    """[effect, lesion] differences between lesions of one patient, of all patients' lesions"""


@dataclass(frozen=True)
class Hierarchy:
    """The statistical model around a mechanistic model."""

    model: Model

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Population quantities that are sampled, in the order of the latent vector."""
        return sampled_quantities(self.model)

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

    @cached_property
    def lesion_effects(self) -> tuple[Parameter, ...]:
        """Parameters that differ between lesions of one patient."""
        return tuple(p for p in self.model.table if p.between_lesion_sd > 0)

    def _varying(self) -> list[Parameter]:
        return [p for p in self.model.table if p.between_subject_sd > 0]

    def population(self, z: Any) -> Population:
        """Population quantities from their standard normal latents ``z`` [quantity]."""
        return population_at(self.model.table, self.quantities, z)

    def natural(self, z: Any) -> dict[str, Any]:
        """Sampled population quantities by name, typical values in the table's units."""
        return natural_at(self.model.table, self.quantities, self.population(z))

    @cached_property
    def products(self) -> dict[str, Parameter]:
        """Pairs of parameters that act as a product only: the factor, by its partner's name."""
        names = {p.name for p in self.subject_effects}
        return {
            p.acts_as_product_with: p
            for p in self.subject_effects
            if p.acts_as_product_with in names
        }

    @cached_property
    def effects_that_follow(self) -> tuple[bool, ...]:
        """Of each subject effect, whether the prior of its latent follows the population."""
        factors = {p.name for p in self.products.values()}
        return tuple(
            p.name in factors or p.parametrisation == "centred" for p in self.subject_effects
        )

    @cached_property
    def lesion_effects_that_follow(self) -> tuple[bool, ...]:
        """Of each lesion effect, whether the prior of its latent follows the population."""
        return tuple(p.lesion_parametrisation == "centred" for p in self.lesion_effects)

    def _shift(self, p: Parameter, population: Population, arrays: CohortArrays) -> Any:
        """Covariate effects on a parameter, transformed scale: 0 or [patient]."""
        shift: Any = 0.0
        for c in p.covariates:
            shift = (
                shift + population.covariate[p.name, c.regressor] * arrays.regressors[c.regressor]
            )
        return shift * arrays.without[p.only_without] if p.only_without else shift

    def _partner(
        self, p: Parameter, population: Population, arrays: CohortArrays
    ) -> tuple[Any, Any, float]:
        """Shift and SD between subjects of the partner of ``p``, and the table's SD of both."""
        partner = self.model.table[p.acts_as_product_with]
        sd_ratio = arrays.sd_ratio[partner.only_without] if partner.only_without else 1.0
        scale = math.hypot(p.between_subject_sd, partner.between_subject_sd)
        sd = population.between_subject_sd[partner.name] * sd_ratio
        return self._shift(partner, population, arrays), sd, scale

    def subject_prior(
        self, population: Population, arrays: CohortArrays
    ) -> tuple[jax.Array, jax.Array]:
        """Mean and SD of the subject latents, each [effect, patient]; see also :meth:`filled`.

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

    def treated_deviates(self, population: Population, latents: Latents) -> dict[str, Any]:
        """[treated patient] per treated effect, the difference from the typical value in SDs."""
        return self._deviates(self.treated_effects, latents.treated, population)

    def _deviates(
        self,
        effects: Sequence[Parameter],
        latent: Any,
        population: Population,
        at: Callable[[Any], Any] = lambda value: value,
    ) -> dict[str, Any]:
        """Latents [effect, n] as correlated deviates of their own distributions, each [n].

        ``at``: brings a value of the population to what the latents are of.
        """
        found = {p.name: latent[i] for i, p in enumerate(effects)}
        for name, group in self.model.table.correlations.items():
            if group.parameters[0] not in found:
                continue
            own = [found[parameter] for parameter in group.parameters]
            for parameter, row in zip(group.parameters, population.cholesky[name], strict=True):
                found[parameter] = sum(
                    at(weight) * deviate for weight, deviate in zip(row, own, strict=False)
                )
        bent = {p.name: p.degrees_of_freedom for p in effects if p.random_effect == "student_t"}
        return found | {name: student_t(found[name], df) for name, df in bent.items()}

    def _deviations(
        self, population: Population, latents: Latents, arrays: CohortArrays
    ) -> dict[str, Any]:
        """Deviations of every subject effect from typical value and covariates, [patient]."""
        latent = self._deviates(self.subject_effects, latents.subject, population)
        deviations = {}
        for p in self.subject_effects:
            sd = population.between_subject_sd[p.name]
            distance = population.typical[p.name] - p.to_transformed(p.median)
            if p.name in self.products:
                continue
            if p in self.products.values():
                shift, other, scale = self._partner(p, population, arrays)
                total = scale * latent[p.name] - distance - shift
                combined = jnp.hypot(sd, other)
                split = sd * other / combined * latent[p.acts_as_product_with]
                deviations[p.name] = (sd / combined) ** 2 * total + split
                deviations[p.acts_as_product_with] = total - deviations[p.name]
            elif p.parametrisation == "centred":
                from_median = p.between_subject_sd * latent[p.name]
                deviations[p.name] = from_median - distance - self._shift(p, population, arrays)
            else:
                sd_ratio = arrays.sd_ratio[p.only_without] if p.only_without else 1.0
                deviations[p.name] = sd * sd_ratio * latent[p.name]
        return deviations

    def _of_lesions(
        self, population: Population, latents: Latents, arrays: CohortArrays
    ) -> dict[str, Any]:
        """[lesion, patient] deviations of lesions from their patient's irradiated ones, of every
        lesion effect.
        """
        places, present = arrays.lesions, arrays.timeline.days.present
        if places is None or present is None:
            return {}

        def of_lesions(value: Any) -> Any:
            """A value of the population, of which every patient may have one, of each lesion."""
            return value[places.patient] if jnp.ndim(value) else value

        nothing = jnp.zeros(present.shape)
        found = {}
        for i, p in enumerate(self.lesion_effects):
            centred = p.lesion_parametrisation == "centred"
            sd = (
                p.between_lesion_sd if centred else of_lesions(population.between_lesion_sd[p.name])
            )
            own = sd * latents.lesion[i]
            if p.name in population.outside_effect:
                own = own + of_lesions(population.outside_effect[p.name]) * places.outside
            found[p.name] = nothing.at[places.number, places.patient].set(own)
        return found

    def lesion_prior_sd(self, population: Population) -> jax.Array:
        """[effect, 1] SD of the lesion latents: 1, or of a centred parameter, whose deviations are
        in units of the table's SD, the population's SD over that.
        """
        ratios = [
            population.between_lesion_sd[p.name] / p.between_lesion_sd
            if p.lesion_parametrisation == "centred"
            else 1.0
            for p in self.lesion_effects
        ]
        return jnp.array(ratios, float).reshape(-1, 1)

    def lesion_log_prior(self, population: Population, latents: Latents) -> jax.Array:
        """[lesion] log prior density of each lesion's latents, up to a constant."""
        sd = self.lesion_prior_sd(population)
        return jnp.sum(-0.5 * (latents.lesion / sd) ** 2 - jnp.log(sd), axis=0)

    def filled(self, arrays: CohortArrays, latents: Latents) -> CohortArrays:
        """The arrays with missing covariates as the latents have them."""
        regressors, first = dict(arrays.regressors), 0
        for column, missing in arrays.missing.items():
            last = first + len(missing.patient)
            deviation = missing.log_sd * latents.covariate[first:last]
            first = last
            names = {
                c.regressor
                for p in self.model.table
                for c in p.covariates
                if isinstance(c, PowerCovariate) and c.column == column
            }
            for name in sorted(names):
                filled = jnp.asarray(regressors[name])
                regressors[name] = filled.at[missing.patient].add(deviation)
        return arrays._replace(regressors=regressors, missing={})

    def shapes(self, arrays: CohortArrays) -> Latents:
        """Shapes of the latents of a cohort."""
        hours = arrays.timeline.hours
        lanes = 0 if hours is None else hours.start.shape[0]
        lesions = 0 if arrays.lesions is None else arrays.lesions.patient.shape[0]
        return Latents(
            (len(self.quantities),),  # type: ignore[arg-type]
            (len(self.subject_effects), arrays.patients),  # type: ignore[arg-type]
            (len(self.treated_effects), arrays.treated),  # type: ignore[arg-type]
            (len(self.occasion_effects), lanes),  # type: ignore[arg-type]
            (len(arrays.lacking),),  # type: ignore[arg-type]
            (len(self.lesion_effects), lesions),  # type: ignore[arg-type]
        )

    def individuals(
        self, population: Population, latents: Latents, arrays: CohortArrays
    ) -> tuple[Any, Any]:
        """Individual parameters in model units (days): per patient, and per drug window.

        Returns:
            ``p`` with each parameter a scalar or [patient], or [lesion, patient] where lesions
            differ, and ``p_lanes`` with each a scalar or [lane]. A parameter that matters only
            under the drug is in ``p_lanes`` alone, one that differs between lesions in ``p`` alone.
        """
        arrays = self.filled(arrays, latents)
        hours = arrays.timeline.hours

        def on_lane(value: Any) -> Any:
            return value[hours.patient] if hours is not None and jnp.ndim(value) else value

        deviations = self._deviations(population, latents, arrays)
        of_lesion = self._of_lesions(population, latents, arrays)
        of_occasion = {p.name: i for i, p in enumerate(self.occasion_effects)}
        exposure_only = self.model.exposure_only
        of_treated = {}
        if hours is not None:
            treated = [own[hours.treated] for own in latents.treated]
            of_treated = self._deviates(self.treated_effects, treated, population, on_lane)
        p_patients, p_lanes = {}, {}
        for p in self.model.table:
            value = population.typical[p.name] + self._shift(p, population, arrays)
            value = value + deviations.get(p.name, 0.0)
            if p.name in of_lesion:
                p_patients[p.name] = p.to_natural(value + of_lesion[p.name]) * p.per_day
                continue
            if p.name not in exposure_only:
                p_patients[p.name] = p.to_natural(value) * p.per_day
            if hours is None:
                continue
            value = on_lane(value)
            if p.name in of_treated:
                sd = on_lane(population.between_subject_sd[p.name])
                value = value + sd * of_treated[p.name]
            if p.name in of_occasion:
                value = value + p.between_occasion_sd * latents.occasion[of_occasion[p.name]]
            p_lanes[p.name] = p.to_natural(value) * p.per_day
        return _named(p_patients), _named(p_lanes)

    def draw_latents(
        self, key: jax.Array, arrays: CohortArrays, population_z: jax.Array | None = None
    ) -> Latents:
        """Latents of a cohort from the prior, or from the population at ``population_z``."""
        shapes = self.shapes(arrays)
        keys = jax.random.split(key, 4)
        z = population_z
        if z is None:
            z = jax.random.normal(keys[0], shapes.population)  # type: ignore[arg-type]
            z = z if arrays.prior is None else arrays.prior.draws(z)
        drawn = Latents(
            z,
            jax.random.normal(keys[1], shapes.subject),  # type: ignore[arg-type]
            jax.random.normal(keys[2], shapes.treated),  # type: ignore[arg-type]
            jax.random.normal(keys[3], shapes.occasion),  # type: ignore[arg-type]
            jax.random.normal(jax.random.fold_in(key, 4), shapes.covariate),  # type: ignore[arg-type]
            jax.random.normal(jax.random.fold_in(key, 5), shapes.lesion),  # type: ignore[arg-type]
        )
        mean, sd = self.subject_prior(self.population(z), self.filled(arrays, drawn))
        lesion = drawn.lesion
        if arrays.lesions is not None:
            lesion = self.lesion_prior_sd(self.population(z)) * lesion
        return drawn._replace(subject=mean + sd * drawn.subject, lesion=lesion)

    def typical_latents(self, arrays: CohortArrays) -> Latents:
        """The prior's centre: every latent zero."""
        return Latents(*(np.zeros(shape) for shape in self.shapes(arrays)))  # type: ignore[arg-type]


@lru_cache
def _parameters_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Parameters", names)


def _named(values: dict[str, Any]) -> Any:
    """Values by attribute, as a pytree."""
    return _parameters_type(tuple(values))(**values)
