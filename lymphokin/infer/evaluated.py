"""What draws of the latents say about a cohort."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from lymphokin.population import PackedCohort
from lymphokin.population.events import EventTerms


class Evaluated(NamedTuple):
    """What draws of the latents say about a cohort; nodes are those of the days clock."""

    own_log_density: np.ndarray
    """[draw, patient] log density of each patient's latents and records given the population"""
    outputs: dict[str, np.ndarray]
    """measured outputs of the days clock, [draw, node, patient], before the event on that node"""
    predictions: dict[str, tuple[np.ndarray, np.ndarray]]
    """per quantity, log predictions of quantified and censored records, [draw, record]"""
    log_likelihood: dict[str, tuple[np.ndarray, np.ndarray]]
    """per quantity, log likelihoods of quantified and censored records, [draw, record]"""
    hazards: dict[str, np.ndarray]
    """per event, its cumulative hazard on the nodes, [draw, node, patient]"""
    events: dict[str, EventTerms]
    """per event, what is said of its records, each [draw, record]"""


def counts_on(packed: PackedCohort, day: pd.Series) -> Callable[[Evaluated], np.ndarray]:
    """What reads each patient's true count on a day of the patient's own, [draw, patient, 1]."""
    nodes = packed.nodes({str(patient): float(d) for patient, d in day.items()})
    patients = np.arange(len(nodes))
    return lambda part: part.outputs["alc"][:, nodes, patients][..., None]
