"""What a model predicts of scenarios, each of which is a patient of a table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lymphokin.infer import density_of
from lymphokin.io import Cohort
from lymphokin.model import Model
from lymphokin.solve import StepRule


def predicted_by_scenario(
    model: Model, cohort: Cohort, scenarios: Iterable[str]
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Per scenario and observable, the days of its records and what the medians predict there.

    A patient's id is the scenario's name without its commas.
    """
    density = density_of(model, cohort, StepRule.for_tolerance(1e-6))
    predicted = density.likelihood.predictions(density.start(), density.arrays)
    found = {}
    for quantity, (rows, _) in density.packed.records.items():
        values = np.exp(np.asarray(predicted[quantity][0]))[: len(rows)]
        for scenario in scenarios:
            own = (rows["id"] == scenario.replace(",", "")).to_numpy()
            found[scenario, quantity] = rows["day"].to_numpy(float)[own], values[own]
    return found
