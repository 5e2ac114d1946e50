"""Bayesian inference: NUTS and quicker methods, diagnostics, and the fit that each gives."""

from lymphokin.infer.belief import METHODS
from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.density import CohortDensity, density_of
from lymphokin.infer.diagnostics import Convergence
from lymphokin.infer.fit import COHORT_FILE, RESEARCH_USE, Fit, assemble
from lymphokin.infer.gaussian import Whitening, fit_gaussian
from lymphokin.infer.nuts import Draws, Progress, sample_nuts
from lymphokin.infer.sample import Sample
from lymphokin.infer.sampler import NutsSettings

__all__ = [
    "COHORT_FILE",
    "METHODS",
    "RESEARCH_USE",
    "Checkpoint",
    "CohortDensity",
    "Convergence",
    "Draws",
    "Fit",
    "NutsSettings",
    "Progress",
    "Sample",
    "Whitening",
    "assemble",
    "density_of",
    "fit_gaussian",
    "sample_nuts",
]
