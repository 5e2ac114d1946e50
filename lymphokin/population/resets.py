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
    for patient, own in cohort.resets.groupby("id"):
        days = np.sort(own["day"].to_numpy(float))
        for place in doses.index[doses["id"] == patient]:
            day, duration = doses.loc[place, ["day", "duration"]].astype(float)
            if (np.abs(days - day) <= SAME_DAY).any():
                doses.loc[place, "day"] = day + AFTER
            later = days[days > day + SAME_DAY]
            if len(later) and duration > 0 and day + duration > later[0]:
                kept = later[0] - day
                doses.loc[place, "amount_mg"] *= kept / duration
                doses.loc[place, "duration"] = kept
    return replace(cohort, doses=doses)
