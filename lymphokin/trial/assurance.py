"""Assurance: power averaged over what is known about the two rates, and by strength of mechanism.

The rates may have Beta priors (:meth:`lymphokin.trial.exact.Design.average_power`), or come from
the mechanistic model: for each draw of the population (from the literature prior or from a fit)
the expected event rates of many virtual patients, once per arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lymphokin.trial.estimate import Estimate
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.inputs import Demands
from lymphokin.trial.virtual import Simulator, VirtualDesign, VirtualPopulation


@dataclass(frozen=True)
class Assurance:
    """Power averaged over draws of the two rates."""

    power: Estimate
    rates: NDArray[np.float64]
    """[draw, arm] expected rates of control and treated"""
    powers: NDArray[np.float64]
    """[draw] exact power at the rates of each draw"""


def population_rates(
    design: VirtualDesign,
    population: VirtualPopulation,
    fixed: Mapping[str, float],
    draws: int,
    patients: int,
    seed: int,
) -> NDArray[np.float64]:
    """Expected event rates of both arms for draws of the population.

    Each is the mean over ``patients`` virtual patients of the probability that the count of the
    planned endpoint day is reported below 0.80. The patients of one arm are twins of those of the
    other, or chance differences between arms would look like an effect; the same seed gives the
    same draws and patients whatever is fixed.

    Returns:
        [draw, arm], control first.
    """
    demands = Demands("assurance").want("many", draws=draws)
    demands.want("patients", patients=patients).enforce()
    large = replace(design.analysis, n_control=patients, n_treated=patients)
    simulator = Simulator(replace(design, analysis=large), population, fixed, twins=True)
    rates = np.asarray(simulator.run(seed, 0, draws).p_measured)
    demands.that(not np.isnan(rates).any(), "patients", patients,
                 "enough patients that some have what the endpoint counts")  # fmt: skip
    demands.enforce()
    return rates


def assurance(design: VirtualDesign, rates: NDArray[np.float64]) -> Assurance:
    """Power of a design averaged over draws of the rates, every patient with an endpoint."""
    analysis = design.analysis
    exact = Design(TESTS[analysis.test], design.n_treated, design.n_control, analysis.alpha)
    powers = exact.power(rates[:, 0], rates[:, 1])
    return Assurance(Estimate.of(powers), rates, powers)
