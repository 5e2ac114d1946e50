"""An interim look: what the data so far say about the end of the trial."""

from lymphokin.trial.interim.future import future_patients
from lymphokin.trial.interim.patients import ARMS, standing, with_planned_pulses
from lymphokin.trial.interim.predictive import ArmSoFar, Predictive, predictive
from lymphokin.trial.interim.retention import evaluable
from lymphokin.trial.interim.run import Look, look_at

__all__ = [
    "ARMS",
    "ArmSoFar",
    "Look",
    "Predictive",
    "evaluable",
    "future_patients",
    "look_at",
    "predictive",
    "standing",
    "with_planned_pulses",
]
