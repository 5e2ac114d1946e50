"""The level of the drug as a marker of toxicity in the run-in.

Severe toxicity of some drugs goes with a peak level on day 1; where that is known it stands with
the usual regimen (`data/regimens.toml`). How often it is exceeded follows from the kinetics: from
the model's prior or a fit, for the regimen at hand. With a toxicity rate above and one below the
marker, assumed by the user, the run-in's rate is their mixture, and as the share above it is
uncertain, so is the rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import NDArray

from lymphokin.population import Hierarchy
from lymphokin.solve import solve_hours
from lymphokin.solve.system import System
from lymphokin.trial.inputs import Demands
from lymphokin.trial.safety.base import SafetyRule
from lymphokin.trial.safety.characteristics import characteristics
from lymphokin.trial.virtual.counts import draw_patients, typical_values
from lymphokin.trial.virtual.design import VirtualDesign
from lymphokin.trial.virtual.grid import Grid
from lymphokin.trial.virtual.population import VirtualPopulation

DRAWS_AT_ONCE = 8


def peak_levels(
    design: VirtualDesign,
    population: VirtualPopulation,
    draws: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> NDArray[np.float64]:
    """Peak level of the design's drug on the first day of treatment.

    Args:
        design: the regimen, and the body surface areas; its treated arm is used.
        population: where the kinetics come from.
        draws: draws of the population.
        seed: of the random numbers.
        fixed: typical values that replace the population's.

    Returns:
        [draw, treated patient] in the unit of the level.

    Raises:
        ValueError: when the model shows no level of the drug.
    """
    hierarchy, grid = Hierarchy(population.model), Grid.of(design, population.model)
    model, pulses = hierarchy.model, grid.pulses
    level = next(iter(model.levels_of(design.drug)), None)
    if level is None:
        raise ValueError(f"model {model.name} measures no level of {design.drug or 'a drug'}")
    typical = typical_values(model, fixed or {})
    first_day = np.flatnonzero(grid.hours < 1.0)

    def one(key: jax.Array) -> jax.Array:
        of_population, of_patients = jax.random.split(key)
        z = population.latents(of_population)
        drawn = draw_patients(of_patients, z, hierarchy, grid, typical)
        hours = drawn.arrays.timeline.hours
        _, p = hierarchy.individuals(drawn.population, drawn.latents, drawn.arrays)
        assert hours is not None
        system = System(model.on_clock("hours"), p)
        solved = solve_hours(model, p, hours)
        states = dict(zip(system.names, solved.states, strict=True))
        return system.outputs(states, {})[level][first_day, ::pulses].max(axis=0)

    keys = jax.random.split(jax.random.key(seed), draws)
    run = jax.jit(lambda k: jax.lax.map(one, k, batch_size=DRAWS_AT_ONCE))
    return np.asarray(run(keys))


@dataclass(frozen=True)
class LinkedToxicity:
    """A run-in whose toxicity depends on the peak level of day 1."""

    share: NDArray[np.float64]
    """[draw] share of patients at or above the marker"""
    rate: NDArray[np.float64]
    """[draw] toxicity rate"""
    stopped: NDArray[np.float64]
    """[draw] probability of stopping"""
    patients: NDArray[np.float64]
    """[draw] expected number of patients"""


def linked_toxicity(
    rule: SafetyRule,
    looks: Sequence[int],
    levels: NDArray[np.float64],
    below: float,
    above: float,
    marker: float,
) -> LinkedToxicity:
    """How a run-in behaves when toxicity goes with the peak level.

    Args:
        rule: the safety rule.
        looks: numbers of patients at which the data are looked at.
        levels: [draw, patient] peak levels.
        below: toxicity rate of patients below the marker.
        above: that of patients at or above it.
        marker: in the unit of the levels.
    """
    demands = Demands("toxicity link").want("rate", below=below, above=above)
    demands.want("positive", marker=marker).enforce()
    share = (levels >= marker).mean(axis=1)
    rate = below + (above - below) * share
    # Many draws share a number of patients above the marker, and so a rate.
    distinct, which = np.unique(rate, return_inverse=True)
    found = characteristics(rule, looks, distinct.tolist())
    stopped, patients = found.stopped.sum(axis=0)[which], found.patients[which]
    return LinkedToxicity(share, rate, stopped, patients)
