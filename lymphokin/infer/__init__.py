"""Bayesian inference: NUTS and quicker methods, diagnostics, and the fit that each gives.

What is named here is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
_LATER = {
    "METHODS": "belief",
    "Checkpoint": "checkpoint",
    "CohortDensity": "density",
    "density_of": "density",
    "Convergence": "diagnostics",
    "Whitening": "gaussian",
    "fit_gaussian": "gaussian",
    "Draws": "nuts",
    "sample_nuts": "nuts",
    "Sample": "sample",
    "NutsSettings": "sampler",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
