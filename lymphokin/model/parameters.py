"""The parameter table of a model: what each number means, how sure we are, and who says so.

Priors live on a transformed scale (log, logit, ...): the typical value of the population is normal
there, and so are the differences between subjects and between occasions.
:mod:`lymphokin.model.table` reads a table from its file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import expit, log_ndtr, ndtr
from scipy import special

from lymphokin.model.composites import DeclaredComposite
from lymphokin.model.correlations import Correlations
from lymphokin.model.covariates import CategoryCovariate, PowerCovariate
from lymphokin.model.deviate import log_above, log_half_cauchy
from lymphokin.model.residual import Residual
from lymphokin.model.roles import Contrast
from lymphokin.quantities import HOURS_PER_DAY, VaryingCovariate


class TableError(ValueError):
    """A parameter table that cannot be used; the message lists every problem."""


@dataclass(frozen=True)
class Parameter:
    """One row of the table; ``median`` in ``unit``, every SD on the transformed scale."""

    name: str
    symbol: str
    meaning: str
    unit: str
    transform: Literal["log", "logit", "identity", "above", "between"]
    median: float
    certainty: str
    source: str = ""
    doi: str = ""
    lower: float = 0.0
    """bound of the transforms above and between, of a truncated normal and a uniform prior"""
    upper: float = 1.0
    """bound of the transform between and of a uniform prior"""
    population_sd: float = 0.0
    """of the typical value on the transformed scale, or of its prior's own scale"""
    prior: Literal[
        "normal", "truncated_normal", "half_normal", "half_cauchy", "uniform", "log_uniform"
    ] = "normal"
    between_subject_sd: float = 0.0
    between_subject_log_sd: float = 0.0
    between_occasion_sd: float = 0.0
    between_lesion_sd: float = 0.0
    """of the differences between lesions of one patient, on the transformed scale"""
    between_lesion_log_sd: float = 0.0
    outside_effect: float = 0.0
    """by how much lesions that no fraction reaches differ from the patient's irradiated ones,
    transformed scale"""
    outside_effect_sd: float = 0.0
    """our uncertainty about that"""
    random_effect: Literal["normal", "student_t"] = "normal"
    """distribution of the differences between subjects, whose SD is ``between_subject_sd``"""
    degrees_of_freedom: float = 0.0
    parametrisation: Literal["non-centred", "centred"] = "non-centred"
    lesion_parametrisation: Literal["centred", "non-centred"] = "centred"
    """of the differences between lesions: in units of the table's SD, or of the population's"""
    acts_as_product_with: str = ""
    """another log-scale parameter: data can only tell their product, which is then sampled"""
    only_without: str = ""
    covariates: tuple[PowerCovariate | CategoryCovariate, ...] = ()

    @property
    def per_day(self) -> float:
        """Factor from the table's unit to model units, in which time is in days."""
        if self.unit == "h":
            return 1 / HOURS_PER_DAY
        return HOURS_PER_DAY if self.unit.endswith("/h") else 1.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which values the transform holds the parameter, in the table's unit."""
        bounds = {"log": (0.0, np.inf), "logit": (0.0, 1.0), "above": (self.lower, np.inf)}
        bounds["between"] = self.lower, self.upper
        return bounds.get(self.transform, (-np.inf, np.inf))

    @property
    def possible(self) -> str:
        """Between which values the parameter lies, in words."""
        lower, upper = self.bounds
        if np.isinf(lower):
            return "a number"
        return f"more than {lower:g}" + ("" if np.isinf(upper) else f" and less than {upper:g}")

    def can_be(self, value: float) -> bool:
        """Whether the parameter may have a value, in the table's unit."""
        lower, upper = self.bounds
        return bool(lower < value < upper)

    def to_transformed(self, value: Any) -> Any:
        """Value in the table's unit to the scale on which it is normal."""
        # A number of the table needs no compiled program.
        plain = isinstance(value, float)
        log, logit = (np.log, special.logit) if plain else (jnp.log, jax.scipy.special.logit)
        match self.transform:
            case "log":
                return log(value)
            case "logit":
                return logit(value)
            case "above":
                return log(value - self.lower)
            case "between":
                return logit((value - self.lower) / (self.upper - self.lower))
            case _:
                return value

    def to_natural(self, transformed: Any) -> Any:
        """Inverse of :meth:`to_transformed`."""
        match self.transform:
            case "log":
                return jnp.exp(transformed)
            case "logit":
                return expit(transformed)
            case "above":
                return self.lower + jnp.exp(transformed)
            case "between":
                return self.lower + (self.upper - self.lower) * expit(transformed)
            case _:
                return transformed

    def typical(self, z: Any) -> Any:
        """Typical value on the transformed scale from a standard normal ``z`` (its prior)."""
        if self.prior == "truncated_normal":
            cut = (self.lower - self.median) / self.population_sd
            log_distance = math.log(self.population_sd) + log_above(z, cut)
            if self.transform == "above" or (self.transform == "log" and self.lower == 0):
                return log_distance
            return self.to_transformed(self.lower + jnp.exp(log_distance))
        if self.prior == "normal" or self.population_sd == 0:
            return self.to_transformed(self.median) + self.population_sd * z
        if self.prior == "uniform":
            if self.transform == "log" and self.lower == 0:
                return math.log(self.upper) + log_ndtr(z)
            return self.to_transformed(self.lower + (self.upper - self.lower) * ndtr(z))
        if self.prior == "log_uniform":
            log_value = math.log(self.lower) + math.log(self.upper / self.lower) * ndtr(z)
        else:
            deviate = log_half_cauchy(z) if self.prior == "half_cauchy" else log_above(z, 0.0)
            log_value = math.log(self.population_sd) + deviate
        return log_value if self.transform == "log" else self.to_transformed(jnp.exp(log_value))


