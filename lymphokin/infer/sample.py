"""What every method gives: draws of the latents, and how far they can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from lymphokin.infer.belief import Belief


@dataclass(frozen=True)
class Sample:
    """Draws of one method."""

    x: np.ndarray
    """[chain, draw, latent] flat latents"""
    statistics: Mapping[str, np.ndarray]
    """[chain, draw] of each draw: ``log_density``, and what the method adds"""
    belief: Belief | None = None
    """of an approximation; None for Markov chains, which are judged by how they mixed"""
    groups: Mapping[str, xr.Dataset] = field(default_factory=dict)
    """kept in ``posterior.nc`` beside the draws"""
    thinning: int = 1
    """one of this many transitions of a Markov chain is kept as a draw"""
    shortened: int = 0
    """how often steps were shortened before these draws, as too many transitions diverged"""
    risk_ess: float = float("inf")
    """bulk effective draws of the patient's count at the endpoint that has fewest, of some of the
    draws; infinite where nobody looked"""
    log_evidence: tuple[float, ...] = ()
    """of the modes that the starts of Markov chains found, the largest first; rough"""
