"""What the literature knows: models calibrated to published cohorts."""

from lymphokin.literature.calibrate import Calibration, calibrate, coverage
from lymphokin.literature.meta_analysis import MetaAnalysis, Settings
from lymphokin.literature.posterior import LiteraturePosterior, calibrated_models
from lymphokin.literature.studies import Counts, Study, read_studies

__all__ = [
    "Calibration",
    "Counts",
    "LiteraturePosterior",
    "MetaAnalysis",
    "Settings",
    "Study",
    "calibrate",
    "calibrated_models",
    "coverage",
    "read_studies",
]
