"""Bayesian inference: normal approximation, NUTS, diagnostics, and the fit they give."""

from lymphokin.infer.checkpoint import Checkpoint
from lymphokin.infer.diagnostics import Convergence
from lymphokin.infer.fit import COHORT_FILE, RESEARCH_USE, Fit, assemble
from lymphokin.infer.gaussian import Whitening, fit_gaussian
from lymphokin.infer.nuts import Draws, NutsSettings, Progress, sample_nuts
from lymphokin.infer.posterior import Posterior

__all__ = [
    "COHORT_FILE",
    "RESEARCH_USE",
    "Checkpoint",
    "Convergence",
    "Draws",
    "Fit",
    "NutsSettings",
    "Posterior",
    "Progress",
    "Whitening",
    "assemble",
    "fit_gaussian",
    "sample_nuts",
]
