"""An interim look: what the data so far say about the end of the trial."""

from lymphokin.trial.interim.calibration import (
    CalibrationTest,
    calibration_table,
    stopping_table,
)
from lymphokin.trial.interim.future import future_patients
from lymphokin.trial.interim.patients import ARMS, standing, with_planned_pulses
from lymphokin.trial.interim.predictive import ArmSoFar, Predictive, predictive
from lymphokin.trial.interim.rehearsal import Rehearsal
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.interim.run import Look, look_at

__all__ = [
    "ARMS",
    "ArmSoFar",
    "CalibrationTest",
    "Look",
    "Predictive",
    "Rehearsal",
    "calibration_table",
    "evaluable",
    "future_patients",
    "look_at",
    "predictive",
    "standing",
    "stopping_table",
    "with_planned_pulses",
]
