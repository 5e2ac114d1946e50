"""Bayesian inference: NUTS and quicker methods, diagnostics, and the fit that each gives.

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
__getattr__: Callable[[str], Any]
__getattr__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "belief": ["METHODS"],
        "checkpoint": ["Checkpoint"],
        "density": ["CohortDensity", "density_of"],
        "diagnostics": ["Convergence"],
        "gaussian": ["Whitening", "fit_gaussian"],
        "nuts": ["Draws", "sample_nuts"],
        "sample": ["Sample"],
        "sampler": ["NutsSettings"],
    },
)[0]
