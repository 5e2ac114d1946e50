"""What the literature knows: models calibrated to published cohorts.

Calibrating is imported when it is first asked for: what ships is read without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lymphokin.literature.posterior import calibrated_models, literature_draws

if TYPE_CHECKING:
    from lymphokin.literature.calibrate import Calibration, coverage
    from lymphokin.literature.meta_analysis import MetaAnalysis, Settings
    from lymphokin.literature.studies import Counts, Study, read_studies

__all__ = [
    "Calibration",
    "Counts",
    "MetaAnalysis",
    "Settings",
    "Study",
    "calibrated_models",
    "coverage",
    "literature_draws",
    "read_studies",
]
_LATER = {
    "Calibration": "calibrate",
    "coverage": "calibrate",
    "MetaAnalysis": "meta_analysis",
    "Settings": "meta_analysis",
    "Counts": "studies",
    "Study": "studies",
    "read_studies": "studies",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
