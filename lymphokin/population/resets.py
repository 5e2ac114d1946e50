"""Resets: what is given around them, as the solver takes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lymphokin.io import Cohort
from lymphokin.model import Model, ModelError
from lymphokin.solve.treatment import SAME_DAY

AFTER = 10 * SAME_DAY
"""Days after a reset at which a dose of its time is given: a node of its own, 1 ms later."""


def around_resets(model: Model, cohort: Cohort) -> Cohort:
    """A cohort whose doses at the time of a reset come after it, and whose infusions end with it.

    Raises:
        ModelError: when the model has hazards, which no reset undoes.
    """
    if cohort.resets.empty:
        return cohort
    if model.hazards:
        raise ModelError(
            f"the cohort has resets (first: patient {cohort.resets['id'].iloc[0]}), and model "
            f"{model.name} has hazards ({', '.join(model.hazards)}), which no reset undoes"
        )
    doses = cohort.doses.copy()
    owner = doses["id"].to_numpy()
    day, amount, duration = (
        doses[name].to_numpy(float, copy=True) for name in ("day", "amount_mg", "duration")
    )
    for patient, own in cohort.resets.groupby("id"):
        days = np.sort(own["day"].to_numpy(float))
        for place in np.flatnonzero(owner == patient):
            later = days[days > day[place] + SAME_DAY]
            if len(later) and day[place] + duration[place] > later[0]:
                amount[place] *= (later[0] - day[place]) / duration[place]
                duration[place] = later[0] - day[place]
            if (np.abs(days - day[place]) <= SAME_DAY).any():
                day[place] += AFTER
    return replace(cohort, doses=doses.assign(day=day, amount_mg=amount, duration=duration))
