"""Bayesian inference: NUTS and quicker methods, diagnostics, and the fit that each gives."""

from lymphokin.infer.belief import METHODS
from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.density import CohortDensity, density_of
from lymphokin.infer.diagnostics import Convergence
from lymphokin.infer.gaussian import Whitening, fit_gaussian
from lymphokin.infer.nuts import Draws, sample_nuts
from lymphokin.infer.sample import Sample
from lymphokin.infer.sampler import NutsSettings

__all__ = [
    "METHODS",
    "Checkpoint",
    "CohortDensity",
    "Convergence",
    "Draws",
    "NutsSettings",
    "Sample",
    "Whitening",
    "density_of",
    "fit_gaussian",
    "sample_nuts",
]
