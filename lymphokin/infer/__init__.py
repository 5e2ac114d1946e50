"""Bayesian inference: Markov chains and quicker methods, diagnostics, and the fit that each gives.

What is named here is imported when it is first asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    from lymphokin.infer.belief import METHODS
    from lymphokin.infer.checkpoint import Checkpoint
    from lymphokin.infer.density import CohortDensity, density_of
    from lymphokin.infer.diagnostics import Convergence
    from lymphokin.infer.gaussian import Whitening, fit_gaussian
    from lymphokin.infer.hmc import Draws, sample_hmc
    from lymphokin.infer.sample import Sample
    from lymphokin.infer.sampler import HmcSettings

__all__ = [
    "METHODS",
    "Checkpoint",
    "CohortDensity",
    "Convergence",
    "Draws",
    "HmcSettings",
    "Sample",
    "Whitening",
    "density_of",
    "fit_gaussian",
    "sample_hmc",
]
__getattr__: Callable[[str], Any]
__getattr__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "belief": ["METHODS"],
        "checkpoint": ["Checkpoint"],
        "density": ["CohortDensity", "density_of"],
        "diagnostics": ["Convergence"],
        "gaussian": ["Whitening", "fit_gaussian"],
        "hmc": ["Draws", "sample_hmc"],
        "sample": ["Sample"],
        "sampler": ["HmcSettings"],
    },
)[0]
