"""The population: what is estimated of it, and what its standard normal latents mean.

Which latent means what follows from the model's parameter table alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lymphokin.model import (
    Correlations,
    DelayEffect,
    Model,
    Parameter,
    ParameterTable,
    Residual,
)
from lymphokin.model.deviate import correlation


class Population(NamedTuple):
    """Values of the population quantities, by parameter or quantity name."""

    typical: dict[str, Any]
    """typical values on the transformed scale"""
    between_subject_sd: dict[str, Any]
    between_lesion_sd: dict[str, Any]
    """of lesions within a patient"""
    outside_effect: dict[str, Any]
    """of lesions that no fraction reaches, on the transformed scale"""
    covariate: dict[tuple[str, str], Any]
    """coefficients of covariates on the transformed scale, by parameter and regressor"""
    cholesky: dict[str, tuple[tuple[Any, ...], ...]]
    """rows of the lower Cholesky factor of the correlation matrix, by group of parameters"""
    residual_sd: dict[str, Any]
    """[..., component] SDs of the residual's error, by quantity"""
    log_ratio: dict[tuple[str, str], Any]
    """log-ratios of observation categories, by quantity and category"""


@dataclass(frozen=True)
class Quantity:
    """One sampled population quantity."""

    name: str
    kind: str
    """typical | between_subject_sd | between_lesion_sd | outside_effect | covariate | correlation |
    residual_sd | proportional_sd | log_ratio"""
    key: Any
    unit: str
    meaning: str


def sampled_quantities(model: Model) -> tuple[Quantity, ...]:
    """Population quantities that are sampled, in the order of the latent vector."""
    table = model.table
    found = [
        Quantity(p.name, "typical", p.name, p.unit, p.meaning) for p in table if p.population_sd > 0
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
            f"{p.name}_between_lesion_sd",
            "between_lesion_sd",
            p.name,
            "1",
            f"SD between lesions of a patient of {p.name} ({p.transform} scale)",
        )
        for p in table
        if p.between_lesion_log_sd > 0
    ]
    found += [
        Quantity(
            f"{p.name}_outside_effect",
            "outside_effect",
            p.name,
            "1",
            f"effect of lying outside the field on {p.name} of a lesion ({p.transform} scale)",
        )
        for p in table
        if p.outside_effect_sd > 0
    ]
    found += [
        Quantity(f"{p.name}_{c.label}", "covariate", (p.name, c.regressor), "1", c.meaning(p.name))
        for p in table
        for c in p.covariates
        if c.coefficient_sd > 0
    ]
    found += [
        Quantity(
            f"{one}_{other}_correlation",
            "correlation",
            (group.name, i, j),
            "1",
            f"correlation between subjects of {one} with {other}",
        )
        for group in table.correlations.values()
        if group.lkj
        for i, j in group.pairs
        for other, one in [(group.parameters[i], group.parameters[j])]
    ]
    for q, residual in table.residuals.items():
        found += [
            Quantity(f"{q}_{component}", component, q, *_of_error(model, q, component))
            for component, (_, log_sd) in residual.sds.items()
            if log_sd > 0
        ]
        found += [
            Quantity(
                f"{q}_{e.category}_log_ratio",
                "log_ratio",
                (q, e.category),
                "1/h" if isinstance(e, DelayEffect) else "1",
                e.meaning(q),
            )
            for e in residual.effects
            if e.log_ratio_sd > 0
        ]
    return tuple(found)


def _of_error(model: Model, quantity: str, component: str) -> tuple[str, str]:
    """Unit and meaning of an SD of a quantity's residual."""
    error = model.table.residuals[quantity].error
    if error == "log_normal":
        return "1", f"residual SD of ln {quantity}"
    if error == "proportional" or component == "proportional_sd":
        return "1", f"residual SD of {quantity} over its true value"
    shown = (b.shows[quantity].unit for b in model.blocks if quantity in b.shows)
    part = " (additive part)" if error == "combined" else ""
    return next(shown, ""), f"residual SD of {quantity}{part}"


