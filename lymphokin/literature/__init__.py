"""What the literature knows: models calibrated to published cohorts.

Calibrating is imported when it is first asked for: what ships is read without it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lazy_loader

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
__getattr__: Callable[[str], Any]
__getattr__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "calibrate": ["Calibration", "coverage"],
        "meta_analysis": ["MetaAnalysis", "Settings"],
        "studies": ["Counts", "Study", "read_studies"],
    },
)[0]
