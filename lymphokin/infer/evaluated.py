"""What draws of the latents say about a cohort."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
