"""The doses that a steady state stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lymphokin.io import Cohort
from lymphokin.model import Model, ModelError
from lymphokin.solve.steady import doses_before


def with_doses_before(model: Model, cohort: Cohort, tolerance: float) -> Cohort:
    """A cohort with the doses that were given before each steady state.

    The steady state has come by the patient's first record, too.

    Args:
        model: the model.
        cohort: the patients.
        tolerance: relative error of what is solved.

    Raises:
        ModelError: when a steady state takes too many doses, or never comes, or the model begins
            with the first record.
    """
    first = cohort.doses[(cohort.doses["steady"] > 0) & cohort.doses["drug"].isin(model.drugs)]
    if first.empty:
        return cohort
    if model.begins:
        row = first.iloc[0]
        raise ModelError(
            f"patient {row['id']}, day {row['day']:g}: SS = 1, and model {model.name} begins with "
            "each patient's first record: expected doses from that day on, none before it"
        )
    begins = pd.concat([cohort.observations[["id", "day"]], cohort.fractions[["id", "day"]]])
    begin = begins.groupby("id")["day"].min()
    found = []
    for row in first.to_dict("records"):
        since = row["day"] - min(row["day"], begin.get(row["id"], np.inf))
        count = doses_before(model, row["drug"], row["steady"], tolerance)
        count += int(np.ceil(since / row["steady"]))
        days = row["day"] - row["steady"] * np.arange(count, 0, -1)
        found.append(pd.DataFrame({**row, "day": days, "steady": 0.0}))
    return replace(cohort, doses=pd.concat([*found, cohort.doses], ignore_index=True))
