"""When the drug begins and when the endpoint is read: the risk of grade >= 2 lymphopenia by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lymphokin.population import Hierarchy
from lymphokin.solve import solve
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.inputs import Demands
from lymphokin.trial.virtual.counts import Followed, draw_patients, set_aside
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.endpoint import risk_on
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.population import VirtualPopulation

TRIALS_AT_ONCE = 4


@dataclass(frozen=True)
class RiskByDay:
    """Expected share of patients whose count would be reported below 0.80, by day."""

    days: NDArray[np.float64]
    """[day] days after the last fraction"""
    control: NDArray[np.float64]
    """[day]"""
    treated: NDArray[np.float64]
    """[start, day]"""
    starts: NDArray[np.float64]
    """[start] first day of the drug, from the first fraction"""


def risk_by_day(
    design: VirtualDesign,
    population: VirtualPopulation,
    starts: Sequence[float],
    days: Sequence[float],
    trials: int = 200,
    seed: int = 0,
    fixed: Mapping[str, float] | None = None,
) -> RiskByDay:
    """Risk of both arms by the day of the endpoint, for different first days of the drug.

    The patients of every arm and start are twins, alike in all but the drug.

    Args:
        design: the design; its arms must be of one size.
        population: where the patients come from.
        starts: first days of the drug, whole days from the first fraction.
        days: days after the last fraction on which the endpoint may be read.
        trials: trials of virtual patients to average over.
        seed: of the random numbers.
        fixed: typical values that replace the population's.
    """
    demands = Demands("timing").want("many", trials=trials)
    demands.that(design.n_control == design.n_treated, "arms",
                 f"{design.n_control} and {design.n_treated}", "of one size")  # fmt: skip
    design.require_day("a map of timing")
    for start in starts:
        demands.that(float(start).is_integer(), "starts", start, "whole days")
    demands.enforce()
    plan = {**design.plan, "endpoint_days_after_last_fraction": float(max(days))}
    reach = replace(
        design,
        endpoint=None,
        truth=replace(design.truth, design=plan),
        conduct=replace(design.conduct, first_atra_day=float(min(0.0, *starts))),
    )
    hierarchy, grid = Hierarchy(population.model), Grid.of(reach, population.model)
    residual = hierarchy.model.table.residuals["alc"]
    typical = set_aside(hierarchy.model, fixed or {})
    shifts = jnp.asarray(starts, dtype=float) - reach.conduct.first_atra_day
    after = jnp.asarray(days, dtype=float)

    def trial(key: jax.Array) -> jax.Array:
        of_population, of_patients = jax.random.split(key)
        z = population.latents(of_population)
        drawn = draw_patients(of_patients, z, hierarchy, grid, typical, twins=True)

        def started(shift: jax.Array) -> jax.Array:
            courses = drawn.courses._replace(pulse_day=drawn.courses.pulse_day + shift)
            arrays = drawn.arrays._replace(timeline=grid.timeline(courses))
            p, p_lanes = hierarchy.individuals(drawn.population, drawn.latents, arrays)
            alc = grid.daily(solve(hierarchy.model, p, p_lanes, arrays.timeline)).outputs["alc"]
            sd = drawn.population.residual_sd["alc"]
            followed = Followed(courses, alc, sd, drawn.screened)

            def on(day: jax.Array) -> jax.Array:
                risk = risk_on(courses.last_fraction + day, followed, residual, grid)
                return risk.reshape(2, -1).mean(axis=1)

            return jax.vmap(on)(after)

        return jax.lax.map(started, shifts)

    keys = jax.random.split(jax.random.key(seed), trials)
    run = jax.jit(lambda k: jax.lax.map(trial, k, batch_size=TRIALS_AT_ONCE))
    mean = np.asarray(run(keys)).mean(axis=0)  # [start, day, arm]
    return RiskByDay(
        np.asarray(days, float), mean[0, :, 0], mean[:, :, 1], np.asarray(starts, float)
    )


def with_twins(design: VirtualDesign) -> VirtualDesign:
    """The design with a treated twin of every control patient, whatever the ratio of its arms."""
    return replace(design, analysis=replace(design.analysis, n_control=design.n_control,
                                            n_treated=design.n_control))  # fmt: skip


def timing_map(found: RiskByDay, design: VirtualDesign) -> pd.DataFrame:
    """Exact power of the design's test at the expected rates, by first day and endpoint day.

    Returns:
        index first day of the drug, columns days after the last fraction.
    """
    analysis = design.analysis
    exact = Design(TESTS[analysis.test], design.n_treated, design.n_control, analysis.alpha)
    control = np.broadcast_to(found.control, found.treated.shape)
    power = exact.power(control, found.treated)
    return pd.DataFrame(power, index=list(found.starts), columns=list(found.days))
