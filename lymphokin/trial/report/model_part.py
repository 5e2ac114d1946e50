"""What the mechanistic model adds to the design report: assurance by mechanism, risk by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lymphokin.model.roles import Contrast, contrast_of
from lymphokin.pages.wording import symbol
from lymphokin.trial.assurance import assurance, population_rates
from lymphokin.trial.report.axes import drug_start_days, endpoint_days
from lymphokin.trial.space import RiskByDay, risk_by_day, timing_map, with_twins
from lymphokin.trial.virtual import VirtualDesign, VirtualPopulation


@dataclass(frozen=True)
class ModelPart:
    """What the mechanistic model says about the design."""

    population: str
    draws: int
    patients: int
    assurance: list[dict[str, Any]]
    """per mechanism: label, assurance and its Monte-Carlo error, quantiles of both rates"""
    timing: RiskByDay | None
    """None where the endpoint is no count on a day after the last fraction"""
    timing_power: pd.DataFrame | None
    """index first day of the drug, columns endpoint day; None without timing"""
    disputed: Contrast | None
    """the model's disputed link"""
    symbol: str
    """of its strength; empty without one"""
    truth: dict[str, float]
    """typical values stated in the design file, from which the timing is computed"""


def model_part(
    design: VirtualDesign,
    population: VirtualPopulation,
    truth: VirtualPopulation,
    gammas: Sequence[float],
    draws: int,
    patients: int,
    trials: int,
    seed: int,
) -> ModelPart:
    """Assurance with and without the disputed link, and the risk by day.

    Args:
        design: the design.
        population: prior or fit, for the assurance.
        truth: the stated truth of the design file, for the timing.
        gammas: strengths of the mechanism to condition on.
        draws: draws of the population.
        patients: virtual patients per arm and draw.
        trials: virtual trials behind the timing.
        seed: of the random numbers.
    """
    cases: list[tuple[str, dict[str, float]]] = [("as in the population", {})]
    disputed, name = contrast_of(population.model), ""
    if disputed is not None:
        strength = disputed.parameter
        name = symbol(population.model.table[strength].symbol)
        cases += [(f"{name} = {value:g}", {strength: value}) for value in gammas]
    rows = []
    for label, fixed in cases:
        rates = population_rates(design, population, fixed, draws, patients, seed)
        found = assurance(design, rates)
        low, middle, high = np.quantile(rates, (0.05, 0.5, 0.95), axis=0)
        rows.append(
            {
                "label": label,
                "assurance": found.power.value,
                "error": found.power.error,
                "control": (low[0], middle[0], high[0]),
                "treated": (low[1], middle[1], high[1]),
            }
        )
    days = drug_start_days(design), endpoint_days(design)
    after_last = design.judged.on_a_day and design.judged.reference == "last_fraction"
    timing = risk_by_day(with_twins(design), truth, *days, trials, seed) if after_last else None
    return ModelPart(
        population.name,
        draws,
        patients,
        rows,
        timing,
        None if timing is None else timing_map(timing, design),
        disputed,
        name,
        dict(design.truth.typical),
    )