@dataclass(frozen=True)
class ParameterTable:
    """All parameters, residuals and correlations of a model, in file order."""

    parameters: Mapping[str, Parameter]
    residuals: Mapping[str, Residual] = field(default_factory=dict)
    correlations: Mapping[str, Correlations] = field(default_factory=dict)
    varying: Mapping[str, VaryingCovariate] = field(default_factory=dict)
    """covariates that change within a patient, by the name of their column"""
    contrast: Contrast | None = None
    """the disputed link that the table declares"""
    composites: Mapping[str, DeclaredComposite] = field(default_factory=dict)
    """what of the model's curves a trial can teach, by name"""

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters.values())

    def fixed(self, **values: float) -> ParameterTable:
        """The table with some parameters fixed at ``values`` (table units), nothing sampled.

        Raises:
            TableError: when a parameter is unknown, or a value is not finite or beyond a bound of
                the parameter; it may be fixed at a bound, e.g. a rate at 0.
        """
        unknown = sorted(set(values) - set(self.parameters))
        if unknown:
            raise TableError(
                f"cannot fix {', '.join(unknown)}: the parameters are {', '.join(self.parameters)}"
            )
        beyond = [
            f"{name} at {value:g}: expected {_range_of(self[name])}"
            for name, value in values.items()
            if not (np.isfinite(value) and self[name].bounds[0] <= value <= self[name].bounds[1])
        ]
        if beyond:
            raise TableError(f"cannot fix {'; '.join(beyond)}")
        parameters = dict(self.parameters)
        for name, value in values.items():
            parameters[name] = replace(
                parameters[name],
                median=float(value),
                transform="identity",
                prior="normal",
                population_sd=0.0,
                between_subject_sd=0.0,
                between_subject_log_sd=0.0,
                between_occasion_sd=0.0,
                between_lesion_sd=0.0,
                between_lesion_log_sd=0.0,
                outside_effect=0.0,
                outside_effect_sd=0.0,
                random_effect="normal",
                covariates=(),
                certainty="fixed by the user",
            )
        correlations = {}
        for name, group in self.correlations.items():
            left: Correlations | None = group
            for parameter in values:
                left = left and left.without(parameter)
            if left:
                correlations[name] = left
        return replace(self, parameters=parameters, correlations=correlations)

    def without_uncertainty(
        self,
        typical: Mapping[str, float],
        between_subject_sd: Mapping[str, float],
        residual_sd: Mapping[str, float],
        log_ratio: Mapping[str, float],
        correlation: Mapping[str, Sequence[float]] | None = None,
        between_lesion_sd: Mapping[str, float] | None = None,
    ) -> ParameterTable:
        """The table of a population that is known: nothing left to estimate but its individuals.

        Args:
            typical: typical values in table units, by parameter; the others keep their median.
            between_subject_sd: SDs between subjects, by parameter; the others keep theirs.
            residual_sd: residual SDs by quantity (additive part of a combined error).
            log_ratio: log-ratios of observation categories, as ``quantity_category``.
            correlation: correlations by group, below the diagonal, row by row; those of the others
                stay if they are fixed and are 0 if not.
            between_lesion_sd: SDs between lesions of a patient, by parameter; the others keep
                theirs.
        """
        given = {name: tuple(values) for name, values in (correlation or {}).items()}
        unknown = sorted(
            (set(typical) | set(between_subject_sd) | set(between_lesion_sd or {}))
            - set(self.parameters)
            | set(residual_sd) - set(self.residuals)
            | set(given) - set(self.correlations)
            | set(log_ratio)
            - {f"{q}_{e.category}" for q, r in self.residuals.items() for e in r.effects}
        )
        if unknown:
            raise TableError(f"the table has no {', '.join(unknown)}")
        sds = {"between_subject_sd": between_subject_sd, "residual_sd": residual_sd}
        sds["between_lesion_sd"] = between_lesion_sd or {}
        beyond = [
            *(f"typical.{name} = {value:g}: expected {self[name].possible}"
              for name, value in typical.items() if not self[name].can_be(value)),
            *(f"{key}.{name} = {sd:g}: expected 0 or more"
              for key, stated in sds.items() for name, sd in stated.items() if not sd >= 0),
        ]  # fmt: skip
        if beyond:
            raise TableError("; ".join(beyond))
        parameters = {
            name: replace(
                p,
                median=typical.get(name, p.median),
                population_sd=0.0,
                prior="normal",
                between_subject_sd=between_subject_sd.get(name, p.between_subject_sd),
                between_subject_log_sd=0.0,
                between_lesion_sd=(between_lesion_sd or {}).get(name, p.between_lesion_sd),
                between_lesion_log_sd=0.0,
                outside_effect_sd=0.0,
                covariates=tuple(c.without_uncertainty() for c in p.covariates),
            )
            for name, p in self.parameters.items()
        }
        residuals = {
            q: replace(
                r,
                sd=residual_sd.get(q, r.sd),
                sd_log_sd=0.0,
                sd_prior="log_normal",
                proportional_sd_log_sd=0.0,
                effects=tuple(
                    replace(
                        e,
                        log_ratio=log_ratio.get(f"{q}_{e.category}", e.log_ratio),
                        log_ratio_sd=0.0,
                    )
                    for e in r.effects
                ),
            )
            for q, r in self.residuals.items()
        }
        correlations = {
            name: replace(g, lkj=0.0, fixed=given.get(name, g.fixed or (0.0,) * len(g.pairs)))
            for name, g in self.correlations.items()
        }
        return replace(self, parameters=parameters, residuals=residuals, correlations=correlations)


def _range_of(parameter: Parameter) -> str:
    """The values that a parameter may be fixed at, in words."""
    lowest, highest = parameter.bounds
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    if np.isfinite(highest):
        return f"a number from {lowest:g} to {highest:g}{unit}"
    least = f" of at least {lowest:g}{unit}" if np.isfinite(lowest) else ""
    return f"a finite number{least}"
