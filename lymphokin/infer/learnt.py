"""What the data taught about each population quantity, in a word."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from lymphokin.model import Model
from lymphokin.model.acting import unmeasured_parameters
from lymphokin.population.quantities import Quantity, sampled_quantities

LEARNT_WELL, LEARNT_PARTLY = 0.5, 0.1
"""Contraction (share of the prior variance removed) from which a quantity counts as learnt."""
WELL, PARTLY, PRIOR_ONLY = "well", "partly", "prior only"
NOT_MEASURED = "not measured"
"""No record of the quantity's own block: whatever narrowed it came through other quantities."""
UNKNOWN = "unknown"
"""Nothing can be said: a single point, or draws that are not to be believed."""


def contraction_of(prior: np.ndarray, posterior: np.ndarray) -> float:
    """1 - the squared ratio of the widths of the 90 % intervals of draws.

    Args:
        prior, posterior: [draw] of one number, before the data and after.

    Returns:
        NaN where either has no draw; 0 where the prior has no width.
    """
    if not (len(prior) and len(posterior)):
        return np.nan
    before, after = (np.ptp(np.quantile(draws, (0.05, 0.95))) for draws in (prior, posterior))
    return float(1 - (after / before) ** 2) if before > 0 else 0.0


def learnt_word(contraction: float, measured: bool = True) -> str:
    """What a contraction means, for a quantity that was measured or not.

    Args:
        contraction: 1 - posterior variance over prior variance; NaN of a single point.
        measured: whether a record of the quantity's own block exists.
    """
    if not measured:
        return NOT_MEASURED
    if np.isnan(contraction):
        return UNKNOWN
    if contraction >= LEARNT_WELL:
        return WELL
    return PARTLY if contraction >= LEARNT_PARTLY else PRIOR_ONLY


def withheld(summary: pd.DataFrame) -> pd.DataFrame:
    """A summary whose draws are not to be believed, without its words on what was learnt."""
    word = summary["learnt"]
    return summary.assign(learnt=word.where(word == NOT_MEASURED, UNKNOWN))


def unmeasured_quantities(model: Model, measured: Collection[str]) -> frozenset[str]:
    """Names of the population quantities of which no record of their own block speaks.

    Args:
        model: the model.
        measured: quantities of which there are records.
    """
    parameters = unmeasured_parameters(model, measured)

    def is_unmeasured(quantity: Quantity) -> bool:
        match quantity.kind:
            case "residual_sd" | "proportional_sd":
                return quantity.key not in measured
            case "log_ratio":
                return quantity.key[0] not in measured
            case "correlation":
                return bool(set(model.table.correlations[quantity.key[0]].parameters) & parameters)
            case "covariate":
                return quantity.key[0] in parameters
            case _:
                return quantity.key in parameters

    return frozenset(q.name for q in sampled_quantities(model) if is_unmeasured(q))
