"""What the literature knows: models calibrated to published cohorts."""

from lymphokin.literature.calibrate import Calibration, calibrate, coverage
from lymphokin.literature.meta_analysis import MetaAnalysis, Settings
from lymphokin.literature.posterior import calibrated_models, literature_draws
from lymphokin.literature.studies import Counts, Study, read_studies

__all__ = [
    "Calibration",
    "Counts",
    "MetaAnalysis",
    "Settings",
    "Study",
    "calibrate",
    "calibrated_models",
    "coverage",
    "literature_draws",
    "read_studies",
]
