"""The refusal of a forecast, where a model has no solution for a patient."""

from __future__ import annotations

MOST_DRAWS_UNSOLVED = 0.05
"""Share of a patient's draws for which the model gives no density, up to which these are left out
(judgement)."""

NO_SOLUTION = "model {} has no forecast for this patient: its equations have no finite solution"


class NoForecastError(ValueError):
    """The model has no number for some patients; the message names them."""