def entry_of(table: ParameterTable, quantity: Quantity) -> Parameter | Residual | Correlations:
    """Where a quantity stands in the table."""
    name = quantity.key if isinstance(quantity.key, str) else quantity.key[0]
    match quantity.kind:
        case "correlation":
            return table.correlations[name]
        case "residual_sd" | "proportional_sd" | "log_ratio":
            return table.residuals[name]
        case _:
            return table[name]


def population_at(table: ParameterTable, quantities: tuple[Quantity, ...], z: Any) -> Population:
    """Population quantities from their standard normal latents ``z`` [quantity]."""
    at = {(q.kind, q.key): z[i] for i, q in enumerate(quantities)}
    return Population(
        typical={p.name: p.typical(at.get(("typical", p.name), 0.0)) for p in table},
        between_subject_sd={
            p.name: p.between_subject_sd
            * jnp.exp(p.between_subject_log_sd * at.get(("between_subject_sd", p.name), 0.0))
            for p in table
            if p.between_subject_sd > 0
        },
        between_lesion_sd={
            p.name: p.between_lesion_sd
            * jnp.exp(p.between_lesion_log_sd * at.get(("between_lesion_sd", p.name), 0.0))
            for p in table
            if p.between_lesion_sd > 0
        },
        outside_effect={
            p.name: p.outside_effect + p.outside_effect_sd * at.get(("outside_effect", p.name), 0.0)
            for p in table
            if p.outside_effect or p.outside_effect_sd > 0
        },
        covariate={
            (p.name, c.regressor): c.coefficient
            + c.coefficient_sd * at.get(("covariate", (p.name, c.regressor)), 0.0)
            for p in table
            for c in p.covariates
        },
        cholesky={name: _cholesky(group, at) for name, group in table.correlations.items()},
        residual_sd={
            q: _stacked(r.sd_at(component, at.get((component, q), 0.0)) for component in r.sds)
            for q, r in table.residuals.items()
        },
        log_ratio={
            (q, e.category): e.log_ratio
            + e.log_ratio_sd * at.get(("log_ratio", (q, e.category)), 0.0)
            for q, r in table.residuals.items()
            for e in r.effects
        },
    )


def _cholesky(group: Correlations, at: dict[Any, Any]) -> tuple[tuple[Any, ...], ...]:
    """Rows of the Cholesky factor of a group's correlation matrix.

    Under the LKJ prior partial correlations are independent: that of parameters i and j given those
    before j is a Beta(b, b) on (-1, 1), b = lkj + (d - 1 - j) / 2, j from 1 (the C-vine of
    Lewandowski, Kurowicka and Joe 2009, doi:10.1016/j.jmva.2009.04.008).
    """
    if not group.lkj:
        return tuple(
            tuple(jnp.asarray(v) for v in row[: i + 1])
            for i, row in enumerate(np.linalg.cholesky(group.matrix))
        )
    size = len(group.parameters)
    rows: list[tuple[Any, ...]] = [(jnp.ones(()),)]
    for i in range(1, size):
        row, left = [], jnp.ones(())
        for j in range(i):
            shape = group.lkj + (size - 2 - j) / 2
            partial, rest = correlation(at["correlation", (group.name, i, j)], shape)
            row.append(partial * left)
            left = left * rest
        rows.append((*row, left))
    return tuple(rows)


def natural_at(
    table: ParameterTable, quantities: tuple[Quantity, ...], population: Population
) -> dict[str, Any]:
    """Sampled population quantities by name, typical values in the table's units."""

    def value(q: Quantity) -> Any:
        match q.kind:
            case "typical":
                return table[q.key].to_natural(population.typical[q.key])
            case "correlation":
                rows, (name, i, j) = population.cholesky, q.key
                return sum(rows[name][i][k] * rows[name][j][k] for k in range(j + 1))
            case "residual_sd" | "proportional_sd":
                component = list(table.residuals[q.key].sds).index(q.kind)
                return population.residual_sd[q.key][..., component]
            case _:
                return getattr(population, q.kind)[q.key]

    return {q.name: value(q) for q in quantities}


def _stacked(components: Iterable[Any]) -> jax.Array:
    """Values side by side on a new last axis."""
    return jnp.stack(jnp.broadcast_arrays(*components), axis=-1)
